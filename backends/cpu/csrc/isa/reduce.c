/* Loops of sum, prod, amax and amin.  Each row keeps many independent lanes, which the compiler turns
 * into vector registers; the lanes are combined at the end. */
#include "reduce.h"
#include "isa/api/reduce.h"
#include "isa/optable.h"
#include <complex.h>

typedef float complex c64;
typedef double complex c128;

enum { LANES = 64 };

#define ADD(m, v) ((m) + (v))
#define MUL(m, v) ((m) * (v))
#define MAX(m, v) ((v) > (m) ? (v) : (m))
#define MIN(m, v) ((v) < (m) ? (v) : (m))
/* A NaN replaces anything, nothing replaces a NaN. */
#define MAX_FLOAT(m, v) ((v) > (m) || (v) != (v) ? (v) : (m))
#define MIN_FLOAT(m, v) ((v) < (m) || (v) != (v) ? (v) : (m))

#define REDUCER(NAME, T, A, START, COMBINE)                                                              \
    LANES_ROW(NAME, T, A, COMBINE)                                                                       \
    REDUCER_WITH_ROW(NAME, T, A, START, COMBINE)

#define LANES_ROW(NAME, T, A, COMBINE)                                                                   \
    static void NAME##_row(int64_t n, const void *x, void *acc) {                                        \
        const T *v = x;                                                                                  \
        A total = *(A *)acc;                                                                             \
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
            total = (A)COMBINE(total, lane[0]);                                                          \
        }                                                                                                \
        for (; i < n; i++)                                                                               \
            total = (A)COMBINE(total, (A)v[i]);                                                          \
        *(A *)acc = total;                                                                               \
    }

#define REDUCER_WITH_ROW(NAME, T, A, START, COMBINE)                                                     \
    static void NAME##_init(int64_t n, void *acc) {                                                      \
        for (int64_t i = 0; i < n; i++)                                                                  \
            ((A *)acc)[i] = (A)(START);                                                                  \
    }                                                                                                    \
    static void NAME##_column(int64_t n, const void *x, void *acc) {                                     \
        const T *restrict v = x;                                                                         \
        A *restrict a = acc;                                                                             \
        for (int64_t i = 0; i < n; i++)                                                                  \
            a[i] = (A)COMBINE(a[i], (A)v[i]);                                                            \
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
        sizeof(A), NAME##_init, NAME##_row, NAME##_column, NAME##_merge, NAME##_finish,                  \
    };

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

/* Sums of floats in double: twice the work in cache, none in memory, and no visible rounding error.
 * Written with vectors, because the compiler keeps converted lanes in memory. */
static void sum_float32_row(int64_t n, const void *x, void *acc) {
    const float *v = x;
    vd sum[4] = {0};
    int64_t i = 0;
    for (; i + 4 * VD <= n; i += 4 * VD)
        for (int k = 0; k < 4; k++)
            sum[k] += vd_load_float(v + i + k * VD);
    double total = vd_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
    for (; i < n; i++)
        total += (double)v[i];
    *(double *)acc += total;
}

REDUCER_WITH_ROW(sum_float32, float, double, 0, ADD)
REDUCER(sum_float64, double, double, 0, ADD)
REDUCER(prod_float32, float, double, 1, MUL)
REDUCER(prod_float64, double, double, 1, MUL)
REDUCER(amax_float32, float, float, -INFINITY, MAX_FLOAT)
REDUCER(amax_float64, double, double, -INFINITY, MAX_FLOAT)
REDUCER(amin_float32, float, float, INFINITY, MIN_FLOAT)
REDUCER(amin_float64, double, double, INFINITY, MIN_FLOAT)
REDUCER(sum_complex64, c64, c128, 0, ADD)
REDUCER(sum_complex128, c128, c128, 0, ADD)
REDUCER(prod_complex64, c64, c128, 1, MUL)
REDUCER(prod_complex128, c128, c128, 1, MUL)

#define ALL_FOUR(DTYPE, NAME) [DTYPE] = {&sum_##NAME, &prod_##NAME, &amax_##NAME, &amin_##NAME}

static const rt_reducer *const reducers[RT_DTYPE_COUNT][4] = {
    [RT_BOOL] = {[RT_AMAX] = &amax_uint8, [RT_AMIN] = &amin_uint8},
    ALL_FOUR(RT_UINT8, uint8),
    ALL_FOUR(RT_INT8, int8),
    ALL_FOUR(RT_INT16, int16),
    ALL_FOUR(RT_INT32, int32),
    ALL_FOUR(RT_INT64, int64),
    ALL_FOUR(RT_FLOAT16, float32),
    ALL_FOUR(RT_BFLOAT16, float32),
    ALL_FOUR(RT_FLOAT32, float32),
    ALL_FOUR(RT_FLOAT64, float64),
    [RT_COMPLEX64] = {&sum_complex64, &prod_complex64},
    [RT_COMPLEX128] = {&sum_complex128, &prod_complex128},
};

int rt_reduce_supported(int op, int dtype) { return reducers[dtype][op] != NULL; }

int rt_reduce(int op, int dtype, uintptr_t out, uintptr_t x, int ndim, const int64_t *dims, uint64_t reduced) {
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
