/* Circular functions and their inverses on double vectors, within 2 units in the last place.
 *
 * Polynomials are minimax, highest power first; reduction after FreeBSD's libm. */
#pragma once
#include "isa/math_f64.h"

/* x modulo pi/2 as high + low, and the shifted quotient, for |x| < 2^20.  The words of pi/2 have 33 bits,
 * so that their products with the quotient are exact. */
RT_INLINE vd vd_reduce_half_pi(vd x, vd *low, vl *quadrant) {
    vd shifted = vd_fma(x, vd_set1(0.63661977236758134308), vd_set1(RT_SHIFT_F64)), n = shifted - RT_SHIFT_F64;
    vd r = x - n * 1.57079632673412561417e+00, w = n * 6.07710050630396597660e-11;
    vd high = r - w, moved = high - r;
    vd rest = ((r - (high - moved)) - (w + moved)) - n * 2.02226624879595063154e-21, sum = high + rest;
    *low = rest - (sum - high);
    *quadrant = (vl)shifted;
    return sum;
}

RT_INLINE vd vd_sine(vd x, int64_t quarter) {
    static const double sines[] = {
        1.5896504983151408e-10,  -2.5050753264511281e-08, 2.7557313662051795e-06,
        -0.00019841269829725164, 0.0083333333333223143,   -0.16666666666666632,
    };
    static const double cosines[] = {
        -1.1359448926482873e-11, 2.08757195637335e-09,  -2.7557314326070805e-07,
        2.4801587289395082e-05,  -0.001388888888887399, 0.041666666666666602,
    };
    vl quadrant;
    vd low, r = vd_reduce_half_pi(x, &low, &quadrant), s = r * r;
    quadrant += quarter;
    vd sine = vd_fma(RT_HORNER(s, sines), s * r, low) + r;
    /* 1 - s/2 in two words: it has been rounded. */
    vd half = 0.5 * s, w = 1.0 - half;
    vd cosine = w + (((1.0 - w) - half) + vd_fma(RT_HORNER(s, cosines), s * s, -(r * low)));
    vd y = vd_select((vl)((quadrant & 1) != 0), cosine, sine);
    return (vd)((vl)y ^ ((quadrant & 2) << 62));
}

/* Whether a lane lies outside the range of the fast reduction (NaN and infinity do as well). */
RT_INLINE bool vd_any_huge(vd x) { return vl_any((vl) ~(vd_abs(x) < 1048576.0)); }

RT_INLINE vd vd_sin(vd x) {
    if (!vd_any_huge(x))
        return vd_select(x == 0.0, x, vd_sine(x, 0)); /* keeps -0 */
    for (int i = 0; i < VD; i++)
        x[i] = sin(x[i]);
    return x;
}

RT_INLINE vd vd_cos(vd x) {
    if (!vd_any_huge(x))
        return vd_sine(x, 1);
    for (int i = 0; i < VD; i++)
        x[i] = cos(x[i]);
    return x;
}

RT_INLINE vd vd_tan(vd x) {
    static const double p[] = {
        2.1130488843900691e-05, -4.6014164250197377e-05, 9.1612734112288987e-05, -2.8799733409828508e-05,
        0.00013828670598672001, 0.0002214986712601772,   0.00059537345644413472, 0.0014546819755887875,
        0.0035923020680521949,  0.0088632176651102217,   0.021869489720140186,   0.053968253921809761,
        0.13333333333425315,    0.33333333333332693,
    };
    if (vd_any_huge(x)) {
        for (int i = 0; i < VD; i++)
            x[i] = tan(x[i]);
        return x;
    }
    vl quadrant;
    vd low, r = vd_reduce_half_pi(x, &low, &quadrant), s = r * r;
    vd t = vd_fma(RT_HORNER(s, p), s * r, low) + r;
    vl odd = (vl)((quadrant & 1) != 0);
    t = vd_select(odd, vd_set1(-1.0), t) / vd_select(odd, t, vd_set1(1.0));
    return vd_select(x == 0.0, x, t);
}

/* atan(a / b) for a, b >= 0, neither NaN with the other infinite: atan(1) or atan(inf) plus that of the rest. */
RT_INLINE vd vd_atan_ratio(vd a, vd b) {
    static const double p[] = {
        -0.017892434235125858, 0.038051597132253687, -0.05038815871064755,  0.05847785676135505,
        -0.066630904836598129, 0.07692059081153528,  -0.090908976973371025, 0.11111110781475934,
        -0.14285714280159195,  0.19999999999953239,  -0.33333333333333198,
    };
    vl low = a <= 0.41421356237309503 * b, high = a > 2.4142135623730951 * b;
    vd top = vd_select(low, a, vd_select(high, -b, a - b)), bottom = vd_select(low, b, vd_select(high, a, a + b));
    vd z = top / bottom, s = z * z;
    vd base = vd_select(low, vd_set1(0.0), vd_select(high, vd_set1(M_PI_2), vd_set1(M_PI_4)));
    vd rest =
        vd_select(low, vd_set1(0.0), vd_select(high, vd_set1(6.123233995736766e-17), vd_set1(3.061616997868383e-17)));
    return base + (z + vd_fma(RT_HORNER(s, p), s * z, rest));
}

RT_INLINE vd vd_atan(vd x) { return vd_copysign(vd_atan_ratio(vd_abs(x), vd_set1(1.0)), x); }

RT_INLINE vd vd_atan2(vd y, vd x) {
    vd a = vd_abs(y), b = vd_abs(x);
    vl both = (a == INFINITY) & (b == INFINITY), huge = (a > 1e300) | (b > 1e300);
    a = vd_select(both, vd_set1(1.0), vd_select(huge, a * 0.25, a));
    b = vd_select(both, vd_set1(1.0), vd_select(huge, b * 0.25, b));
    b = vd_select((a == 0.0) & (b == 0.0), vd_set1(1.0), b); /* atan2(0, +-0) is that of (0, +-1) */
    vd r = vd_atan_ratio(a, b);
    vl left = (vl)x < 0; /* by the sign bit: -0 counts */
    return vd_copysign(vd_select(left, M_PI - (r - 1.2246467991473532e-16), r), y);
}

/* (asin(x) - x) / x with s = x^2 <= 1/4. */
RT_INLINE vd vd_asin_rest(vd s) {
    static const double p[] = {
        0.032701949027685466, -0.0211163785293054,  0.021790407291922515, 0.0036722827165789475, 0.010789295728802686,
        0.011397297476858578, 0.013981018009907982, 0.017351595542757704, 0.022372215903559058,  0.030381942675364319,
        0.044642857175284198, 0.074999999999701,    0.16666666666666763,
    };
    return RT_HORNER(s, p) * s;
}

/* The square root of w, and what rounding took from it. */
RT_INLINE vd vd_sqrt_pair(vd w, vd *low) {
    vd q = vd_sqrt(w);
    *low = vd_select(q == 0.0, q, -(vd_square_error(q, q * q) + (q * q - w)) / (q + q));
    return q;
}

/* Beyond 1/2 through half the angle: asin(t) = pi/2 - 2 asin(sqrt((1 - t) / 2)). */
RT_INLINE vd vd_asin(vd x) {
    vd t = vd_abs(x), low, w = (1.0 - t) * 0.5, q = vd_sqrt_pair(w, &low);
    vl inner = t < 0.5;
    vd rest = vd_asin_rest(vd_select(inner, t * t, w));
    vd outer = (M_PI_2 - 2.0 * q) - (2.0 * vd_fma(q, rest, low) - 6.123233995736766e-17);
    return vd_copysign(vd_select(inner, vd_fma(t, rest, t), outer), x);
}

RT_INLINE vd vd_acos(vd x) {
    vd t = vd_abs(x), low, w = (1.0 - t) * 0.5, q = vd_sqrt_pair(w, &low);
    vl inner = t < 0.5;
    vd rest = vd_asin_rest(vd_select(inner, t * t, w));
    vd near = M_PI_2 - (x - (6.123233995736766e-17 - x * rest));
    vd half = q + vd_fma(q, rest, low);
    vd far = vd_select(x < 0.0, M_PI - (2.0 * half - 1.2246467991473532e-16), 2.0 * half);
    return vd_select(inner, near, far);
}

RT_INLINE vd vd_pow(vd x, vd y) {
    for (int i = 0; i < VD; i++)
        x[i] = pow(x[i], y[i]);
    return x;
}
