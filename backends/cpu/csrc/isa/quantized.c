/* Products of quantized numbers.  Every step rounds as the op's decomposition says, so that results are the same bits.
 */
#include "isa/api/quantized.h"
#include "isa/gemm_int8.h"
#include "isa/grouped.h"
#include "sizes.h"
#include "workspace.h"

int rt_int_mm(uintptr_t out, uintptr_t a, uintptr_t b, int64_t m, int64_t n, int64_t k, int64_t a_row, int64_t a_col,
              int64_t b_row, int64_t b_col) {
    return RT_LOCAL(rt_multiply_int8)(m, n, k, (const int8_t *)a, a_row, a_col, (const int8_t *)b, b_row, b_col,
                                      (int32_t *)out);
}

typedef struct {
    int64_t n, k;
    const float *x, *weight_scale, *bias;
    int8_t *quantized;
    float *scale;
    int32_t *out; /* the sums, then the results in their place */
} quantized_linear;

/* The largest magnitude; not finite if a number is not. */
static float largest_of(const float *x, int64_t n) {
    int32_t most = 0; /* magnitudes are ordered as their bits, NaN last */
    for (int64_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= INT32_MAX;
        most = bits > most ? bits : most;
    }
    float largest;
    memcpy(&largest, &most, sizeof largest);
    return largest;
}

/* Numbers to whole ones in [-127, 127], ties to even. */
static void quantize(const float *restrict x, int64_t n, float scale, int8_t *restrict to) {
    const float magic = 12582912; /* 1.5 * 2^23: adding it rounds, and leaves the integer in the lowest bits */
    for (int64_t i = 0; i < n; i++) {
        float y = x[i] / scale;
        y = y < 127 ? y : 127; /* a denormal scale is not exact */
        y = (y > -127 ? y : -127) + magic;
        int32_t bits;
        memcpy(&bits, &y, sizeof bits);
        to[i] = (int8_t)bits;
    }
}

static void quantize_row(void *ctx, int64_t i, int thread) {
    (void)thread;
    const quantized_linear *q = ctx;
    const float *x = q->x + i * q->k;
    int8_t *to = q->quantized + i * q->k;
    float scale = largest_of(x, q->k) / 127;
    q->scale[i] = isfinite(scale) ? scale : NAN;
    if (scale > 0 && isfinite(scale))
        quantize(x, q->k, scale, to);
    else
        memset(to, 0, (size_t)q->k);
}

/* Sums become results, in their place: columns j .. j+n of row i. */
RT_INLINE void scale_sums(const quantized_linear *q, int64_t i, int64_t j, int64_t n) {
    int32_t *at = q->out + i * q->n + j;
    vi sums = n == VF ? vi_load(at) : vi_load_n(at, n);
    vf x = __builtin_convertvector(sums, vf) * vf_set1(q->scale[i]) * vf_load_n(q->weight_scale + j, n);
    if (q->bias)
        x += vf_load_n(q->bias + j, n);
    if (n == VF)
        vi_store(at, (vi)x);
    else
        vi_store_n(at, (vi)x, n);
}

static void scale_row(void *ctx, int64_t i, int thread) {
    (void)thread;
    const quantized_linear *q = ctx;
    int64_t j = 0;
    for (; j + VF <= q->n; j += VF)
        scale_sums(q, i, j, VF);
    if (j < q->n)
        scale_sums(q, i, j, q->n - j);
}

int rt_quantized_linear(uintptr_t out, uintptr_t x, uintptr_t weight, uintptr_t weight_scale, uintptr_t bias, int64_t m,
                        int64_t n, int64_t k) {
    int8_t *quantized = rt_workspace(RT_WORKSPACE_KERNEL, (size_t)(m * (k + (int64_t)sizeof(float)) + 64));
    if (!quantized)
        return RT_OUT_OF_MEMORY;
    quantized_linear q = {
        .n = n,
        .k = k,
        .x = (const float *)x,
        .weight_scale = (const float *)weight_scale,
        .bias = (const float *)bias,
        .quantized = quantized,
        .scale = (float *)(quantized + round_up(m * k, 64)),
        .out = (int32_t *)out,
    };
    grouped_for(m, 4 * k, quantize_row, &q);
    int status = RT_LOCAL(rt_multiply_int8)(m, n, k, quantized, k, 1, (const int8_t *)weight, 1, k, (int32_t *)out);
    if (!status)
        grouped_for(m, n, scale_row, &q);
    return status;
}
