/* No instruction set assumed: 16-byte vectors in portable C.  `fma` rounds twice here. */
#pragma once
#include <math.h>

#define RT_VEC_BYTES 16
#include "isa/vec_types.h"

static inline vf vf_fma(vf a, vf b, vf c) { return a * b + c; }
static inline vd vd_fma(vd a, vd b, vd c) { return a * b + c; }
static inline vf vf_select(vi m, vf a, vf b) { return (vf)((m & (vi)a) | (~m & (vi)b)); }
static inline vd vd_select(vl m, vd a, vd b) { return (vd)((m & (vl)a) | (~m & (vl)b)); }

static inline vf vf_sqrt(vf x) {
    for (int i = 0; i < VF; i++)
        x[i] = sqrtf(x[i]);
    return x;
}
static inline vd vd_sqrt(vd x) {
    for (int i = 0; i < VD; i++)
        x[i] = sqrt(x[i]);
    return x;
}

/* Adding and subtracting 1.5 * 2^mantissa rounds to nearest even; larger values are integers already. */
static inline vf vf_round(vf x) {
    vf magic = (vf){0} + 12582912.0f, absolute = (vf)((vi)x & 0x7fffffff);
    vf rounded = (x + magic) - magic;
    return vf_select(absolute < 4194304.0f, rounded, x);
}
static inline vd vd_round(vd x) {
    vd magic = (vd){0} + 6755399441055744.0, absolute = (vd)((vl)x & INT64_MAX);
    vd rounded = (x + magic) - magic;
    return vd_select(absolute < 2251799813685248.0, rounded, x);
}

/* Comparisons with NaN are false, and so select x. */
static inline vf vf_clamp(vf x, float low, float high) {
    x = vf_select(x < low, (vf){0} + low, x);
    return vf_select(x > high, (vf){0} + high, x);
}
static inline vd vd_clamp(vd x, double low, double high) {
    x = vd_select(x < low, (vd){0} + low, x);
    return vd_select(x > high, (vd){0} + high, x);
}

#if defined(__SSE2__)
#include <emmintrin.h>
#define RT_VEC_HAS_MUL32
static inline vu vu_mul32(vu a, vu b) { return (vu)_mm_mul_epu32((__m128i)a, (__m128i)b); }
#endif
