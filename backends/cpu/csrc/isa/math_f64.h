/* Exponentials, logarithms and the error function on double vectors, within 2 units in the last place
 * (where fma rounds once), denormals, infinities and NaN included.
 *
 * Polynomials are minimax, highest power first.  log after K.C. Ng's in FreeBSD's libm. */
#pragma once
#include "isa/vec.h"

/* Adding 1.5 * 2^52 leaves the nearest integer in the low bits of the sum, and in the sum itself. */
#define RT_SHIFT_F64 6755399441055744.0

#define RT_HORNER(x, coefficients) vd_horner(x, coefficients, (int)(sizeof coefficients / sizeof *coefficients))

RT_INLINE vd vd_horner(vd x, const double *coefficients, int count) {
    vd total = vd_set1(coefficients[0]);
#pragma GCC unroll 32
    for (int i = 1; i < count; i++)
        total = vd_fma(total, x, vd_set1(coefficients[i]));
    return total;
}

/* 2^n from n + RT_SHIFT_F64, for normal results. */
RT_INLINE vd vd_pow2_of_shifted(vd shifted) { return (vd)(((vl)shifted << 52) + (1023LL << 52)); }

/* round(x / log 2) + RT_SHIFT_F64, and what remains of x, in two exact-product steps. */
RT_INLINE vd vd_reduce_ln2(vd x, vd *f) {
    vd shifted = vd_fma(x, vd_set1(1.4426950408889634074), vd_set1(RT_SHIFT_F64)), n = shifted - RT_SHIFT_F64;
    *f = vd_fma(n, vd_set1(-1.90821492927058770002e-10), vd_fma(n, vd_set1(-6.93147180369123816490e-01), x));
    return shifted;
}

/* exp(f) - 1 for |f| <= log(2) / 2. */
RT_INLINE vd vd_expm1_reduced(vd f) {
    static const double p[] = {
        2.0924537357307135e-09,
        2.5109147302497118e-08,
        2.7557242451440542e-07,
        2.7557243912151783e-06,
        2.480158736091851e-05,
        0.00019841269886400361,
        0.0013888888888866657,
        0.0083333333333215319,
        0.041666666666666699,
        0.16666666666666677,
        0.5,
    };
    return vd_fma(RT_HORNER(f, p), f * f, f);
}

/* For x in [-746, 710]. */
RT_INLINE vd vd_exp_in_range(vd x) {
    vd f, shifted = vd_reduce_ln2(x, &f);
    return vd_ldexp(1.0 + vd_expm1_reduced(f), shifted - RT_SHIFT_F64);
}

RT_INLINE vd vd_exp(vd x) { return vd_exp_in_range(vd_clamp(x, -746.0, 710.0)); }

RT_INLINE vd vd_exp2(vd x) {
    vd clamped = vd_clamp(x, -1076.0, 1025.0), n = vd_round(clamped);
    return vd_ldexp(1.0 + vd_expm1_reduced((clamped - n) * 0.69314718055994530942), n);
}

/* (exp(x) - 1) / 2 for x in [-40, 710.4758]: computed in quarters, which do not overflow where the whole does. */
RT_INLINE vd vd_half_expm1(vd x) {
    vd f, shifted = vd_reduce_ln2(x, &f), t = vd_pow2_of_shifted(shifted - 2.0), y = t - 0.25;
    vd quarter = vd_fma(vd_expm1_reduced(f), t, y + ((t - y) - 0.25));
    return quarter + quarter;
}

RT_INLINE vd vd_expm1(vd x) {
    vd half = vd_half_expm1(vd_clamp(x, -40.0, 710.0));
    return vd_select(vd_abs(x) < 1e-16, x, half + half); /* a part of a denormal would lose bits */
}

/* The largest number whose hyperbolic sine and cosine are finite. */
#define RT_HYPERBOLIC_END 7.10475860073943863426e+02

/* The Taylor series below 1, else h + h / (2h + 1) with h = (exp(t) - 1) / 2, t = |x|. */
RT_INLINE vd vd_sinh(vd x) {
    static const double p[] = {
        1.0 / 355687428096000, 1.0 / 1307674368000, 1.0 / 6227020800, 1.0 / 39916800,
        1.0 / 362880,          1.0 / 5040,          1.0 / 120,        1.0 / 6,
    };
    vd t = vd_abs(x), s = x * x, h = vd_half_expm1(vd_clamp(t, 0.0, RT_HYPERBOLIC_END));
    vd big = h + h / vd_fma(h, vd_set1(2.0), vd_set1(1.0));
    big = vd_copysign(vd_select(t <= RT_HYPERBOLIC_END, big, t * 1e308), x);
    return vd_select(t < 1.0, vd_fma(RT_HORNER(s, p) * s, x, x), big);
}

/* Half of exp(t) and half of its inverse. */
RT_INLINE vd vd_cosh(vd x) {
    vd t = vd_abs(x), half = vd_half_expm1(vd_clamp(t, 0.0, RT_HYPERBOLIC_END)) + 0.5;
    return vd_select(t <= RT_HYPERBOLIC_END, half + 0.25 / half, t * 1e308);
}

/* (exp(2t) - 1) / (exp(2t) + 1) with t = |x| */
RT_INLINE vd vd_tanh(vd x) {
    vd t = vd_clamp(vd_abs(x), 0.0, 20.0), f, shifted = vd_reduce_ln2(t + t, &f);
    vd power = vd_pow2_of_shifted(shifted);
    vd y = vd_fma(power, vd_expm1_reduced(f), power - 1.0);
    return vd_copysign(y / (y + 2.0), x);
}

/* x = m * 2^e with m in [sqrt(1/2), sqrt(2)), denormals included.  Where there is none, m and e make the
 * logarithm come out right: e is -inf for 0 and inf for inf, m is NaN for negative numbers and NaN. */
RT_INLINE vd vd_split(vd x, vd *e) {
#ifdef RT_VEC_HAS_MANTISSA
    vd m = vd_mantissa(x);
    vl large = (vl)m >= 0x3ff6a09e667f3bcd;
    *e = vd_exponent(x) + vd_select(large, vd_set1(1.0), vd_set1(0.0));
    return vd_select(large, m * 0.5, m);
#else
    vl tiny = x < 2.2250738585072014e-308;
    vd scaled = vd_select(tiny, x * 18014398509481984.0, x);
    vl bits = ((vl)scaled - 0x3fe6a09e667f3bcd) & vl_set1((int64_t)0xfff0000000000000);
    /* A logical shift, as AVX2 has no other for 64 bits; the bias makes the exponent positive first. */
    vl exponent = (vl)((vu)(bits + 0x4000000000000000) >> 52) - 1024;
    *e = vd_from_vl(exponent) + vd_select(tiny, vd_set1(-54.0), vd_set1(0.0));
    *e = vd_select(x == 0.0, vd_set1(-INFINITY), vd_select(x == INFINITY, x, *e));
    vd m = vd_select((x == 0.0) | (x == INFINITY), vd_set1(1.0), (vd)((vl)scaled - bits));
    return vd_select(x >= 0.0, m, vd_set1(NAN));
#endif
}

/* 2 atanh(s), s = (m - 1) / (m + 1): the fixed evaluation order that random_normal promises; no fma. */
RT_INLINE vd vd_log_reduced(vd m) {
    vd s = (m - 1.0) / (m + 1.0), z = s * s;
    vd p = vd_set1(1.0 / 21);
    for (int k = 19; k >= 3; k -= 2)
        p = p * z + 1.0 / k;
    return 2.0 * s * (1.0 + z * p);
}

/* For positive finite x, by correctly rounded operations alone: the same bits on every machine. */
RT_INLINE vd vd_log_exact_steps(vd x) {
    vd e, m = vd_split(x, &e);
    return e * 6.93147180369123816490e-01 + (vd_log_reduced(m) + e * 1.90821492927058770002e-10);
}

/* log(1 + f) - f for 1 + f in [sqrt(1/2), sqrt(2)). */
RT_INLINE vd vd_log_rest(vd f) {
    static const double p[] = {
        1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01,
        2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01,
    };
    vd s = f / (2.0 + f), z = s * s, half = 0.5 * f * f;
    return s * (half + z * RT_HORNER(z, p)) - half;
}

/* e log(2) + log(1 + f); the first word of log(2) is short, so that its product is exact. */
RT_INLINE vd vd_log_joined(vd e, vd f) {
    vd rest = vd_fma(e, vd_set1(1.90821492927058770002e-10), vd_log_rest(f));
    return vd_fma(e, vd_set1(6.93147180369123816490e-01), rest + f);
}

RT_INLINE vd vd_log(vd x) {
    vd e, m = vd_split(x, &e);
    return vd_log_joined(e, m - 1.0);
}

/* Exact at powers of two. */
RT_INLINE vd vd_log2(vd x) {
    vd e, f = vd_split(x, &e) - 1.0, r = vd_log_rest(f) + f;
    return e + vd_fma(r, vd_set1(2.0355273740931033e-17), r * 1.4426950408889634074);
}

RT_INLINE vd vd_log10(vd x) {
    vd e, f = vd_split(x, &e) - 1.0, r = vd_log_rest(f) + f;
    /* log10(2) in two words, the first short enough that its product with e is exact. */
    vd y = vd_fma(r, vd_set1(4.34294481903251816668e-01), e * 3.69423907715893078616e-13);
    return vd_fma(e, vd_set1(3.01029995663611771306e-01), y);
}

RT_INLINE vd vd_log1p(vd x) {
    vd u = 1.0 + x, e, m = vd_split(u, &e);
    vd lost = vd_ldexp(x - (u - 1.0), -e); /* what rounding took from 1 + x, on the scale of m */
    lost = vd_select((x > -1.0) & (x < 1e30), lost, vd_set1(0.0));
    return vd_select(vd_abs(x) < 1e-16, x, vd_log_joined(e, (m - 1.0) + lost));
}

RT_INLINE vd vd_sigmoid(vd x) {
    vd e = vd_exp(-vd_abs(x)), d = 1.0 + e;
    return vd_select(x < 0.0, e, vd_set1(1.0)) / d;
}

/* What rounding took from s = t * t. */
RT_INLINE vd vd_square_error(vd t, vd s) {
#ifdef RT_VEC_EXACT_FMA
    return vd_fma(t, t, -s);
#else
    vd high = (vd)((vl)t & ~0x7ffffffLL), low = t - high;
    return ((high * high - s) + 2.0 * high * low) + low * low;
#endif
}

static const double vd_tail_end = 38.7; /* beyond it the tail is 0 */

/* 2^64 exp(-t^2 / 2) for 0 <= t <= vd_tail_end: never denormal. */
RT_INLINE vd vd_bell(vd t) {
    vd s = t * t, f, shifted = vd_reduce_ln2(-0.5 * s, &f);
    vd e = 1.0 + vd_expm1_reduced(vd_fma(vd_set1(-0.5), vd_square_error(t, s), f));
    return (vd)((vl)e + (((vl)shifted << 52) + (64LL << 52)));
}

/* 2^-64 times what makes vd_bell(t) the normal distribution's upper tail at 0 <= t <= vd_tail_end: a polynomial in
 * 6 / (6 + t).  So the tail keeps its digits down to denormals. */
RT_INLINE vd vd_normal_tail_ratio(vd t) {
    static const double p[] = {
        -0.00084736233917821519, 0.0087098962539918674, -0.039198752155450461,  0.10014254787787857,
        -0.15644415162975245,    0.14389130587154464,   -0.042335110416627846,  -0.096476325395879858,
        0.18711533447156695,     -0.18924684590845084,  0.14724263657541597,    -0.067427755244306067,
        0.052453025570272288,    0.012663419726299275,  0.036423492853805285,   0.040283894212746856,
        0.048932507147319219,    0.055542549951232159,  0.060951669114422916,   0.064643254254700772,
        0.066490389455457613,    0.066490379747954118,  5.0372186112596001e-12,
    };
    return RT_HORNER(6.0 / (6.0 + t), p) * 0x1p-64;
}

RT_INLINE vd vd_times_normal_tail(vd x, vd t) { return x * vd_bell(t) * vd_normal_tail_ratio(t); }

/* x times a polynomial near 0, else 1 less twice the normal distribution's tail at sqrt(2) |x|. */
RT_INLINE vd vd_erf(vd x) {
    static const double p[] = {
        5.9452900310372854e-11, -1.1365683248456953e-09, 1.4657884472637242e-08, -1.6350025936209924e-07,
        1.6460972886829844e-06, -1.4925593511401867e-05, 0.00012055331037093965, -0.00085483269787477016,
        0.0052239776247809651,  -0.026866170645072907,   0.11283791670954857,    -0.37612638903183748,
        1.1283791670955126,
    };
    vd t = vd_clamp(vd_abs(x), 0.0, 6.0), root = t * 1.41421356237309504880;
    vd big = vd_copysign(1.0 - 2.0 * (vd_bell(root) * vd_normal_tail_ratio(root)), x);
    return vd_select(t < 1.0, x * RT_HORNER(x * x, p), big);
}
