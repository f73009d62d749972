/* Two neighbours along the inner dimension take the place of one float: an operand whose inner dimension is
 * contiguous already is a matrix of such pairs, of half the length, and goes through the same packing and blocking.
 * Only the multiplication differs.
 *
 * VDPBF16PS multiplies exactly and adds to a float, rounding to nearest even at every addition, as the widened
 * product does; it takes denormal numbers for zero, which moves a result by less than 2^-125 per product. */
#include "isa/gemm_bf16.h"
#include "isa.h"
#include "isa/gemm.h"

#if defined(__AVX512BF16__)
#include "cache.h"
#include "workspace.h"
#include <stdatomic.h>

#define RT_REAL_BITS 32
#define RT_OWN_PRODUCT
#include "isa/real.h"
#undef T
#define T(name) RT_LOCAL(name##_bf16)
typedef RT_LOCAL(rt_gemm_f32) T(rt_gemm);
typedef RT_LOCAL(rt_operand_f32) T(rt_operand);
#include "isa/gemm_tile_size.h"

RT_INLINE V T(spread)(const REAL *p) {
    int32_t pair;
    memcpy(&pair, p, sizeof pair); /* never a float: a pair may be the pattern of a signalling NaN */
    return (V)_mm512_set1_epi32(pair);
}
RT_INLINE V T(add_product)(V a, V b, V sum) { return (V)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b); }

#include "isa/gemm_tile.h"
#include "isa/transpose.h"
#include "isa/gemm_pack.h"
#include "isa/gemm_run.h"
#include "isa/gemv.h"

/* An operand that has to be paired: `stride` from row to row of A or column to column of B. */
typedef struct {
    const uint16_t *data;
    int64_t stride, k_stride, k;
} halves;

RT_INLINE __m512i widen_head(const uint16_t *p, int64_t n) {
    return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16((__mmask16)_bzhi_u32(~0u, (uint32_t)n), p));
}

/* Neighbours in a panel are neighbours in memory: two rows are interleaved. */
static void pair_rows(const halves *x, const uint16_t *from, int64_t width, int64_t lanes, bool whole, float *out) {
    for (int64_t i = 0; i < lanes; i += VL) {
        int64_t n = lesser(VL, width - i);
        __m512i low = widen_head(from + i, n);
        __m512i high = whole ? widen_head(from + x->k_stride + i, n) : _mm512_setzero_si512();
        vf_store_n(out + i, (vf)_mm512_or_si512(low, _mm512_slli_epi32(high, 16)), lesser(VL, lanes - i));
    }
}

static void pair_any(const halves *x, const uint16_t *from, int64_t width, int64_t lanes, bool whole, float *out) {
    for (int64_t i = 0; i < lanes; i++, from += x->stride) {
        uint32_t pair = 0;
        if (i < width)
            pair = (uint32_t)from[0] | (whole ? (uint32_t)from[x->k_stride] << 16 : 0);
        memcpy(out + i, &pair, sizeof pair);
    }
}

static void pack_pairs(const void *ctx, int64_t i0, int64_t width, int64_t k0, int64_t kc, int64_t lanes, float *out) {
    const halves *x = ctx;
    for (int64_t p = k0; p < k0 + kc; p++, out += lanes) {
        const uint16_t *from = x->data + i0 * x->stride + 2 * p * x->k_stride;
        bool whole = 2 * p + 1 < x->k; /* else the last number of an odd length */
        if (x->stride == 1)
            pair_rows(x, from, width, lanes, whole, out);
        else
            pair_any(x, from, width, lanes, whole, out);
    }
}

static T(rt_operand) as_pairs(const halves *x) {
    bool paired = x->k_stride == 1 && x->k % 2 == 0 && x->stride % 2 == 0 && (uintptr_t)x->data % 4 == 0;
    if (paired)
        return (T(rt_operand)){.data = (const float *)x->data, .stride = x->stride / 2, .k_stride = 1};
    return (T(rt_operand)){.pack = pack_pairs, .ctx = x};
}

/* Zen multiplies pairs as fast as floats, twice the numbers; Intel's cores before AMX, at a quarter of that rate
 * (82 against 160 GFLOP/s measured on Sapphire Rapids), so that there only what waits for memory gains. */
bool RT_LOCAL(rt_multiplies_pairs)(int64_t m) { return rt_isa_bf16 && (m <= 8 || __builtin_cpu_is("amd")); }

int RT_LOCAL(rt_multiply_pairs)(int64_t m, int64_t n, int64_t k, const uint16_t *a, int64_t a_row, int64_t a_col,
                                const uint16_t *b, int64_t b_row, int64_t b_col, float *c, const float *bias) {
    halves x = {a, a_row, a_col, k}, y = {b, b_col, b_row, k};
    T(rt_gemm) g = {
        .m = m,
        .n = n,
        .k = (k + 1) / 2,
        .a = as_pairs(&x),
        .b = as_pairs(&y),
        .c = c,
        .ldc = n,
        .bias = bias,
        .bias_col = 1,
    };
    return T(rt_gemm_strided)(&g);
}
#else
bool RT_LOCAL(rt_multiplies_pairs)(int64_t m) {
    (void)m;
    return false;
}

int RT_LOCAL(rt_multiply_pairs)(int64_t m, int64_t n, int64_t k, const uint16_t *a, int64_t a_row, int64_t a_col,
                                const uint16_t *b, int64_t b_row, int64_t b_col, float *c, const float *bias) {
    (void)m, (void)n, (void)k, (void)a, (void)a_row, (void)a_col, (void)b, (void)b_row, (void)b_col, (void)c;
    (void)bias;
    return RT_UNSUPPORTED;
}
#endif
