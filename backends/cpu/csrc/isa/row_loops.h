/* Loops over one dense row, for the fused kernels; include after isa/real.h, once per type.
 *
 * In the expressions AT(p) is the vector of row p at the current position and PUT(p, x) stores one;
 * the last, partial vector goes through the same expression. */
#include "isa/vmath.h"

#ifndef RT_ROW_LOOPS
#define RT_ROW_LOOPS

#define AT(p) T(row_at)((p) + i, k)
#define PUT(p, x) T(row_put)((p) + i, x, k)

/* static double name(n, ...): the sum of an expression.  Short float sums are collected in double. */
#define ROW_SUM(name, parameters, ...)                                                                   \
    static inline double T(name) parameters {                                                            \
        double total = 0;                                                                                \
        int64_t i = 0;                                                                                   \
        while (i < n) {                                                                                  \
            V s = {0};                                                                                   \
            int64_t block = n - i < 32 * VL ? n : i + 32 * VL;                                           \
            for (; i + VL <= block; i += VL) {                                                           \
                const int64_t k = VL;                                                                    \
                s += (__VA_ARGS__);                                                                      \
            }                                                                                            \
            if (i < block) {                                                                             \
                const int64_t k = n - i;                                                                 \
                s += T(row_first)((__VA_ARGS__), k);                                                     \
                i = n;                                                                                   \
            }                                                                                            \
            total += (double)v(total)(s);                                                                \
        }                                                                                                \
        return total;                                                                                    \
    }

/* static void name(n, ...): an expression that stores with PUT, for every position. */
#define ROW_EACH(name, parameters, ...)                                                                  \
    static inline void T(name) parameters {                                                              \
        int64_t i = 0;                                                                                   \
        for (; i + VL <= n; i += VL) {                                                                   \
            const int64_t k = VL;                                                                        \
            __VA_ARGS__;                                                                                 \
        }                                                                                                \
        if (i < n) {                                                                                     \
            const int64_t k = n - i;                                                                     \
            __VA_ARGS__;                                                                                 \
        }                                                                                                \
    }
#endif

RT_INLINE V T(row_at)(const REAL *p, int64_t k) { return k == VL ? v(load)(p) : v(head)(p, k); }

RT_INLINE void T(row_put)(REAL *p, V x, int64_t k) {
    if (k == VL)
        v(store)(p, x);
    else
        v(put_head)(p, x, k);
}

/* The first k lanes, the others 0. */
RT_INLINE V T(row_first)(V x, int64_t k) {
    REAL lanes[VL];
    v(store)(lanes, x);
    return v(load_n)(lanes, k);
}

static inline REAL T(row_max)(int64_t n, const REAL *x) {
    V m = v(set1)(-INFINITY);
    int64_t i = 0;
    for (; i + VL <= n; i += VL)
        m = v(max)(v(load)(x + i), m);
    REAL best = v(hmax)(m);
    for (; i < n; i++)
        best = x[i] > best || x[i] != x[i] ? x[i] : best;
    return best;
}
