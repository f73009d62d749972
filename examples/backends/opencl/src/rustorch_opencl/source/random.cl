// Random numbers, defined by bits: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011).  `state` holds seed and offset; word i of the stream is word i % 4 of block
// offset + i / 4.  A work-item makes one block.

uint4 words(global const long *state, long start) {
    const ulong seed = state[start], block = (ulong)state[start + 1] + get_global_id(0);
    uint4 c = (uint4)((uint)block, (uint)(block >> 32), 0, 0);
    uint2 key = (uint2)((uint)seed, (uint)(seed >> 32));
    for (int round = 0; round < 10; round++) {
        const ulong a = (ulong)c.x * 0xD2511F53u, b = (ulong)c.z * 0xCD9E8D57u;
        c = (uint4)((uint)(b >> 32) ^ c.y ^ key.x, (uint)b, (uint)(a >> 32) ^ c.w ^ key.y, (uint)a);
        key += (uint2)(0x9E3779B9u, 0xBB67AE85u);  // from the golden ratio and sqrt(3)
    }
    return c;
}

#define BLOCKS(PER, VALUE)                                                                        \
    const uint4 drawn = words(state, start);                                                      \
    const uint w[4] = {drawn.x, drawn.y, drawn.z, drawn.w};                                       \
    const long first = get_global_id(0) * PER;                                                    \
    for (int k = 0; k < PER && first + k < count; k++) STORE(out, o + first + k, VALUE);

#define DRAW(NAME, PER, VALUE)                                                                    \
    kernel void NAME(                                                                             \
        global S *out, const long o, global const long *state, const long start, const long count) { \
        BLOCKS(PER, VALUE)                                                                        \
    }

#ifdef BITS
DRAW(random_bits, 4, w[k])
#endif

#ifdef DIGITS  // of the significand
DRAW(random_uniform, 4, (w[k] >> (32 - DIGITS)) * (T)PLACE)
#endif

#ifdef FP64
// 53 bits of two words
#define WIDE(k) (((ulong)(w[2 * (k)] >> 5) << 26) | (w[2 * (k) + 1] >> 6))
#ifdef DOUBLE
DRAW(random_uniform, 2, WIDE(k) * 0x1p-53)
#endif

// The normal quantile: algorithm AS 241 (PPND16), Wichura, "The percentage points of the normal
// distribution", Applied Statistics 37 (1988).  The order of operations is part of the definition.

constant double CENTRAL[2][8] = {
    {2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0},
    {5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0}};
constant double MIDDLE[2][8] = {
    {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
     1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
     4.63033784615654529590e0, 1.42343711074968357734e0},
    {1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
     1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
     2.05319162663775882187e0, 1.0}};
constant double TAIL[2][8] = {
    {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
     2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
     5.46378491116411436990e0, 6.65790464350110377720e0},
    {2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
     5.99832206555887937690e-1, 1.0}};

double horner(constant double *coefficients, double x) {
    double total = coefficients[0];
    for (int k = 1; k < 8; k++) total = total * x + coefficients[k];
    return total;
}

// log(m 2^e) = e log 2 + 2 atanh(s) with s = (m - 1) / (m + 1); log 2 in two parts.
double exact_log(double x) {
    int e;
    double m = frexp(x, &e);
    if (m < 0.70710678118654752440) m = 2.0 * m, e--;
    const double s = (m - 1.0) / (m + 1.0), square = s * s;
    double series = 1.0 / 21;
    for (int k = 19; k > 0; k -= 2) series = series * square + 1.0 / k;
    series = 2.0 * s * series;
    return e * 6.93147180369123816490e-01 + (series + e * 1.90821492927058770002e-10);
}

double normal_quantile(double u) {
    const double q = u - 0.5;
    if (fabs(q) <= 0.425) {
        const double r = 0.180625 - q * q;
        return q * horner(CENTRAL[0], r) / horner(CENTRAL[1], r);
    }
    const double r = sqrt(-exact_log(fmin(u, 1.0 - u)));
    const double z = r <= 5.0 ? horner(MIDDLE[0], r - 1.6) / horner(MIDDLE[1], r - 1.6)
                              : horner(TAIL[0], r - 5.0) / horner(TAIL[1], r - 5.0);
    return copysign(z, q);
}

#ifdef DOUBLE
DRAW(random_normal, 2, normal_quantile((WIDE(k) >> 1) * 0x1p-52 + 0x1p-53))
#elif DIGITS == 24
DRAW(random_normal, 4, (float)normal_quantile((w[k] + 0.5) * 0x1p-32))
#endif
#endif
