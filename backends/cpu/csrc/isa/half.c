/* Float16 and bfloat16 to float and back, rounding to nearest even. */
#include "isa/optable.h"

static inline uint32_t bits_of(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float float_of(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static void widen_bfloat16(int64_t n, float *dst, const uint16_t *src) {
    for (int64_t i = 0; i < n; i++)
        dst[i] = float_of((uint32_t)src[i] << 16);
}

static void narrow_bfloat16(int64_t n, uint16_t *dst, const float *src) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t u = bits_of(src[i]);
        uint32_t rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
        dst[i] = (uint16_t)(src[i] != src[i] ? (u >> 16) | 0x40 : rounded); /* a NaN stays one, made quiet */
    }
}

/* Exponents are rebiased by a multiplication, which also normalises denormals. */
static inline float widen_one(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, magnitude = (uint32_t)(h & 0x7fff) << 13;
    float scaled = float_of(magnitude) * 0x1p112f;
    uint32_t u = (h & 0x7c00) == 0x7c00 ? magnitude | 0x7f800000 : bits_of(scaled);
    return float_of(u | sign);
}

/* Adding a power of two whose last place is the half's last place makes the hardware round. */
static inline uint16_t narrow_one(float x) {
    uint32_t u = bits_of(x), sign = (u >> 16) & 0x8000, magnitude = u & 0x7fffffff;
    uint32_t exponent = magnitude & 0x7f800000;
    exponent = exponent < 0x38800000 ? 0x38800000 : exponent; /* below 2^-14 the last place stays */
    float anchor = float_of(exponent + (13u << 23));          /* 2^13 times the leading bit */
    uint32_t rounded = bits_of(float_of(magnitude) + anchor) - bits_of(anchor);
    uint32_t half = rounded + (((exponent - 0x38800000) >> 23) << 10);
    half = magnitude >= 0x47800000 || half > 0x7c00 ? 0x7c00 : half;
    return (uint16_t)(sign | (magnitude > 0x7f800000 ? 0x7e00 : half));
}

static void widen_float16(int64_t n, float *dst, const uint16_t *src) {
    int64_t i = 0;
#if defined(__F16C__)
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(dst + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(src + i))));
#endif
    for (; i < n; i++)
        dst[i] = widen_one(src[i]);
}

static void narrow_float16(int64_t n, uint16_t *dst, const float *src) {
    int64_t i = 0;
#if defined(__F16C__)
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(dst + i), _mm256_cvtps_ph(_mm256_loadu_ps(src + i), 0));
#endif
    for (; i < n; i++)
        dst[i] = narrow_one(src[i]);
}

const rt_half_conversion RT_LOCAL(rt_half_formats)[2] = {
    {widen_float16, narrow_float16},
    {widen_bfloat16, narrow_bfloat16},
};
