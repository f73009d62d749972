/* Elementary functions on float vectors, within 2 units in the last place over the whole range,
 * denormals, infinities and NaN included.
 *
 * exp, expm1, log and erf: minimax polynomials after N. Juffa; the rarer functions in doubles. */
#pragma once
#include "isa/math_f64_circular.h"
#include "isa/math_f32_tables.h"

/* Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the sum, and in the sum itself. */
#define RT_SHIFT_F32 12582912.0f

/* 2^n from n + RT_SHIFT_F32, for normal results. */
RT_INLINE vf vf_pow2_of_shifted(vf shifted) { return (vf)(((vi)shifted << 23) + (127 << 23)); }

/* exp(f) for |f| <= log(2) / 2. */
RT_INLINE vf vf_exp_reduced(vf f) {
    vf r = vf_set1(1.37805939e-3f);
    r = vf_fma(r, f, vf_set1(8.37312452e-3f));
    r = vf_fma(r, f, vf_set1(4.16695364e-2f));
    r = vf_fma(r, f, vf_set1(1.66664720e-1f));
    r = vf_fma(r, f, vf_set1(4.99999851e-1f));
    r = vf_fma(r, f, vf_set1(1.0f));
    return vf_fma(r, f, vf_set1(1.0f));
}

/* round(x / log 2) + RT_SHIFT_F32, and what remains of x, in two exact-product steps. */
RT_INLINE vf vf_reduce_ln2(vf x, vf *f) {
    vf shifted = vf_fma(x, vf_set1(1.442695041f), vf_set1(RT_SHIFT_F32)), n = shifted - RT_SHIFT_F32;
    *f = vf_fma(n, vf_set1(-1.42860677e-6f), vf_fma(n, vf_set1(-6.93145752e-1f), x));
    return shifted;
}

/* For x in [-105, 89]. */
RT_INLINE vf vf_exp_in_range(vf x) {
    vf f, shifted = vf_reduce_ln2(x, &f);
    return vf_ldexp(vf_exp_reduced(f), shifted - RT_SHIFT_F32);
}

RT_INLINE vf vf_exp(vf x) { return vf_exp_in_range(vf_clamp(x, -105.0f, 89.0f)); }

RT_INLINE vf vf_exp2(vf x) {
    vf clamped = vf_clamp(x, -151.0f, 129.0f), n = vf_round(clamped);
    return vf_ldexp(vf_exp_reduced((clamped - n) * 0.6931471806f), n);
}

/* exp(f) - 1 for |f| <= log(2) / 2. */
RT_INLINE vf vf_expm1_reduced(vf f) {
    vf r = vf_set1(1.97350979e-4f);
    r = vf_fma(r, f, vf_set1(1.39309070e-3f));
    r = vf_fma(r, f, vf_set1(8.33343994e-3f));
    r = vf_fma(r, f, vf_set1(4.16668020e-2f));
    r = vf_fma(r, f, vf_set1(1.66666716e-1f));
    r = vf_fma(r, f, vf_set1(4.99999970e-1f));
    return vf_fma(r, f * f, f);
}

RT_INLINE vf vf_expm1(vf x) {
    vf f, shifted = vf_reduce_ln2(vf_clamp(x, -20.0f, 89.0f), &f), r = vf_expm1_reduced(f);
    /* 2^n (r + 1) - 1 in halves, so that n = 128 does not overflow early. */
    vf t = vf_pow2_of_shifted(shifted - 1.0f), y = t - 0.5f;
    y = vf_fma(r, t, y + ((t - y) - 0.5f));
    return vf_select(vf_abs(x) < 1e-8f, x, y + y); /* a half of a denormal would lose a bit, and -0 its sign */
}

/* x = m * 2^e with m in [2/3, 4/3), denormals included.  Where there is none, m and e make the
 * logarithm come out right: e is -inf for 0 and inf for inf, m is NaN for negative numbers and NaN. */
RT_INLINE vf vf_split(vf x, vf *e) {
#ifdef RT_VEC_HAS_MANTISSA
    vf m = vf_mantissa(x);
    vi large = m >= 1.33333337f;
    *e = vf_exponent(x) + vf_select(large, vf_set1(1.0f), vf_set1(0.0f));
    return vf_select(large, m * 0.5f, m);
#else
    vi tiny = x < 1.17549435e-38f;
    vf scaled = vf_select(tiny, x * 8388608.0f, x);
    vi bits = ((vi)scaled - 0x3f2aaaab) & (vi)vi_set1((int32_t)0xff800000);
    *e = __builtin_convertvector(bits >> 23, vf) + vf_select(tiny, vf_set1(-23.0f), vf_set1(0.0f));
    *e = vf_select(x == 0.0f, vf_set1(-INFINITY), vf_select(x == INFINITY, x, *e));
    vf m = vf_select((x == 0.0f) | (x == INFINITY), vf_set1(1.0f), (vf)((vi)scaled - bits));
    return vf_select(x >= 0.0f, m, vf_set1(NAN));
#endif
}

/* (log(1 + f) - f) / f^2 for 1 + f in [2/3, 4/3). */
RT_INLINE vf vf_log_ratio(vf f) {
    vf s = f * f;
    vf r = vf_fma(vf_set1(-0.130310059f), f, vf_set1(0.140869141f));
    vf t = vf_fma(vf_set1(-0.121483512f), f, vf_set1(0.139814854f));
    r = vf_fma(r, s, t);
    r = vf_fma(r, f, vf_set1(-0.166846126f));
    r = vf_fma(r, f, vf_set1(0.200120345f));
    r = vf_fma(r, f, vf_set1(-0.249996200f));
    r = vf_fma(r, f, vf_set1(0.333331972f));
    return vf_fma(r, f, vf_set1(-0.5f));
}

/* log(1 + f) there. */
RT_INLINE vf vf_log_reduced(vf f) { return vf_fma(vf_log_ratio(f), f * f, f); }

RT_INLINE vf vf_log(vf x) {
    vf e, m = vf_split(x, &e);
    return vf_fma(e, vf_set1(0.693147182f), vf_log_reduced(m - 1.0f));
}

/* The logarithm to another base, exact at powers of two for base 2.  The constant multiplies f and what the logarithm
 * has beyond it apart: of two roundings in a row the first would count more than once. */
RT_INLINE vf vf_log2(vf x) {
    vf e, f = vf_split(x, &e) - 1.0f, beyond = vf_log_ratio(f) * (f * f);
    /* 1/log 2 = 1.4426950216 + 1.926e-8 */
    vf y = vf_fma(f, vf_set1(1.925963033e-8f), beyond * 1.442695022f);
    return e + vf_fma(f, vf_set1(1.442695022f), y);
}

RT_INLINE vf vf_log10(vf x) {
    vf e, f = vf_split(x, &e) - 1.0f, beyond = vf_log_ratio(f) * (f * f);
    /* Both constants in two words; the first of log10(2) is short enough that its product with e is exact. */
    vf y = vf_fma(beyond, vf_set1(0.434294492f), vf_fma(f, vf_set1(-1.01030504e-8f), e * 4.60503898e-6f));
    return vf_fma(e, vf_set1(0.301025390625f), vf_fma(f, vf_set1(0.434294492f), y));
}

RT_INLINE vf vf_log1p(vf x) {
    vf u = 1.0f + x, e, m = vf_split(u, &e);
    vf lost = vf_ldexp(x - (u - 1.0f), -e); /* what rounding took from 1 + x, on the scale of m */
    vf y = vf_fma(e, vf_set1(0.693147182f), vf_log_reduced((m - 1.0f) + lost));
    y = vf_select((x > -1.0f) & (x < 1e30f), y, vf_fma(e, vf_set1(0.693147182f), vf_log_reduced(m - 1.0f)));
    return vf_select(vf_abs(x) < 1e-8f, x, y);
}

/* A polynomial in the distance of t >= 0 from the nearest of the middles 0, width ... 15 width. */
#define RT_BY_TABLE(name, t, width)                                                                      \
    ({                                                                                                   \
        const vf shifted_ = vf_fma((t), vf_set1(1.0f / (width)), vf_set1(RT_SHIFT_F32));                 \
        const vf d_ = vf_fma(shifted_ - RT_SHIFT_F32, vf_set1(-(width)), (t));                           \
        enum { DEGREE = sizeof name / sizeof name[0] - 1 };                                              \
        vf y_ = vf_lookup(name[DEGREE], (vi)shifted_);                                                   \
        _Pragma("GCC unroll 8") for (int power = DEGREE - 1; power >= 0; power--)                        \
            y_ = vf_fma(y_, d_, vf_lookup(name[power], (vi)shifted_));                                   \
        y_;                                                                                              \
    })

RT_INLINE vf vf_tanh(vf x) {
    vf t = vf_clamp(vf_abs(x), 0.0f, 9.1f);
    return vf_copysign(RT_BY_TABLE(vf_tanh_table, t, 0.625f), x);
}

RT_INLINE vf vf_sigmoid(vf x) {
    vf t = vf_abs(x), y = RT_BY_TABLE(vf_sigmoid_table, t, 0.625f);
    vi near = t < 9.5f;
    if (__builtin_expect(vi_any(~near), false)) {
        vf e = vf_exp(-t); /* so small that its square does not count */
        y = vf_select(near, y, e - e * e);
    }
    return vf_select(x < 0.0f, y, 1.0f - y);
}

RT_INLINE vf vf_erf(vf x) {
    vf t = vf_clamp(vf_abs(x), 0.0f, 4.0f), s = x * x;
    vf big = vf_fma(vf_set1(-1.72853470e-5f), t, vf_set1(3.83197126e-4f));
    vf u = vf_fma(vf_set1(-3.88396438e-3f), t, vf_set1(2.42546219e-2f));
    big = vf_fma(big, t * t, u);
    big = vf_fma(big, t, vf_set1(-1.06777877e-1f));
    big = vf_fma(big, t, vf_set1(-6.34846687e-1f));
    big = vf_fma(big, t, vf_set1(-1.28717512e-1f));
    big = vf_fma(big, t, -t);
    big = vf_copysign(1.0f - vf_exp(big), x);
    vf small = vf_set1(-5.96761703e-4f);
    small = vf_fma(small, s, vf_set1(4.99119423e-3f));
    small = vf_fma(small, s, vf_set1(-2.67681349e-2f));
    small = vf_fma(small, s, vf_set1(1.12819925e-1f));
    small = vf_fma(small, s, vf_set1(-3.76125336e-1f));
    small = vf_fma(small, s, vf_set1(1.28379166e-1f));
    small = vf_fma(small, x, x);
    return vf_select(t > 0.927734375f, big, small);
}

static const float vf_tail_end = 14.5f; /* beyond it the tail is 0 */

/* 2^64 exp(-t^2 / 2) for 0 <= t <= vf_tail_end: never denormal. */
RT_INLINE vf vf_bell(vf t) {
#ifdef RT_VEC_EXACT_FMA
    /* n times the first word of log 2 is exact, and so is what fma subtracts it from: the square is never rounded. */
    vf half = -0.5f * t, shifted = vf_fma(half * t, vf_set1(1.442695041f), vf_set1(RT_SHIFT_F32));
    vf n = shifted - RT_SHIFT_F32;
    vf f = vf_fma(n, vf_set1(-1.42860677e-6f), vf_fma(half, t, n * -6.93145752e-1f));
    return (vf)((vi)vf_exp_reduced(f) + (((vi)shifted << 23) + (64 << 23)));
#else
    vf s = t * t, high = (vf)((vi)t & ~0xfff), low = t - high;
    vf lost = ((high * high - s) + 2.0f * high * low) + low * low; /* what rounding took from the square */
    vf f, shifted = vf_reduce_ln2(-0.5f * s, &f), e = vf_exp_reduced(vf_fma(vf_set1(-0.5f), lost, f));
    return (vf)((vi)e + (((vi)shifted << 23) + (64 << 23)));
#endif
}

/* 2^-64 times what makes vf_bell(t) the normal distribution's upper tail at 0 <= t <= vf_tail_end: a quotient of
 * polynomials without cancellation.  So the tail keeps its digits down to denormals. */
RT_INLINE vf vf_normal_tail_ratio(vf t) {
    vf p = vf_fma(vf_set1(0x1p-64f * 0.00412116578f), t, vf_set1(0x1p-64f * 0.0406671992f));
    p = vf_fma(p, t, vf_set1(0x1p-64f * 0.183337897f));
    p = vf_fma(p, t, vf_set1(0x1p-64f * 0.438436814f));
    p = vf_fma(p, t, vf_set1(0x1p-64f * 0.5f));
    vf q = vf_fma(vf_set1(0.0103301124f), t, vf_set1(0.101943939f));
    q = vf_fma(q, t, vf_set1(0.469741355f));
    q = vf_fma(q, t, vf_set1(1.20293504f));
    q = vf_fma(q, t, vf_set1(1.67475861f));
    q = vf_fma(q, t, vf_set1(1.0f));
    return p / q;
}

/* x times the upper tail at t in [0, vf_tail_end]. */
RT_INLINE vf vf_times_normal_tail(vf x, vf t) {
    vi near = t < 4.8f; /* where a polynomial keeps the digits; few vectors hold anything else */
    vf y = x * RT_BY_TABLE(vf_normal_tail_table, t, 0.3125f);
    if (__builtin_expect(vi_any(~near), false)) {
        vd low = vd_times_normal_tail(vf_low(x), vf_low(t)), high = vd_times_normal_tail(vf_high(x), vf_high(t));
        y = vf_select(near, y, vf_join(low, high));
    }
    return y;
}
#undef RT_BY_TABLE

/* x modulo pi/2 as high + low, and the shifted quotient, for |x| < 2^20.  The first step is exact by
 * cancellation; `low` is what the second rounds off. */
RT_INLINE vf vf_reduce_half_pi(vf x, vf *low, vi *quadrant) {
#ifdef RT_VEC_EXACT_FMA
    vf shifted = vf_fma(x, vf_set1(0.636619747f), vf_set1(RT_SHIFT_F32)), n = shifted - RT_SHIFT_F32;
    vf r = vf_fma(n, vf_set1(-1.57079637f), x);
    vf p = n * 4.37113883e-8f, high = r + p;
    vf rest = vf_fma(n, vf_set1(1.71512451e-15f), vf_fma(n, vf_set1(4.37113883e-8f), -p));
    *low = ((r - high) + p) + rest;
    *quadrant = (vi)shifted;
    return high;
#else
    vd n[2], r[2] = {vf_low(x), vf_high(x)};
    for (int i = 0; i < 2; i++) {
        n[i] = vd_round(r[i] * 0.63661977236758134308);
        r[i] = r[i] - n[i] * 1.57079632673412561417 - n[i] * 6.07710050650619224932e-11;
    }
    vf high = vf_join(r[0], r[1]);
    *low = vf_join(r[0] - vf_low(high), r[1] - vf_high(high));
    *quadrant = (vi)(vf_join(n[0], n[1]) + RT_SHIFT_F32);
    return high;
#endif
}

/* Sine (quarter = 0) or cosine (quarter = 1) of |x| < 2^20. */
RT_INLINE vf vf_sine(vf x, int32_t quarter) {
    vi quadrant;
    vf low, r = vf_reduce_half_pi(x, &low, &quadrant), s = r * r;
    quadrant += quarter;
    vf sine = vf_fma(vf_set1(2.80200175e-6f), s, vf_set1(-1.98505499e-4f));
    sine = vf_fma(sine, s, vf_set1(8.33337475e-3f));
    sine = vf_fma(sine, s, vf_set1(-0.166666672f));
    sine = vf_fma(sine, s * r, low) + r;
    vf cosine = vf_fma(vf_set1(2.43915165e-5f), s, vf_set1(-1.38869474e-3f));
    cosine = vf_fma(cosine, s, vf_set1(4.16666381e-2f));
    cosine = vf_fma(cosine, s * s, -(r * low));
    /* 1 - s/2 in two words: s/2 has been rounded, and 1 - s/2 is again. */
    vf half = 0.5f * s, w = 1.0f - half;
    cosine = w + (((1.0f - w) - half) + cosine);
    vf y = vf_select((vi)((quadrant & 1) != 0), cosine, sine);
    return (vf)((vi)y ^ ((quadrant & 2) << 30));
}

/* Whether a lane lies outside the range of the fast reduction (NaN and infinity do as well). */
RT_INLINE bool vf_any_huge(vf x) { return vi_any((vi) ~(vf_abs(x) < 1048576.0f)); }

RT_INLINE vf vf_sin(vf x) {
    if (!vf_any_huge(x))
        return vf_select(x == 0.0f, x, vf_sine(x, 0)); /* keeps -0 */
    for (int i = 0; i < VF; i++)
        x[i] = sinf(x[i]);
    return x;
}

RT_INLINE vf vf_cos(vf x) {
    if (!vf_any_huge(x))
        return vf_sine(x, 1);
    for (int i = 0; i < VF; i++)
        x[i] = cosf(x[i]);
    return x;
}

/* The rarer functions in double precision, in halves. */
#define RT_BY_DOUBLES(name)                                                                              \
    RT_INLINE vf vf_##name(vf x) { return vf_join(vd_##name(vf_low(x)), vd_##name(vf_high(x))); }
RT_BY_DOUBLES(tan)
RT_BY_DOUBLES(asin)
RT_BY_DOUBLES(acos)
RT_BY_DOUBLES(atan)
RT_BY_DOUBLES(sinh)
RT_BY_DOUBLES(cosh)
#undef RT_BY_DOUBLES

RT_INLINE vf vf_atan2(vf y, vf x) { return vf_join(vd_atan2(vf_low(y), vf_low(x)), vd_atan2(vf_high(y), vf_high(x))); }

/* |x|^y for floats: the logarithm in doubles has digits to spare. */
RT_INLINE vd vd_power_for_float(vd x, vd y) { return vd_exp(y * vd_log(vd_abs(x))); }

RT_INLINE vf vf_pow(vf x, vf y) {
    vf power = vf_join(vd_power_for_float(vf_low(x), vf_low(y)), vd_power_for_float(vf_high(x), vf_high(y)));
    vf half = 0.5f * y;
    vi whole = vf_round(y) == y, even = (vf_round(half) == half) | ~whole;
    power = vf_select(even, power, vf_copysign(power, x));
    power = vf_select((x < 0.0f) & ~whole & (vf_abs(x) < INFINITY), vf_set1(NAN), power);
    return vf_select((x == 1.0f) | (y == 0.0f) | ((x == -1.0f) & (vf_abs(y) == INFINITY)), vf_set1(1.0f), power);
}
