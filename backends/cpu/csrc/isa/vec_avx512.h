/* AVX-512 (F, BW, DQ, VL): 64-byte vectors. */
#pragma once
#include <immintrin.h>
#include <stdbool.h>

#define RT_VEC_BYTES 64
#include "isa/vec_types.h"

static inline vf vf_fma(vf a, vf b, vf c) { return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
static inline vd vd_fma(vd a, vd b, vd c) { return (vd)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
static inline vf vf_sqrt(vf x) { return (vf)_mm512_sqrt_ps((__m512)x); }
static inline vd vd_sqrt(vd x) { return (vd)_mm512_sqrt_pd((__m512d)x); }
static inline vf vf_round(vf x) { return (vf)_mm512_roundscale_ps((__m512)x, 8); }
static inline vd vd_round(vd x) { return (vd)_mm512_roundscale_pd((__m512d)x, 8); }
static inline vf vf_select(vi m, vf a, vf b) {
    return (vf)_mm512_mask_blend_ps(_mm512_movepi32_mask((__m512i)m), (__m512)b, (__m512)a);
}
static inline vd vd_select(vl m, vd a, vd b) {
    return (vd)_mm512_mask_blend_pd(_mm512_movepi64_mask((__m512i)m), (__m512d)b, (__m512d)a);
}

/* The second operand is returned if either is NaN. */
static inline vf vf_clamp(vf x, float low, float high) {
    return (vf)_mm512_min_ps(_mm512_set1_ps(high), _mm512_max_ps(_mm512_set1_ps(low), (__m512)x));
}
static inline vd vd_clamp(vd x, double low, double high) {
    return (vd)_mm512_min_pd(_mm512_set1_pd(high), _mm512_max_pd(_mm512_set1_pd(low), (__m512d)x));
}

#define RT_VEC_HAS_LDEXP
static inline vf vf_ldexp(vf x, vf n) { return (vf)_mm512_scalef_ps((__m512)x, (__m512)n); }
static inline vd vd_ldexp(vd x, vd n) { return (vd)_mm512_scalef_pd((__m512d)x, (__m512d)n); }

/* Masks of lanes lo .. hi. */
static inline __mmask16 vec_lanes16(int64_t lo, int64_t hi) {
    return (__mmask16)(_bzhi_u32(~0u, (uint32_t)hi) & ~0u << lo);
}
static inline __mmask8 vec_lanes8(int64_t lo, int64_t hi) { return (__mmask8)vec_lanes16(lo, hi); }

#define RT_VEC_HAS_PARTS
static inline vf vf_load_n(const float *p, int64_t n) { return (vf)_mm512_maskz_loadu_ps(vec_lanes16(0, n), p); }
static inline vd vd_load_n(const double *p, int64_t n) { return (vd)_mm512_maskz_loadu_pd(vec_lanes8(0, n), p); }
static inline void vf_store_n(float *p, vf v, int64_t n) { _mm512_mask_storeu_ps(p, vec_lanes16(0, n), (__m512)v); }
static inline void vd_store_n(double *p, vd v, int64_t n) { _mm512_mask_storeu_pd(p, vec_lanes8(0, n), (__m512d)v); }
static inline vf vf_range(const float *p, int64_t lo, int64_t hi) {
    return (vf)_mm512_maskz_loadu_ps(vec_lanes16(lo, hi), p);
}
static inline vd vd_range(const double *p, int64_t lo, int64_t hi) {
    return (vd)_mm512_maskz_loadu_pd(vec_lanes8(lo, hi), p);
}
static inline vf vf_first(vf x, int64_t n) { return (vf)_mm512_maskz_mov_ps(vec_lanes16(0, n), (__m512)x); }
static inline vd vd_first(vd x, int64_t n) { return (vd)_mm512_maskz_mov_pd(vec_lanes8(0, n), (__m512d)x); }
static inline vf vf_load_or(const float *p, int64_t n, float rest) {
    return (vf)_mm512_mask_loadu_ps(_mm512_set1_ps(rest), vec_lanes16(0, n), p);
}
static inline vd vd_load_or(const double *p, int64_t n, double rest) {
    return (vd)_mm512_mask_loadu_pd(_mm512_set1_pd(rest), vec_lanes8(0, n), p);
}

#define RT_VEC_HAS_PARTS_OF_INTEGERS
static inline vi vi_load_n(const int32_t *p, int64_t n) { return (vi)_mm512_maskz_loadu_epi32(vec_lanes16(0, n), p); }
static inline void vi_store_n(int32_t *p, vi v, int64_t n) {
    _mm512_mask_storeu_epi32(p, vec_lanes16(0, n), (__m512i)v);
}

#define RT_VEC_HAS_GATHER
static inline vf vf_gather(const float *p, int64_t stride, int64_t lo, int64_t hi) {
    const vi lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    __mmask16 mask = vec_lanes16(lo, hi);
    return (vf)_mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, (__m512i)(lane * (int32_t)stride), p, 4);
}
static inline vd vd_gather(const double *p, int64_t stride, int64_t lo, int64_t hi) {
    const vl lane = {0, 1, 2, 3, 4, 5, 6, 7};
    __mmask8 mask = vec_lanes8(lo, hi);
    return (vd)_mm512_mask_i64gather_pd(_mm512_setzero_pd(), mask, (__m512i)(lane * stride), p, 8);
}

#define RT_VEC_HAS_ACROSS
static inline vf vf_larger(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
static inline vd vd_larger(vd a, vd b) { return (vd)_mm512_max_pd((__m512d)a, (__m512d)b); }
static inline float vf_most(vf x) { return _mm512_reduce_max_ps((__m512)x); }
static inline double vd_most(vd x) { return _mm512_reduce_max_pd((__m512d)x); }
static inline float vf_sum(vf x) { return _mm512_reduce_add_ps((__m512)x); }
static inline double vd_sum(vd x) { return _mm512_reduce_add_pd((__m512d)x); }

/* GCC 12 widens eight floats in two halves; one instruction does it. */
#define RT_VEC_HAS_WIDEN
static inline vd vd_load_float(const float *p) { return (vd)_mm512_cvtps_pd(_mm256_loadu_ps(p)); }
static inline vd vf_low(vf x) { return (vd)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x)); }
static inline vd vf_high(vf x) { return (vd)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x, 1)); }
static inline vf vf_join(vd low, vd high) {
    return (vf)_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)low)), _mm512_cvtpd_ps((__m512d)high),
                                  1);
}

#define RT_VEC_HAS_ANY
static inline bool vi_any(vi mask) { return _mm512_movepi32_mask((__m512i)mask) != 0; }
static inline bool vl_any(vl mask) { return _mm512_movepi64_mask((__m512i)mask) != 0; }

#define RT_VEC_HAS_MUL32
static inline vu vu_mul32(vu a, vu b) { return (vu)_mm512_mul_epu32((__m512i)a, (__m512i)b); }

#define RT_VEC_EXACT_FMA
#define RT_VEC_HAS_MANTISSA
static inline vf vf_mantissa(vf x) { return (vf)_mm512_getmant_ps((__m512)x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan); }
static inline vd vd_mantissa(vd x) { return (vd)_mm512_getmant_pd((__m512d)x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan); }
static inline vf vf_exponent(vf x) { return (vf)_mm512_getexp_ps((__m512)x); }
static inline vd vd_exponent(vd x) { return (vd)_mm512_getexp_pd((__m512d)x); }

/* A table of 16 numbers in a register. */
#define RT_VEC_HAS_TABLES
static inline vf vf_lookup(const float *table, vi index) {
    return (vf)_mm512_permutexvar_ps((__m512i)index, _mm512_load_ps(table));
}
