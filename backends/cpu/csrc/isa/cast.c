/* Conversion between dtypes, with PyTorch's meaning: floats truncate towards zero, anything
 * compared with zero gives bool, a complex number loses its imaginary part. */
#include "isa/api/elementwise.h"
#include "isa/optable.h"
#include <complex.h>

typedef float complex c64;
typedef double complex c128;

/* Narrow integers go through int32, so that a float in its range wraps as an integer would. */
#define TO_BOOL(x) ((uint8_t)((x) != 0))
#define TO_NARROW(x) ((int32_t)(x))
#define TO_WIDE(x) (x)

#define LOOP(TO, FROM, D, S, HOW)                                                                        \
    static int FROM##_to_##TO(int64_t n, void *out, const void *const *in, const double *params) {       \
        (void)params;                                                                                    \
        D *o = out;                                                                                      \
        const S *x = in[0];                                                                              \
        for (int64_t i = 0; i < n; i++)                                                                  \
            o[i] = (D)HOW(x[i]);                                                                         \
        return RT_OK;                                                                                    \
    }
#define LOOPS_TO(TO, D, HOW)                                                                             \
    LOOP(TO, RT_BOOL, D, uint8_t, HOW)                                                                   \
    LOOP(TO, RT_UINT8, D, uint8_t, HOW)                                                                  \
    LOOP(TO, RT_INT8, D, int8_t, HOW)                                                                    \
    LOOP(TO, RT_INT16, D, int16_t, HOW)                                                                  \
    LOOP(TO, RT_INT32, D, int32_t, HOW)                                                                  \
    LOOP(TO, RT_INT64, D, int64_t, HOW)                                                                  \
    LOOP(TO, RT_FLOAT32, D, float, HOW)                                                                  \
    LOOP(TO, RT_FLOAT64, D, double, HOW)                                                                 \
    LOOP(TO, RT_COMPLEX64, D, c64, HOW)                                                                  \
    LOOP(TO, RT_COMPLEX128, D, c128, HOW)

LOOPS_TO(RT_BOOL, uint8_t, TO_BOOL)
LOOPS_TO(RT_UINT8, uint8_t, TO_NARROW)
LOOPS_TO(RT_INT8, int8_t, TO_NARROW)
LOOPS_TO(RT_INT16, int16_t, TO_NARROW)
LOOPS_TO(RT_INT32, int32_t, TO_WIDE)
LOOPS_TO(RT_INT64, int64_t, TO_WIDE)
LOOPS_TO(RT_FLOAT32, float, TO_WIDE)
LOOPS_TO(RT_FLOAT64, double, TO_WIDE)
LOOPS_TO(RT_COMPLEX64, c64, TO_WIDE)
LOOPS_TO(RT_COMPLEX128, c128, TO_WIDE)

#define CELL(TO, FROM) [FROM] = {"cast", FROM, TO, {FROM}, 1, 1, FROM##_to_##TO, NULL}
#define ROW(TO)                                                                                          \
    [TO] = {CELL(TO, RT_BOOL),    CELL(TO, RT_UINT8),   CELL(TO, RT_INT8),      CELL(TO, RT_INT16),      \
            CELL(TO, RT_INT32),   CELL(TO, RT_INT64),   CELL(TO, RT_FLOAT32),   CELL(TO, RT_FLOAT64),    \
            CELL(TO, RT_COMPLEX64), CELL(TO, RT_COMPLEX128)}

static const rt_op casts[RT_DTYPE_COUNT][RT_DTYPE_COUNT] = {
    ROW(RT_BOOL),  ROW(RT_UINT8),   ROW(RT_INT8),    ROW(RT_INT16),     ROW(RT_INT32),
    ROW(RT_INT64), ROW(RT_FLOAT32), ROW(RT_FLOAT64), ROW(RT_COMPLEX64), ROW(RT_COMPLEX128),
};

/* The half formats are float operands that the driver converts. */
static bool is_half(int dtype) { return dtype == RT_FLOAT16 || dtype == RT_BFLOAT16; }

static const rt_half_conversion *half_format(int dtype) {
    return is_half(dtype) ? &RT_LOCAL(rt_half_formats)[dtype == RT_BFLOAT16] : NULL;
}

static rt_elementwise_call call_of(int to, int from, uintptr_t out, uintptr_t x) {
    const rt_op *op = &casts[is_half(to) ? RT_FLOAT32 : to][is_half(from) ? RT_FLOAT32 : from];
    bool converts = (is_half(to) || is_half(from)) && op->dtype == RT_FLOAT32 && op->out_dtype == RT_FLOAT32;
    return (rt_elementwise_call){op, half_format(from), half_format(to), out, {x}, {0}, converts};
}

int rt_cast(int to, int from, uintptr_t out, uintptr_t x, int64_t n) {
    rt_elementwise_call call = call_of(to, from, out, x);
    return rt_elementwise_flat(&call, n);
}

int rt_cast_strided(int to, int from, uintptr_t out, uintptr_t x, int ndim, const int64_t *dims) {
    rt_elementwise_call call = call_of(to, from, out, x);
    return rt_elementwise_strided(&call, ndim, dims);
}
