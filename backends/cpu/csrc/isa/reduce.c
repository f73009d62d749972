/* Loops of sum, prod, amax and amin.  Each keeps many independent lanes, which the compiler turns
 * into vector registers; the lanes are combined at the end. */
#include "reduce.h"
#include "isa/api/reduce.h"
#include "isa/optable.h"
#include <complex.h>

typedef float complex c64;
typedef double complex c128;

enum { LANES = 64 };

#define SELF(x) (x)
#define SQUARE(x) ((x) * (x))
#define ADD(m, v) ((m) + (v))
#define MUL(m, v) ((m) * (v))
#define MAX(m, v) ((v) > (m) ? (v) : (m))
#define MIN(m, v) ((v) < (m) ? (v) : (m))
/* A NaN replaces anything, nothing replaces a NaN. */
#define MAX_FLOAT(m, v) ((v) > (m) || (v) != (v) ? (v) : (m))
#define MIN_FLOAT(m, v) ((v) < (m) || (v) != (v) ? (v) : (m))

/* The table entry of an op for elements T with accumulators A: NAME_row and NAME_columns exist. */
#define REDUCER_OF(NAME, T, A, START, COMBINE)                                                           \
    static void NAME##_init(int64_t n, void *acc) {                                                      \
        for (int64_t i = 0; i < n; i++)                                                                  \
            ((A *)acc)[i] = (A)(START);                                                                  \
    }                                                                                                    \
    static void NAME##_rows(int64_t count, int64_t n, const void *x, int64_t step, void *acc) {          \
        for (int64_t k = 0; k < count; k++)                                                              \
            ((A *)acc)[k] = (A)COMBINE(((A *)acc)[k], NAME##_row(n, (const T *)x + k * step));           \
    }                                                                                                    \
    static void NAME##_merge(int64_t n, const void *other, void *acc) {                                  \
        const A *restrict b = other;                                                                     \
        A *restrict a = acc;                                                                             \
        for (int64_t i = 0; i < n; i++)                                                                  \
            a[i] = (A)COMBINE(a[i], b[i]);                                                               \
    }                                                                                                    \
    static void NAME##_finish(int64_t n, const void *acc, void *out) {                                   \
        for (int64_t i = 0; i < n; i++)                                                                  \
            ((T *)out)[i] = (T)((const A *)acc)[i];                                                      \
    }                                                                                                    \
    static const rt_reducer NAME = {                                                                     \
        sizeof(A), NAME##_init, NAME##_rows, NAME##_columns, NAME##_merge, NAME##_finish,                \
    };

#define LANES_ROW(NAME, T, A, START, COMBINE)                                                            \
    static inline A NAME##_row(int64_t n, const T *v) {                                                  \
        A total = (A)(START);                                                                            \
        int64_t i = 0;                                                                                   \
        if (n >= LANES) {                                                                                \
            A lane[LANES];                                                                               \
            for (int j = 0; j < LANES; j++)                                                              \
                lane[j] = (A)v[j];                                                                       \
            for (i = LANES; i + LANES <= n; i += LANES)                                                  \
                for (int j = 0; j < LANES; j++)                                                          \
                    lane[j] = (A)COMBINE(lane[j], (A)v[i + j]);                                          \
            for (int w = LANES / 2; w > 0; w /= 2)                                                       \
                for (int j = 0; j < w; j++)                                                              \
                    lane[j] = (A)COMBINE(lane[j], lane[j + w]);                                          \
            total = lane[0];                                                                             \
        }                                                                                                \
        for (; i < n; i++)                                                                               \
            total = (A)COMBINE(total, (A)v[i]);                                                          \
        return total;                                                                                    \
    }

/* Eight rows at a time, combined pairwise before they meet the accumulators: these are then loaded and
 * stored once per eight rows, and sums round less. */
#define COLUMNS(NAME, T, A, TERM, COMBINE)                                                                   \
    static void NAME##_columns(int64_t count, int64_t n, const void *x, int64_t step, void *acc) {       \
        const T *restrict v = x;                                                                         \
        A *restrict a = acc;                                                                             \
        for (; count >= 8; count -= 8, v += 8 * step)                                                    \
            for (int64_t i = 0; i < n; i++) {                                                            \
                const T *r = v + i;                                                                      \
                const A x0 = (A)TERM(r[0]), x1 = (A)TERM(r[step]), x2 = (A)TERM(r[2 * step]);            \
                const A x3 = (A)TERM(r[3 * step]), x4 = (A)TERM(r[4 * step]);                            \
                const A x5 = (A)TERM(r[5 * step]), x6 = (A)TERM(r[6 * step]);                            \
                const A x7 = (A)TERM(r[7 * step]), y0 = (A)COMBINE(x0, x1), y1 = (A)COMBINE(x2, x3);     \
                const A y2 = (A)COMBINE(x4, x5), y3 = (A)COMBINE(x6, x7), z0 = (A)COMBINE(y0, y1);       \
                const A z1 = (A)COMBINE(y2, y3), whole = (A)COMBINE(z0, z1);                             \
                a[i] = (A)COMBINE(a[i], whole);                                                          \
            }                                                                                            \
        for (; count > 0; count--, v += step)                                                            \
            for (int64_t i = 0; i < n; i++)                                                              \
                a[i] = (A)COMBINE(a[i], (A)TERM(v[i]));                                                  \
    }

#define REDUCER(NAME, T, A, START, COMBINE)                                                              \
    LANES_ROW(NAME, T, A, START, COMBINE)                                                                \
    COLUMNS(NAME, T, A, SELF, COMBINE)                                                                         \
    REDUCER_OF(NAME, T, A, START, COMBINE)

#define INTEGER_REDUCERS(NAME, T, LOW, HIGH)                                                             \
    REDUCER(sum_##NAME, T, T, 0, ADD)                                                                    \
    REDUCER(prod_##NAME, T, T, 1, MUL)                                                                   \
    REDUCER(amax_##NAME, T, T, LOW, MAX)                                                                 \
    REDUCER(amin_##NAME, T, T, HIGH, MIN)

INTEGER_REDUCERS(uint8, uint8_t, 0, UINT8_MAX)
INTEGER_REDUCERS(int8, int8_t, INT8_MIN, INT8_MAX)
INTEGER_REDUCERS(int16, int16_t, INT16_MIN, INT16_MAX)
INTEGER_REDUCERS(int32, int32_t, INT32_MIN, INT32_MAX)
INTEGER_REDUCERS(int64, int64_t, INT64_MIN, INT64_MAX)

/* Sums of floats: eight vectors are added pairwise, then in double.  Three roundings (and that of a
 * square), so the error is below 3 units of rounding of the sum of magnitudes whatever the length, and
 * only one vector in eight pays for the conversion. */
#define PAIRS_4(f, p, step) ((f(p) + f((p) + (step))) + (f((p) + 2 * (step)) + f((p) + 3 * (step))))
#define PAIRS_8(f, p, step) (PAIRS_4(f, p, step) + PAIRS_4(f, (p) + 4 * (step), step))
#define TAKE(x)                                                                                          \
    do {                                                                                                 \
        const vf taken = (x);                                                                            \
        low += vf_low(taken);                                                                            \
        high += vf_high(taken);                                                                          \
    } while (0)

/* Eight vectors of a row.  Halves of AVX-512's are as quick in the caches of a core, and quicker beyond (Zen 4: 1.1).
 */
#if defined(RT_ISA_AVX512)
typedef float vh __attribute__((vector_size(32)));
#define TAKE_EIGHT(NAME, p)                                                                              \
    do {                                                                                                 \
        low += __builtin_convertvector(PAIRS_8(NAME##_half_at, p, VD), vd);                              \
        high += __builtin_convertvector(PAIRS_8(NAME##_half_at, (p) + 8 * VD, VD), vd);                  \
    } while (0)
#define HALF_AT(NAME, TERM)                                                                              \
    RT_INLINE vh NAME##_half_at(const float *p) {                                                        \
        const vh x = (vh)_mm256_loadu_ps(p);                                                             \
        return TERM(x);                                                                                  \
    }
#else
#define TAKE_EIGHT(NAME, p) TAKE(PAIRS_8(NAME##_at, p, VF))
#define HALF_AT(NAME, TERM)
#endif

#define SUM_FLOAT32(NAME, TERM)                                                                          \
    RT_INLINE vf NAME##_at(const float *p) {                                                             \
        const vf x = vf_load(p);                                                                         \
        return TERM(x);                                                                                  \
    }                                                                                                    \
    HALF_AT(NAME, TERM)                                                                                  \
    static inline double NAME##_row(int64_t n, const float *v) {                                         \
        vd low = {0}, high = {0};                                                                        \
        int64_t i = 0;                                                                                   \
        for (; i + 8 * VF <= n; i += 8 * VF)                                                             \
            TAKE_EIGHT(NAME, v + i);                                                                     \
        if (i + 4 * VF <= n) {                                                                           \
            TAKE(PAIRS_4(NAME##_at, v + i, VF));                                                         \
            i += 4 * VF;                                                                                 \
        }                                                                                                \
        for (; i + VF <= n; i += VF)                                                                     \
            TAKE(NAME##_at(v + i));                                                                      \
        if (i < n) {                                                                                     \
            const vf x = vf_load_n(v + i, n - i);                                                        \
            TAKE(TERM(x));                                                                               \
        }                                                                                                \
        return vd_sum(low + high);                                                                       \
    }                                                                                                    \
    /* The first n <= VF columns of so many rows, which are eight or one. */                             \
    RT_INLINE void NAME##_add(const float *v, int64_t step, bool eight, int64_t n, double *a) {          \
        if (n == VF) {                                                                                   \
            const vf sum = eight ? PAIRS_8(NAME##_at, v, step) : NAME##_at(v);                           \
            vd_store(a, vd_load(a) + vf_low(sum));                                                       \
            vd_store(a + VD, vd_load(a + VD) + vf_high(sum));                                            \
            return;                                                                                      \
        }                                                                                                \
        float part[8 * VF];                                                                              \
        for (int r = 0; r < (eight ? 8 : 1); r++)                                                        \
            vf_store(part + r * VF, vf_load_n(v + r * step, n));                                         \
        const vf sum = eight ? PAIRS_8(NAME##_at, part, VF) : NAME##_at(part);                           \
        const int64_t m = n < VD ? n : VD;                                                               \
        vd_store_n(a, vd_load_n(a, m) + vf_low(sum), m);                                                 \
        if (n > VD)                                                                                      \
            vd_store_n(a + VD, vd_load_n(a + VD, n - VD) + vf_high(sum), n - VD);                        \
    }                                                                                                    \
    static void NAME##_columns(int64_t count, int64_t n, const void *x, int64_t step, void *acc) {       \
        const float *v = x;                                                                              \
        for (int64_t rows; count > 0; count -= rows, v += rows * step) {                                 \
            rows = count < 8 ? 1 : 8;                                                                    \
            int64_t i = 0;                                                                               \
            if (rows == 8)                                                                               \
                for (; i + VF <= n; i += VF)                                                             \
                    NAME##_add(v + i, step, true, VF, (double *)acc + i);                                \
            else                                                                                         \
                for (; i + VF <= n; i += VF)                                                             \
                    NAME##_add(v + i, step, false, VF, (double *)acc + i);                               \
            if (i < n)                                                                                   \
                NAME##_add(v + i, step, rows == 8, n - i, (double *)acc + i);                            \
        }                                                                                                \
    }

/* Sums of doubles: eight vectors pairwise, then with the rounding error of every addition kept (Knuth's
 * two-sum).  Where the sum is not finite the error is NaN, and is left out. */
#define SUM_FLOAT64(NAME, TERM)                                                                          \
    RT_INLINE vd NAME##_at(const double *p) {                                                            \
        const vd x = vd_load(p);                                                                         \
        return TERM(x);                                                                                  \
    }                                                                                                    \
    static inline double NAME##_row(int64_t n, const double *v) {                                        \
        vd sum = {0}, lost = {0}, rest = {0};                                                            \
        int64_t i = 0;                                                                                   \
        for (; i + 8 * VD <= n; i += 8 * VD) {                                                           \
            const vd x = PAIRS_8(NAME##_at, v + i, VD), next = sum + x, taken = next - sum;              \
            lost += (sum - (next - taken)) + (x - taken);                                                \
            sum = next;                                                                                  \
        }                                                                                                \
        for (; i + VD <= n; i += VD)                                                                     \
            rest += NAME##_at(v + i);                                                                    \
        if (i < n) {                                                                                     \
            const vd x = vd_load_n(v + i, n - i);                                                        \
            rest += TERM(x);                                                                             \
        }                                                                                                \
        return vd_sum(vd_select(lost == lost, sum + (rest + lost), sum + rest));                         \
    }

SUM_FLOAT32(sum_float32, SELF)
SUM_FLOAT32(sum_squares_float32, SQUARE)
SUM_FLOAT64(sum_float64, SELF)
SUM_FLOAT64(sum_squares_float64, SQUARE)

/* The extreme of n >= lanes numbers, NaN left aside; the last lanes are looked at twice.  NaN has the
 * largest magnitude as a bit pattern. */
#define EXTREME_ROW(NAME, T, I, START, BETTER, COMBINE)                                                  \
    RT_INLINE I NAME##_bits(T x) {                                                                       \
        I bits;                                                                                          \
        memcpy(&bits, &x, sizeof bits);                                                                  \
        return bits & (I)(((uint64_t)1 << (8 * sizeof(I) - 1)) - 1);                                      \
    }                                                                                                    \
    RT_INLINE T NAME##_of_lanes(int64_t n, const T *v, const int lanes) {                                \
        T best[LANES];                                                                                   \
        I most[LANES];                                                                                   \
        for (int j = 0; j < lanes; j++) {                                                                \
            best[j] = v[j];                                                                              \
            most[j] = NAME##_bits(v[j]);                                                                 \
        }                                                                                                \
        for (int64_t i = lanes; i < n; i += lanes) {                                                     \
            const T *p = v + (i + lanes <= n ? i : n - lanes);                                           \
            for (int j = 0; j < lanes; j++) {                                                            \
                const I bits = NAME##_bits(p[j]);                                                        \
                best[j] = p[j] BETTER best[j] ? p[j] : best[j];                                          \
                most[j] = bits > most[j] ? bits : most[j];                                               \
            }                                                                                            \
        }                                                                                                \
        for (int w = lanes / 2; w > 0; w /= 2)                                                           \
            for (int j = 0; j < w; j++) {                                                                \
                best[j] = best[j + w] BETTER best[j] ? best[j + w] : best[j];                            \
                most[j] = most[j + w] > most[j] ? most[j + w] : most[j];                                 \
            }                                                                                            \
        return most[0] > NAME##_bits((T)INFINITY) ? (T)NAN : best[0];                                    \
    }                                                                                                    \
    static inline T NAME##_row(int64_t n, const T *v) {                                                  \
        enum { FEW = 64 / sizeof(T) };                                                                   \
        if (n >= LANES)                                                                                  \
            return NAME##_of_lanes(n, v, LANES);                                                         \
        if (n >= FEW)                                                                                    \
            return NAME##_of_lanes(n, v, FEW);                                                           \
        T total = START;                                                                                 \
        for (int64_t i = 0; i < n; i++)                                                                  \
            total = COMBINE(total, v[i]);                                                                \
        return total;                                                                                    \
    }

#define EXTREME_REDUCER(NAME, T, I, START, BETTER, COMBINE)                                              \
    EXTREME_ROW(NAME, T, I, START, BETTER, COMBINE)                                                      \
    COLUMNS(NAME, T, T, SELF, COMBINE)                                                                         \
    REDUCER_OF(NAME, T, T, START, COMBINE)

EXTREME_REDUCER(amax_float32, float, int32_t, -INFINITY, >, MAX_FLOAT)
EXTREME_REDUCER(amax_float64, double, int64_t, -INFINITY, >, MAX_FLOAT)
EXTREME_REDUCER(amin_float32, float, int32_t, INFINITY, <, MIN_FLOAT)
EXTREME_REDUCER(amin_float64, double, int64_t, INFINITY, <, MIN_FLOAT)
COLUMNS(sum_float64, double, double, SELF, ADD)
COLUMNS(sum_squares_float64, double, double, SQUARE, ADD)
REDUCER_OF(sum_float32, float, double, 0, ADD)
REDUCER_OF(sum_float64, double, double, 0, ADD)
REDUCER_OF(sum_squares_float32, float, double, 0, ADD)
REDUCER_OF(sum_squares_float64, double, double, 0, ADD)
REDUCER(prod_float32, float, double, 1, MUL)
REDUCER(prod_float64, double, double, 1, MUL)
REDUCER(sum_complex64, c64, c128, 0, ADD)
REDUCER(sum_complex128, c128, c128, 0, ADD)
REDUCER(prod_complex64, c64, c128, 1, MUL)
REDUCER(prod_complex128, c128, c128, 1, MUL)

#define ALL_FOUR(DTYPE, NAME) [DTYPE] = {&sum_##NAME, &prod_##NAME, &amax_##NAME, &amin_##NAME}
#define ALL_FIVE(DTYPE, NAME)                                                                            \
    [DTYPE] = {&sum_##NAME, &prod_##NAME, &amax_##NAME, &amin_##NAME, &sum_squares_##NAME}

static const rt_reducer *const reducers[RT_DTYPE_COUNT][RT_REDUCTIONS] = {
    [RT_BOOL] = {[RT_AMAX] = &amax_uint8, [RT_AMIN] = &amin_uint8},
    ALL_FOUR(RT_UINT8, uint8),
    ALL_FOUR(RT_INT8, int8),
    ALL_FOUR(RT_INT16, int16),
    ALL_FOUR(RT_INT32, int32),
    ALL_FOUR(RT_INT64, int64),
    ALL_FIVE(RT_FLOAT16, float32),
    ALL_FIVE(RT_BFLOAT16, float32),
    ALL_FIVE(RT_FLOAT32, float32),
    ALL_FIVE(RT_FLOAT64, float64),
    [RT_COMPLEX64] = {&sum_complex64, &prod_complex64},
    [RT_COMPLEX128] = {&sum_complex128, &prod_complex128},
};

int rt_reduce_supported(int op, int dtype) { return reducers[dtype][op] != NULL; }

static int reduce(int op, int dtype, uintptr_t out, uintptr_t x, int ndim, const int64_t *dims, uint64_t reduced) {
    bool half = dtype == RT_FLOAT16 || dtype == RT_BFLOAT16;
    rt_reduce_call call = {
        .reducer = reducers[dtype][op],
        .half = half ? &RT_LOCAL(rt_half_formats)[dtype == RT_BFLOAT16] : NULL,
        .itemsize = rt_itemsize(dtype),
        .out = out,
        .x = x,
    };
    return rt_reduce_run(&call, ndim, dims, reduced);
}

int rt_reduce(int op, int dtype, uintptr_t out, uintptr_t x, int ndim, const int64_t *dims, uint64_t reduced) {
    return reduce(op, dtype, out, x, ndim, dims, reduced);
}

int rt_reduce_dense(int op, int dtype, uintptr_t out, uintptr_t x, int64_t outer, int64_t n, int64_t inner) {
    int64_t dims[] = {outer, n, inner, n * inner, inner, 1, inner, 0, 1};
    return reduce(op, dtype, out, x, 3, dims, 2);
}
