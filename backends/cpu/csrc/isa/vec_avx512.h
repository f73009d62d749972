/* AVX-512 (F, BW, DQ, VL): 64-byte vectors. */
#pragma once
#include <immintrin.h>

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
