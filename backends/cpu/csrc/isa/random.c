/* Random numbers, defined by bits: the same on every backend and instruction set.
 *
 * Word i of the stream is word i % 4 of the Philox block with counter offset + i / 4.
 * uniform: as many bits as the dtype's significand holds, the upper 24, 11 or 8 of a word for float32,
 * float16 or bfloat16, 53 of two words for float64.
 * normal: the normal quantile (AS 241) of a uniform number inside (0, 1) and symmetric about 1/2, in
 * float64 by + - * / and sqrt alone, in the order written here, then rounded to the result's dtype. */
#include "isa/api/random.h"
#include "isa/math_f64.h"
#include "isa/optable.h"

enum {
    WORDS = 512,         /* in one go: a buffer that stays in the first-level cache */
    TASK_WORDS = 1 << 14 /* a multiple of WORDS */
};

/* Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 *
 * One counter word per 64-bit lane: the widening product reads the lower half alone, so what the
 * xors leave in the upper half does no harm. */
RT_INLINE void philox_blocks(uint64_t seed, vu counter, uint64_t *pairs) {
    const vu m0 = vu_set1(0xD2511F53u), m1 = vu_set1(0xCD9E8D57u), lower = vu_set1(UINT32_MAX);
    vu c0 = counter, c1 = counter >> 32, c2 = vu_set1(0), c3 = c2;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        vu p0 = vu_mul32(c0, m0), p1 = vu_mul32(c2, m1);
        c0 = (p1 >> 32) ^ c1 ^ vu_set1(k0);
        c1 = p1;
        c2 = (p0 >> 32) ^ c3 ^ vu_set1(k1);
        c3 = p0;
    }
    vu even = (c0 & lower) | c1 << 32, odd = (c2 & lower) | c3 << 32;
    vu_store(pairs, vu_zip_low(even, odd));
    vu_store(pairs + VD, vu_zip_high(even, odd));
}

/* At least `n` words, in whole vectors of blocks; `words` has room for WORDS. */
static void philox(uint64_t seed, uint64_t counter, uint32_t *words, int64_t n) {
    vu lane;
    for (int i = 0; i < VD; i++)
        lane[i] = (uint64_t)i;
    for (int64_t i = 0; i < n; i += 4 * VD) {
        uint64_t pairs[2 * VD];
        philox_blocks(seed, lane + (counter + (uint64_t)i / 4), pairs);
        memcpy(words + i, pairs, sizeof pairs);
    }
}

static void to_bits(const uint32_t *words, void *out, int64_t n) { memcpy(out, words, (size_t)n * sizeof *words); }

static void to_uniform_f32(const uint32_t *words, void *out, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        ((float *)out)[i] = (float)(int32_t)(words[i] >> 8) * 0x1p-24f;
}

/* Exact in float, and so in the half format of as many significant bits. */
static void to_uniform_half(const uint32_t *words, void *out, int64_t n, int bits, const rt_half_conversion *half) {
    float u[WORDS], unit = (float)(1.0 / (double)(1 << bits));
    for (int64_t i = 0; i < n; i++)
        u[i] = (float)(int32_t)(words[i] >> (32 - bits)) * unit;
    half->narrow(n, out, u);
}

static void to_uniform_f16(const uint32_t *words, void *out, int64_t n) {
    to_uniform_half(words, out, n, 11, &RT_LOCAL(rt_half_formats)[0]);
}

static void to_uniform_bf16(const uint32_t *words, void *out, int64_t n) {
    to_uniform_half(words, out, n, 8, &RT_LOCAL(rt_half_formats)[1]);
}

/* 53 bits: the upper 27 of one word and the upper 26 of the next. */
static inline int64_t integer53(const uint32_t *pair) { return (int64_t)(pair[0] >> 5) << 26 | pair[1] >> 6; }

static void to_uniform_f64(const uint32_t *words, void *out, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        ((double *)out)[i] = (double)integer53(words + 2 * i) * 0x1p-53;
}

/* Wichura, "The percentage points of the normal distribution", Applied Statistics 37 (1988): per range
 * a numerator and a denominator, highest power first, evaluated as total = total * r + coefficient. */
static const double central[2][8] = {
    {2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0},
    {5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0},
};
static const double middle[2][8] = {
    {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
     3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0},
    {1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0},
};
static const double tail[2][8] = {
    {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0},
    {2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0},
};

RT_INLINE vd horner(const double *coefficients, vd r) {
    vd total = vd_set1(coefficients[0]);
    for (int i = 1; i < 8; i++)
        total = total * r + coefficients[i];
    return total;
}

RT_INLINE vd quotient(const double polynomials[2][8], vd r, vd times) {
    return times * horner(polynomials[0], r) / horner(polynomials[1], r);
}

RT_INLINE vd central_quantile(vd u) {
    vd q = u - 0.5;
    return quotient(central, 0.180625 - q * q, q);
}

RT_INLINE vd outer_quantile(vd u) {
    vd r = vd_sqrt(-vd_log_exact_steps(vd_min(u, 1.0 - u))), one = vd_set1(1.0);
    vd z = quotient(middle, r - 1.6, one);
    vl is_tail = r > 5.0;
    if (vl_any(is_tail))
        z = vd_select(is_tail, quotient(tail, r - 5.0, one), z);
    return vd_copysign(z, u - 0.5);
}

/* The quantiles of n numbers, in place; the buffer has room for a vector more.
 *
 * Fifteen in a hundred lie outside the central range, so nearly every vector holds one: they are
 * collected and make vectors of their own. */
static void normal_quantiles(double *u, int64_t n) {
    double outer[WORDS + VD];
    int16_t place[WORDS + VD];
    int count = 0;
    for (int64_t i = 0; i < n; i++) {
        outer[count] = u[i];
        place[count] = (int16_t)i;
        count += !(fabs(u[i] - 0.5) <= 0.425);
    }
    for (int64_t i = 0; i < n; i += VD)
        vd_store(u + i, central_quantile(vd_load(u + i)));
    for (int i = count; i < count + VD; i++)
        outer[i] = 0.5; /* what fills the last vector is dropped */
    for (int i = 0; i < count; i += VD)
        vd_store(outer + i, outer_quantile(vd_load(outer + i)));
    for (int i = 0; i < count; i++)
        u[place[i]] = outer[i];
}

static void to_normal_f32(const uint32_t *words, void *out, int64_t n) {
    double u[WORDS + VD];
    memset(u + n, 0, VD * sizeof *u);
    for (int64_t i = 0; i < n; i++)
        u[i] = ((double)words[i] + 0.5) * 0x1p-32;
    normal_quantiles(u, n);
    for (int64_t i = 0; i < n; i++)
        ((float *)out)[i] = (float)u[i];
}

static void to_normal_f64(const uint32_t *words, void *out, int64_t n) {
    double u[WORDS / 2 + VD];
    memset(u + n, 0, VD * sizeof *u);
    for (int64_t i = 0; i < n; i++)
        u[i] = (double)(integer53(words + 2 * i) >> 1) * 0x1p-52 + 0x1p-53;
    normal_quantiles(u, n);
    memcpy(out, u, (size_t)n * sizeof *u);
}

typedef struct {
    void (*convert)(const uint32_t *words, void *out, int64_t n);
    char *out;
    int64_t n, itemsize, words_each;
    uint64_t seed, offset;
} job;

static void random_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    const job *j = ctx;
    int64_t step = WORDS / j->words_each, start = task * TASK_WORDS / j->words_each;
    int64_t end = start + TASK_WORDS / j->words_each;
    end = end < j->n ? end : j->n;
    for (int64_t i = start; i < end; i += step) {
        uint32_t words[WORDS];
        int64_t n = end - i < step ? end - i : step;
        philox(j->seed, j->offset + (uint64_t)(i * j->words_each / 4), words, n * j->words_each);
        j->convert(words, j->out + i * j->itemsize, n);
    }
}

static int run(job j) {
    int64_t words = j.n * j.words_each;
    rt_parallel_for((words + TASK_WORDS - 1) / TASK_WORDS, random_task, &j);
    return RT_OK;
}

int rt_random_bits(uintptr_t out, int64_t n, uint64_t seed, uint64_t offset) {
    return run((job){to_bits, (char *)out, n, 4, 1, seed, offset});
}

int rt_random_uniform(int dtype, uintptr_t out, int64_t n, uint64_t seed, uint64_t offset) {
    char *at = (char *)out;
    switch (dtype) {
    case RT_FLOAT16: return run((job){to_uniform_f16, at, n, 2, 1, seed, offset});
    case RT_BFLOAT16: return run((job){to_uniform_bf16, at, n, 2, 1, seed, offset});
    case RT_FLOAT32: return run((job){to_uniform_f32, at, n, 4, 1, seed, offset});
    case RT_FLOAT64: return run((job){to_uniform_f64, at, n, 8, 2, seed, offset});
    default: return RT_UNSUPPORTED;
    }
}

int rt_random_normal(int dtype, uintptr_t out, int64_t n, uint64_t seed, uint64_t offset) {
    if (dtype == RT_FLOAT32)
        return run((job){to_normal_f32, (char *)out, n, 4, 1, seed, offset});
    return run((job){to_normal_f64, (char *)out, n, 8, 2, seed, offset});
}
