/* AVX2 with FMA and F16C: 32-byte vectors. */
#pragma once
#include <immintrin.h>
#include <stdbool.h>

#define RT_VEC_BYTES 32
#include "isa/vec_types.h"

static inline vf vf_fma(vf a, vf b, vf c) { return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
static inline vd vd_fma(vd a, vd b, vd c) { return (vd)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
static inline vf vf_sqrt(vf x) { return (vf)_mm256_sqrt_ps((__m256)x); }
static inline vd vd_sqrt(vd x) { return (vd)_mm256_sqrt_pd((__m256d)x); }
static inline vf vf_round(vf x) { return (vf)_mm256_round_ps((__m256)x, 8); }
static inline vd vd_round(vd x) { return (vd)_mm256_round_pd((__m256d)x, 8); }
static inline vf vf_select(vi m, vf a, vf b) { return (vf)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)m); }
static inline vd vd_select(vl m, vd a, vd b) { return (vd)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)m); }

/* The second operand is returned if either is NaN. */
static inline vf vf_clamp(vf x, float low, float high) {
    return (vf)_mm256_min_ps(_mm256_set1_ps(high), _mm256_max_ps(_mm256_set1_ps(low), (__m256)x));
}
static inline vd vd_clamp(vd x, double low, double high) {
    return (vd)_mm256_min_pd(_mm256_set1_pd(high), _mm256_max_pd(_mm256_set1_pd(low), (__m256d)x));
}

/* GCC 12 widens four floats in two halves; one instruction does it. */
#define RT_VEC_HAS_WIDEN
static inline vd vd_load_float(const float *p) { return (vd)_mm256_cvtps_pd(_mm_loadu_ps(p)); }
static inline vd vf_low(vf x) { return (vd)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)x)); }
static inline vd vf_high(vf x) { return (vd)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)x, 1)); }
static inline vf vf_join(vd low, vd high) {
    return (vf)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps((__m256d)low)),
                                    _mm256_cvtpd_ps((__m256d)high), 1);
}

#define RT_VEC_HAS_ANY
static inline bool vi_any(vi mask) { return !_mm256_testz_si256((__m256i)mask, (__m256i)mask); }
static inline bool vl_any(vl mask) { return vi_any((vi)mask); }

#define RT_VEC_HAS_MUL32
static inline vu vu_mul32(vu a, vu b) { return (vu)_mm256_mul_epu32((__m256i)a, (__m256i)b); }

#define RT_VEC_EXACT_FMA
