/* Elementary functions on float vectors, within 2.5 units in the last place over the whole range,
 * denormals, infinities and NaN included.
 *
 * exp, expm1, log, tanh and erf: minimax polynomials after N. Juffa; sin and cos: in double precision. */
#pragma once
#include "isa/vec.h"

/* The integer nearest to x in the low bits, without a conversion that large x would break. */
RT_INLINE vi vf_to_int(vf x) { return __builtin_convertvector(x, vi); }

RT_INLINE vf vf_pow2(vi n) { return (vf)((n + 127) << 23); }

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

/* n = round(x / log 2) and x - n log 2, the latter in two exact-product steps. */
RT_INLINE vf vf_reduce_ln2(vf x, vf *f) {
    vf n = vf_round(x * 1.442695041f);
    *f = vf_fma(n, vf_set1(-1.42860677e-6f), vf_fma(n, vf_set1(-6.93145752e-1f), x));
    return n;
}

RT_INLINE vf vf_exp(vf x) {
    vf f, n = vf_reduce_ln2(vf_clamp(x, -105.0f, 89.0f), &f);
    return vf_ldexp(vf_exp_reduced(f), n);
}

RT_INLINE vf vf_exp2(vf x) {
    vf clamped = vf_clamp(x, -151.0f, 129.0f), n = vf_round(clamped);
    return vf_ldexp(vf_exp_reduced((clamped - n) * 0.6931471806f), n);
}

RT_INLINE vf vf_expm1(vf x) {
    vf f, n = vf_reduce_ln2(vf_clamp(x, -20.0f, 89.0f), &f);
    vf r = vf_set1(1.97350979e-4f);
    r = vf_fma(r, f, vf_set1(1.39309070e-3f));
    r = vf_fma(r, f, vf_set1(8.33343994e-3f));
    r = vf_fma(r, f, vf_set1(4.16668020e-2f));
    r = vf_fma(r, f, vf_set1(1.66666716e-1f));
    r = vf_fma(r, f, vf_set1(4.99999970e-1f));
    r = vf_fma(r, f * f, f);
    /* 2^n (r + 1) - 1 in halves, so that n = 128 does not overflow early. */
    vf t = vf_pow2(vf_to_int(n) - 1), y = t - 0.5f;
    y = vf_fma(r, t, y + ((t - y) - 0.5f));
    y = vf_select(n == 0.0f, r, y + y);
    return vf_select(x == 0.0f, x, y); /* keeps -0 */
}

/* x = m * 2^e with m in [2/3, 4/3); x positive and finite, denormals included. */
RT_INLINE vf vf_split(vf x, vf *e) {
    vi tiny = x < 1.17549435e-38f;
    x = vf_select(tiny, x * 8388608.0f, x);
    vi bits = ((vi)x - 0x3f2aaaab) & (vi)vi_set1((int32_t)0xff800000);
    *e = __builtin_convertvector(bits >> 23, vf) + vf_select(tiny, vf_set1(-23.0f), vf_set1(0.0f));
    return (vf)((vi)x - bits);
}

/* log(1 + f) for 1 + f in [2/3, 4/3). */
RT_INLINE vf vf_log_reduced(vf f) {
    vf s = f * f;
    vf r = vf_fma(vf_set1(-0.130310059f), f, vf_set1(0.140869141f));
    vf t = vf_fma(vf_set1(-0.121483512f), f, vf_set1(0.139814854f));
    r = vf_fma(r, s, t);
    r = vf_fma(r, f, vf_set1(-0.166846126f));
    r = vf_fma(r, f, vf_set1(0.200120345f));
    r = vf_fma(r, f, vf_set1(-0.249996200f));
    r = vf_fma(r, f, vf_set1(0.333331972f));
    r = vf_fma(r, f, vf_set1(-0.5f));
    return vf_fma(r, s, f);
}

/* log's values where x is not positive and finite: -inf, NaN, inf, NaN. */
RT_INLINE vf vf_log_edges(vf x, vf y) {
    y = vf_select(x == 0.0f, vf_set1(-INFINITY), y);
    y = vf_select(x < 0.0f, vf_set1(NAN), y);
    return vf_select((x == INFINITY) | (x != x), x, y);
}

RT_INLINE vf vf_log(vf x) {
    vf e, m = vf_split(x, &e);
    return vf_log_edges(x, vf_fma(e, vf_set1(0.693147182f), vf_log_reduced(m - 1.0f)));
}

/* The logarithm to another base; exact at powers of two for base 2. */
RT_INLINE vf vf_log2(vf x) {
    vf e, m = vf_split(x, &e), r = vf_log_reduced(m - 1.0f);
    /* 1/log 2 = 1.4426950216 + 1.926e-8: the product needs the second word near 1. */
    vf y = vf_fma(r, vf_set1(1.925963033e-8f), r * 1.442695022f);
    return vf_log_edges(x, e + y);
}

RT_INLINE vf vf_log10(vf x) {
    vf e, m = vf_split(x, &e), r = vf_log_reduced(m - 1.0f);
    /* log10(2) in two words, the first short enough that its product with e is exact. */
    vf y = vf_fma(r, vf_set1(0.4342944819f), e * 4.60503898e-6f);
    return vf_log_edges(x, vf_fma(e, vf_set1(0.301025390625f), y));
}

RT_INLINE vf vf_log1p(vf x) {
    vf u = 1.0f + x;
    vf lost = (x - (u - 1.0f)) / u; /* what rounding took from 1 + x, relative to it */
    vf y = vf_log(u) + lost;
    return vf_select((x == INFINITY) | (vf_abs(x) < 1e-10f), x, vf_select(u == 0.0f, vf_set1(-INFINITY), y));
}

RT_INLINE vf vf_tanh(vf x) {
    vf t = vf_abs(x), s = x * x;
    vf big = 1.0f - 2.0f / (vf_exp(t + t) + 1.0f);
    vf small = vf_set1(-5.515163299e-03f);
    small = vf_fma(small, s, vf_set1(2.046941966e-02f));
    small = vf_fma(small, s, vf_set1(-5.368802324e-02f));
    small = vf_fma(small, s, vf_set1(1.333083063e-01f));
    small = vf_fma(small, s, vf_set1(-3.333325982e-01f));
    small = vf_fma(small * s, t, t);
    return vf_copysign(vf_select(t > 0.65f, big, small), x);
}

RT_INLINE vf vf_sigmoid(vf x) {
    vf e = vf_exp(-vf_abs(x)), d = 1.0f + e;
    return vf_select(x < 0.0f, e, vf_set1(1.0f)) / d;
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

/* Sine (quarter = 0) or cosine (quarter = 1) of doubles below 2^20, to far more than float precision. */
RT_INLINE vd vd_sine_for_float(vd x, int64_t quarter) {
    vd n = vd_round(x * 0.63661977236758134308);
    vd r = vd_fma(n, vd_set1(-6.07710050650619224932e-11), vd_fma(n, vd_set1(-1.57079632673412561417), x));
    vl q = vl_from_vd(n) + quarter;
    vd s = r * r;
    vd sine = vd_fma(s, vd_set1(1.0 / 362880), vd_set1(-1.0 / 5040));
    sine = vd_fma(sine, s, vd_set1(1.0 / 120));
    sine = vd_fma(sine, s, vd_set1(-1.0 / 6));
    sine = vd_fma(sine * s, r, r);
    vd cosine = vd_fma(s, vd_set1(-1.0 / 3628800), vd_set1(1.0 / 40320));
    cosine = vd_fma(cosine, s, vd_set1(-1.0 / 720));
    cosine = vd_fma(cosine, s, vd_set1(1.0 / 24));
    cosine = vd_fma(cosine, s, vd_set1(-0.5));
    cosine = vd_fma(cosine, s, vd_set1(1.0));
    vd y = vd_select((q & 1) != 0, cosine, sine);
    return (vd)((vl)y ^ ((q & 2) << 62));
}

/* Whether a lane lies outside the range of the fast reduction (NaN and infinity do as well). */
RT_INLINE int vf_any_huge(vf x) {
    vi huge = ~(vf_abs(x) < 1048576.0f);
    int any = 0;
    for (int i = 0; i < VF; i++)
        any |= huge[i];
    return any;
}

RT_INLINE vf vf_sin(vf x) {
    if (vf_any_huge(x)) {
        for (int i = 0; i < VF; i++)
            x[i] = sinf(x[i]);
        return x;
    }
    vf y = vf_join(vd_sine_for_float(vf_low(x), 0), vd_sine_for_float(vf_high(x), 0));
    return vf_select(x == 0.0f, x, y);
}

RT_INLINE vf vf_cos(vf x) {
    if (vf_any_huge(x)) {
        for (int i = 0; i < VF; i++)
            x[i] = cosf(x[i]);
        return x;
    }
    return vf_join(vd_sine_for_float(vf_low(x), 1), vd_sine_for_float(vf_high(x), 1));
}
