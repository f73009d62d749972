/* Loops over one dense row, for the fused kernels; include after isa/real.h, once per type.
 *
 * In the expressions AT(p) is the vector of row p at the current position and PUT(p, x) stores one;
 * the last, partial vector goes through the same expression. */
#include "isa/vmath.h"

#ifndef RT_ROW_LOOPS
#define RT_ROW_LOOPS

#define AT(p) T(row_at)((p) + i, k)
#define PUT(p, x) T(row_put)((p) + i, x, k)

/* static double name(n, ...): the sum of an expression.  Four vectors take at most 16 additions each
 * before they are collected in double, so the error stays below 18 roundings whatever the length. */
#define ROW_SUM(name, parameters, ...)                                                                   \
    static inline double T(name) parameters {                                                            \
        double total = 0;                                                                                \
        int64_t i = 0;                                                                                   \
        while (i < n) {                                                                                  \
            V sum[4] = {{0}};                                                                            \
            int64_t block = n - i < 64 * VL ? n : i + 64 * VL;                                           \
            while (i + 4 * VL <= block)                                                                  \
                for (int u = 0; u < 4; u++, i += VL) {                                                   \
                    const int64_t k = VL;                                                                \
                    sum[u] += (__VA_ARGS__);                                                             \
                }                                                                                        \
            for (; i + VL <= block; i += VL) {                                                           \
                const int64_t k = VL;                                                                    \
                sum[0] += (__VA_ARGS__);                                                                 \
            }                                                                                            \
            if (i < block) {                                                                             \
                const int64_t k = n - i;                                                                 \
                sum[1] += v(first)((__VA_ARGS__), k);                                                    \
                i = n;                                                                                   \
            }                                                                                            \
            total += (double)v(sum)((sum[0] + sum[1]) + (sum[2] + sum[3]));                            \
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

RT_INLINE V T(row_at)(const REAL *p, int64_t k) { return k == VL ? v(load)(p) : v(load_n)(p, k); }

RT_INLINE void T(row_put)(REAL *p, V x, int64_t k) {
    if (k == VL)
        v(store)(p, x);
    else
        v(store_n)(p, x, k);
}

/* The largest number.  NaN is left aside, as what is computed from all elements brings it back, unless
 * there is nothing above -infinity. */
static inline REAL T(row_max)(int64_t n, const REAL *x) {
    V most = v(set1)(-INFINITY), other = most;
    int64_t i = 0;
    for (; i + 2 * VL <= n; i += 2 * VL) {
        most = v(larger)(v(load)(x + i), most);
        other = v(larger)(v(load)(x + i + VL), other);
    }
    if (i + VL <= n) {
        most = v(larger)(v(load)(x + i), most);
        i += VL;
    }
    if (i < n)
        other = v(larger)(v(load_or)(x + i, n - i, -INFINITY), other);
    REAL best = v(most)(v(larger)(most, other));
    for (i = 0; best == -INFINITY && i < n; i++)
        best = x[i] != x[i] ? x[i] : best;
    return best;
}
