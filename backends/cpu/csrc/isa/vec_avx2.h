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

/* Lanes 8 - n .. 16 - n of this are a mask of the first n. */
static const int32_t vec_heads[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
static inline __m256i vec_lanes8(int64_t n) { return _mm256_loadu_si256((const __m256i *)(vec_heads + 8 - n)); }
static inline __m256i vec_lanes4(int64_t n) { return vec_lanes8(2 * n); }

#define RT_VEC_HAS_PARTS
static inline vf vf_load_n(const float *p, int64_t n) { return (vf)_mm256_maskload_ps(p, vec_lanes8(n)); }
static inline vd vd_load_n(const double *p, int64_t n) { return (vd)_mm256_maskload_pd(p, vec_lanes4(n)); }
static inline vf vf_range(const float *p, int64_t lo, int64_t hi) {
    return (vf)_mm256_maskload_ps(p, _mm256_andnot_si256(vec_lanes8(lo), vec_lanes8(hi)));
}
static inline vd vd_range(const double *p, int64_t lo, int64_t hi) {
    return (vd)_mm256_maskload_pd(p, _mm256_andnot_si256(vec_lanes4(lo), vec_lanes4(hi)));
}
static inline vf vf_first(vf x, int64_t n) { return (vf)((vi)x & (vi)vec_lanes8(n)); }
static inline vd vd_first(vd x, int64_t n) { return (vd)((vl)x & (vl)vec_lanes4(n)); }
static inline vf vf_load_or(const float *p, int64_t n, float rest) {
    return vf_select((vi)vec_lanes8(n), vf_load_n(p, n), (vf)_mm256_set1_ps(rest));
}
static inline vd vd_load_or(const double *p, int64_t n, double rest) {
    return vd_select((vl)vec_lanes4(n), vd_load_n(p, n), (vd)_mm256_set1_pd(rest));
}
/* A masked store is slow on some processors: a store for each power of two in n. */
static inline void vf_store_n(float *p, vf v, int64_t n) {
    if (n & 8) {
        _mm256_storeu_ps(p, (__m256)v);
        return;
    }
    __m128 x = _mm256_castps256_ps128((__m256)v);
    if (n & 4) {
        _mm_storeu_ps(p, x);
        x = _mm256_extractf128_ps((__m256)v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, x);
        x = _mm_movehl_ps(x, x);
        p += 2;
    }
    if (n & 1)
        _mm_store_ss(p, x);
}
static inline void vd_store_n(double *p, vd v, int64_t n) {
    if (n & 4) {
        _mm256_storeu_pd(p, (__m256d)v);
        return;
    }
    __m128d x = _mm256_castpd256_pd128((__m256d)v);
    if (n & 2) {
        _mm_storeu_pd(p, x);
        x = _mm256_extractf128_pd((__m256d)v, 1);
        p += 2;
    }
    if (n & 1)
        _mm_store_sd(p, x);
}

/* Across lanes, in halves. */
#define RT_VEC_HAS_ACROSS
static inline vf vf_larger(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
static inline vd vd_larger(vd a, vd b) { return (vd)_mm256_max_pd((__m256d)a, (__m256d)b); }
static inline float vf_most(vf x) {
    __m128 y = _mm_max_ps(_mm256_extractf128_ps((__m256)x, 1), _mm256_castps256_ps128((__m256)x));
    y = _mm_max_ps(_mm_movehl_ps(y, y), y);
    return _mm_cvtss_f32(_mm_max_ss(_mm_movehdup_ps(y), y));
}
static inline double vd_most(vd x) {
    __m128d y = _mm_max_pd(_mm256_extractf128_pd((__m256d)x, 1), _mm256_castpd256_pd128((__m256d)x));
    return _mm_cvtsd_f64(_mm_max_sd(_mm_unpackhi_pd(y, y), y));
}
static inline float vf_sum(vf x) {
    __m128 y = _mm_add_ps(_mm256_castps256_ps128((__m256)x), _mm256_extractf128_ps((__m256)x, 1));
    y = _mm_add_ps(y, _mm_movehl_ps(y, y));
    return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
}
static inline double vd_sum(vd x) {
    __m128d y = _mm_add_pd(_mm256_castpd256_pd128((__m256d)x), _mm256_extractf128_pd((__m256d)x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(y, _mm_unpackhi_pd(y, y)));
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

/* A table of 16 numbers in two registers. */
#define RT_VEC_HAS_TABLES
static inline vf vf_lookup(const float *table, vi index) {
    __m256 low = _mm256_permutevar8x32_ps(_mm256_load_ps(table), (__m256i)index);
    __m256 high = _mm256_permutevar8x32_ps(_mm256_load_ps(table + 8), (__m256i)index);
    return (vf)_mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32((__m256i)index, 28)));
}
