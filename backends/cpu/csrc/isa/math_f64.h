/* Elementary functions on double vectors: exp and log (and what is made of them) as vectors,
 * the rest lane by lane through the C library, which is accurate to 1 unit in the last place. */
#pragma once
#include "isa/vec.h"

/* The Taylor series: its 14th term is below 2^-54 for |f| <= log(2) / 2. */
RT_INLINE vd vd_exp(vd x) {
    static const double inverse_factorials[] = {
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
        1.0 / 720,        1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1.0,         1.0,
    };
    vd clamped = vd_clamp(x, -746.0, 710.0);
    vd n = vd_round(clamped * 1.4426950408889634074);
    vd f = vd_fma(n, vd_set1(-6.93147180369123816490e-01), clamped);
    f = vd_fma(n, vd_set1(-1.90821492927058770002e-10), f);
    vd r = vd_set1(inverse_factorials[0]);
    for (int i = 1; i < 14; i++)
        r = vd_fma(r, f, vd_set1(inverse_factorials[i]));
    return vd_ldexp(r, n);
}

/* x = m * 2^e with m in [sqrt(1/2), sqrt(2)); x positive and finite. */
RT_INLINE vd vd_split(vd x, vd *e) {
    vl tiny = x < 2.2250738585072014e-308;
    x = vd_select(tiny, x * 18014398509481984.0, x);
    vl bits = ((vl)x - 0x3fe6a09e667f3bcd) & vl_set1((int64_t)0xfff0000000000000);
    /* A logical shift, as AVX2 has no other for 64 bits; the bias makes the exponent positive first. */
    vl exponent = (vl)((vu)(bits + 0x4000000000000000) >> 52) - 1024;
    *e = vd_from_vl(exponent) + vd_select(tiny, vd_set1(-54.0), vd_set1(0.0));
    return (vd)((vl)x - bits);
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

RT_INLINE vd vd_log(vd x) {
    vd y = vd_log_exact_steps(x);
    y = vd_select(x == 0.0, vd_set1(-INFINITY), y);
    y = vd_select(x < 0.0, vd_set1(NAN), y);
    return vd_select((x == INFINITY) | (x != x), x, y);
}

RT_INLINE vd vd_sigmoid(vd x) {
    vd e = vd_exp(-vd_abs(x)), d = 1.0 + e;
    return vd_select(x < 0.0, e, vd_set1(1.0)) / d;
}

#define RT_BY_LANES(name)                                                                                \
    RT_INLINE vd vd_##name(vd x) {                                                                       \
        for (int i = 0; i < VD; i++)                                                                     \
            x[i] = name(x[i]);                                                                           \
        return x;                                                                                        \
    }
RT_BY_LANES(tanh)
RT_BY_LANES(erf)
RT_BY_LANES(sin)
RT_BY_LANES(cos)
RT_BY_LANES(expm1)
RT_BY_LANES(exp2)
RT_BY_LANES(log1p)
RT_BY_LANES(log2)
RT_BY_LANES(log10)
#undef RT_BY_LANES
