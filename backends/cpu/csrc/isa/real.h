/* Source written once for float and double.
 *
 * Define RT_REAL_BITS (32 or 64), include this, then the template; both headers are included once per
 * type.  Gives REAL; T(name), the name with suffixes of the type and the instruction set; V and VL, the
 * vector and its lanes; v(op), the vector operation of vec.h. */
#include "isa/target.h"

#undef REAL
#undef T
#undef V
#undef VL
#undef v
#if RT_REAL_BITS == 32
#define REAL float
#define T(name) RT_LOCAL(name##_f32)
#define V vf
#define VL VF
#define v(op) vf_##op
#else
#define REAL double
#define T(name) RT_LOCAL(name##_f64)
#define V vd
#define VL VD
#define v(op) vd_##op
#endif

#ifndef RT_MASKED_TAILS
#define RT_MASKED_TAILS
/* The status of a function that exists for both types, by dtype. */
#define RT_BY_REAL(dtype, name, ...)                                                                                   \
    ((dtype) == RT_FLOAT32   ? RT_LOCAL(name##_f32)(__VA_ARGS__)                                                       \
     : (dtype) == RT_FLOAT64 ? RT_LOCAL(name##_f64)(__VA_ARGS__)                                                       \
                             : RT_UNSUPPORTED)

/* Parts of a vector: the first n lanes, lanes lo .. hi (the others read as 0), lanes lo .. hi
 * of numbers `stride` apart; 0 <= n, lo, hi <= lanes.  `first` keeps the first n lanes of a vector, `head_or`
 * fills the others; `larger` returns its second operand where one is NaN; `most` is the largest lane but NaN.
 * Nothing else is touched.  vec.h copies byte by byte; a mask register does it at once. */
#if defined(RT_ISA_AVX512)
RT_INLINE vf vf_head(const float *p, int64_t n) {
    return (vf)_mm512_maskz_loadu_ps((__mmask16)_bzhi_u32(~0u, (uint32_t)n), p);
}
RT_INLINE vd vd_head(const double *p, int64_t n) {
    return (vd)_mm512_maskz_loadu_pd((__mmask8)_bzhi_u32(~0u, (uint32_t)n), p);
}
RT_INLINE void vf_put_head(float *p, vf x, int64_t n) {
    _mm512_mask_storeu_ps(p, (__mmask16)_bzhi_u32(~0u, (uint32_t)n), (__m512)x);
}
RT_INLINE void vd_put_head(double *p, vd x, int64_t n) {
    _mm512_mask_storeu_pd(p, (__mmask8)_bzhi_u32(~0u, (uint32_t)n), (__m512d)x);
}
RT_INLINE vf vf_range(const float *p, int64_t lo, int64_t hi) {
    return (vf)_mm512_maskz_loadu_ps((__mmask16)(_bzhi_u32(~0u, (uint32_t)hi) & ~0u << lo), p);
}
RT_INLINE vd vd_range(const double *p, int64_t lo, int64_t hi) {
    return (vd)_mm512_maskz_loadu_pd((__mmask8)(_bzhi_u32(~0u, (uint32_t)hi) & ~0u << lo), p);
}
RT_INLINE vf vf_gather(const float *p, int64_t stride, int64_t lo, int64_t hi) {
    const vi lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    __mmask16 mask = (__mmask16)(_bzhi_u32(~0u, (uint32_t)hi) & ~0u << lo);
    return (vf)_mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, (__m512i)(lane * (int32_t)stride), p, 4);
}
RT_INLINE vd vd_gather(const double *p, int64_t stride, int64_t lo, int64_t hi) {
    const vl lane = {0, 1, 2, 3, 4, 5, 6, 7};
    __mmask8 mask = (__mmask8)(_bzhi_u32(~0u, (uint32_t)hi) & ~0u << lo);
    return (vd)_mm512_mask_i64gather_pd(_mm512_setzero_pd(), mask, (__m512i)(lane * stride), p, 8);
}
RT_INLINE vf vf_first(vf x, int64_t n) {
    return (vf)_mm512_maskz_mov_ps((__mmask16)_bzhi_u32(~0u, (uint32_t)n), (__m512)x);
}
RT_INLINE vf vf_head_or(const float *p, int64_t n, float rest) {
    return (vf)_mm512_mask_loadu_ps(_mm512_set1_ps(rest), (__mmask16)_bzhi_u32(~0u, (uint32_t)n), p);
}
RT_INLINE vf vf_larger(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
RT_INLINE float vf_most(vf x) { return _mm512_reduce_max_ps((__m512)x); }
RT_INLINE vd vd_first(vd x, int64_t n) {
    return (vd)_mm512_maskz_mov_pd((__mmask8)_bzhi_u32(~0u, (uint32_t)n), (__m512d)x);
}
RT_INLINE vd vd_head_or(const double *p, int64_t n, double rest) {
    return (vd)_mm512_mask_loadu_pd(_mm512_set1_pd(rest), (__mmask8)_bzhi_u32(~0u, (uint32_t)n), p);
}
RT_INLINE vd vd_larger(vd a, vd b) { return (vd)_mm512_max_pd((__m512d)a, (__m512d)b); }
RT_INLINE double vd_most(vd x) { return _mm512_reduce_max_pd((__m512d)x); }
RT_INLINE float vf_total(vf x) { return _mm512_reduce_add_ps((__m512)x); }
RT_INLINE double vd_total(vd x) { return _mm512_reduce_add_pd((__m512d)x); }
#else
RT_INLINE vf vf_range(const float *p, int64_t lo, int64_t hi) {
    vf x = {0};
    for (int64_t i = lo; i < hi; i++)
        x[i] = p[i];
    return x;
}
RT_INLINE vd vd_range(const double *p, int64_t lo, int64_t hi) {
    vd x = {0};
    for (int64_t i = lo; i < hi; i++)
        x[i] = p[i];
    return x;
}
RT_INLINE vf vf_gather(const float *p, int64_t stride, int64_t lo, int64_t hi) {
    vf x = {0};
    for (int64_t i = lo; i < hi; i++)
        x[i] = p[i * stride];
    return x;
}
RT_INLINE vd vd_gather(const double *p, int64_t stride, int64_t lo, int64_t hi) {
    vd x = {0};
    for (int64_t i = lo; i < hi; i++)
        x[i] = p[i * stride];
    return x;
}
RT_INLINE vf vf_first(vf x, int64_t n) {
    float lanes[VF];
    vf_store(lanes, x);
    return vf_load_n(lanes, n);
}
RT_INLINE vf vf_head_or(const float *p, int64_t n, float rest) {
    vf x = vf_set1(rest);
    memcpy(&x, p, (size_t)n * sizeof *p);
    return x;
}
RT_INLINE vf vf_larger(vf a, vf b) { return vf_select(a > b, a, b); }
RT_INLINE float vf_most(vf x) {
    for (int w = VF / 2; w > 0; w /= 2)
        for (int i = 0; i < w; i++)
            x[i] = x[i + w] > x[i] ? x[i + w] : x[i];
    return x[0];
}
RT_INLINE vd vd_first(vd x, int64_t n) {
    double lanes[VD];
    vd_store(lanes, x);
    return vd_load_n(lanes, n);
}
RT_INLINE vd vd_head_or(const double *p, int64_t n, double rest) {
    vd x = vd_set1(rest);
    memcpy(&x, p, (size_t)n * sizeof *p);
    return x;
}
RT_INLINE vd vd_larger(vd a, vd b) { return vd_select(a > b, a, b); }
RT_INLINE double vd_most(vd x) {
    for (int w = VD / 2; w > 0; w /= 2)
        for (int i = 0; i < w; i++)
            x[i] = x[i + w] > x[i] ? x[i + w] : x[i];
    return x[0];
}
RT_INLINE float vf_total(vf x) { return vf_sum(x); }
RT_INLINE double vd_total(vd x) { return vd_sum(x); }
RT_INLINE vf vf_head(const float *p, int64_t n) { return vf_load_n(p, n); }
RT_INLINE vd vd_head(const double *p, int64_t n) { return vd_load_n(p, n); }
RT_INLINE void vf_put_head(float *p, vf x, int64_t n) { vf_store_n(p, x, n); }
RT_INLINE void vd_put_head(double *p, vd x, int64_t n) { vd_store_n(p, x, n); }
#endif
#endif
