/* AArch64 Advanced SIMD: 16-byte vectors. */
#pragma once
#include <arm_neon.h>
#include <stdbool.h>

#define RT_VEC_BYTES 16
#include "isa/vec_types.h"

static inline vf vf_fma(vf a, vf b, vf c) { return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
static inline vd vd_fma(vd a, vd b, vd c) { return (vd)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
static inline vf vf_sqrt(vf x) { return (vf)vsqrtq_f32((float32x4_t)x); }
static inline vd vd_sqrt(vd x) { return (vd)vsqrtq_f64((float64x2_t)x); }
static inline vf vf_round(vf x) { return (vf)vrndnq_f32((float32x4_t)x); }
static inline vd vd_round(vd x) { return (vd)vrndnq_f64((float64x2_t)x); }
static inline vf vf_select(vi m, vf a, vf b) { return (vf)vbslq_f32((uint32x4_t)m, (float32x4_t)a, (float32x4_t)b); }
static inline vd vd_select(vl m, vd a, vd b) { return (vd)vbslq_f64((uint64x2_t)m, (float64x2_t)a, (float64x2_t)b); }

/* FMIN and FMAX return NaN if either operand is one. */
static inline vf vf_clamp(vf x, float low, float high) {
    return (vf)vminq_f32(vdupq_n_f32(high), vmaxq_f32(vdupq_n_f32(low), (float32x4_t)x));
}
static inline vd vd_clamp(vd x, double low, double high) {
    return (vd)vminq_f64(vdupq_n_f64(high), vmaxq_f64(vdupq_n_f64(low), (float64x2_t)x));
}

#define RT_VEC_HAS_MUL32
static inline vu vu_mul32(vu a, vu b) { return (vu)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b)); }

#define RT_VEC_EXACT_FMA

/* A table of 16 numbers in four registers, looked up by bytes. */
#define RT_VEC_HAS_TABLES
static inline vf vf_lookup(const float *table, vi index) {
    uint8x16x4_t bytes = vld1q_u8_x4((const uint8_t *)table);
    uint32x4_t first = vandq_u32((uint32x4_t)index, vdupq_n_u32(15));
    return (vf)vqtbl4q_u8(bytes, (uint8x16_t)vmlaq_n_u32(vdupq_n_u32(0x03020100), first, 0x04040404));
}
