#include "api/scan.h"
#include "dtype.h"
#include "rows.h"
#include "status.h"
#include <complex.h>

/* Floats are summed in double: a running sum would otherwise lose a digit per tenfold length. */
#define CUMSUM(NAME, T, A)                                                                               \
    static int cumsum_##NAME(const rt_rows *r, void *const *out, const void *const *in) {                \
        const T *x = in[0];                                                                              \
        T *y = out[0];                                                                                   \
        A total = 0;                                                                                     \
        for (int64_t i = 0; i < r->n; i++) {                                                             \
            total = (A)(total + (A)x[i]);                                                                \
            y[i] = (T)total;                                                                             \
        }                                                                                                \
        return RT_OK;                                                                                    \
    }

/* Four at a time, so that each waits for a quarter of an addition only.  Sums in double leave no trace in float;
 * those of doubles keep the order of a plain loop, which is what everyone else's running sums are. */
static int cumsum_float32(const rt_rows *r, void *const *out, const void *const *in) {
    const float *x = in[0];
    float *y = out[0];
    double total = 0;
    int64_t i = 0;
    for (; i + 4 <= r->n; i += 4) {
        const double a = x[i], b = a + (double)x[i + 1], c = x[i + 2], d = c + (double)x[i + 3];
        y[i] = (float)(total + a);
        y[i + 1] = (float)(total + b);
        y[i + 2] = (float)(total + (b + c));
        total += b + d;
        y[i + 3] = (float)total;
    }
    for (; i < r->n; i++) {
        total += (double)x[i];
        y[i] = (float)total;
    }
    return RT_OK;
}

CUMSUM(uint8, uint8_t, uint8_t)
CUMSUM(int8, int8_t, int8_t)
CUMSUM(int16, int16_t, int16_t)
CUMSUM(int32, int32_t, int32_t)
CUMSUM(int64, int64_t, int64_t)
CUMSUM(float64, double, double)
CUMSUM(complex64, float complex, double complex)
CUMSUM(complex128, double complex, double complex)

static const rt_row_kernel kernels[RT_DTYPE_COUNT] = {
    [RT_UINT8] = cumsum_uint8,     [RT_INT8] = cumsum_int8,           [RT_INT16] = cumsum_int16,
    [RT_INT32] = cumsum_int32,     [RT_INT64] = cumsum_int64,         [RT_FLOAT32] = cumsum_float32,
    [RT_FLOAT64] = cumsum_float64, [RT_COMPLEX64] = cumsum_complex64, [RT_COMPLEX128] = cumsum_complex128,
};

int rt_cumsum(int dtype, uintptr_t out, uintptr_t x, int64_t outer, int64_t n, int64_t inner) {
    if (!kernels[dtype])
        return RT_UNSUPPORTED;
    int64_t size = rt_itemsize(dtype);
    rt_rows rows = {.kernel = kernels[dtype],
                    .outer = outer,
                    .n = n,
                    .inner = inner,
                    .cost = 4,
                    .out = {out},
                    .in = {x},
                    .out_size = {size},
                    .in_size = {size}};
    return rt_rows_run(&rows);
}
