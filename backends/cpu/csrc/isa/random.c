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
    BLOCKS = 16,         /* Philox blocks computed side by side */
    WORDS = 4 * BLOCKS,  /* in one go */
    TASK_WORDS = 1 << 13 /* a multiple of WORDS */
};

/* Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. */
static void philox(uint64_t seed, uint64_t counter, uint32_t *words) {
    uint32_t c0[BLOCKS], c1[BLOCKS], c2[BLOCKS], c3[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        c0[i] = (uint32_t)(counter + (uint64_t)i);
        c1[i] = (uint32_t)((counter + (uint64_t)i) >> 32);
        c2[i] = c3[i] = 0;
    }
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
        for (int i = 0; i < BLOCKS; i++) {
            uint64_t p0 = (uint64_t)c0[i] * 0xD2511F53u, p1 = (uint64_t)c2[i] * 0xCD9E8D57u;
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c1[i] = (uint32_t)p1;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c3[i] = (uint32_t)p0;
        }
    for (int i = 0; i < BLOCKS; i++) {
        words[4 * i] = c0[i];
        words[4 * i + 1] = c1[i];
        words[4 * i + 2] = c2[i];
        words[4 * i + 3] = c3[i];
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
    for (int i = 0; i < WORDS; i++)
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

static inline int any_lane(vl mask) {
    int64_t any = 0;
    for (int i = 0; i < VD; i++)
        any |= mask[i];
    return any != 0;
}

static vd normal_quantile(vd u) {
    vd q = u - 0.5, one = vd_set1(1.0);
    vl is_central = vd_abs(q) <= 0.425;
    vd z = quotient(central, 0.180625 - q * q, q);
    if (!any_lane(~is_central))
        return z;
    vd r = vd_sqrt(-vd_log_exact_steps(vd_min(u, 1.0 - u)));
    vd outer = quotient(middle, r - 1.6, one);
    vl is_tail = r > 5.0;
    if (any_lane(is_tail))
        outer = vd_select(is_tail, quotient(tail, r - 5.0, one), outer);
    return vd_select(is_central, z, vd_copysign(outer, q));
}

/* Vectors beyond n are computed and dropped: `words` and the buffer have room for WORDS. */
static void to_normal_f32(const uint32_t *words, void *out, int64_t n) {
    double u[WORDS + VD];
    float z[WORDS + VD];
    for (int i = 0; i < WORDS; i++)
        u[i] = ((double)words[i] + 0.5) * 0x1p-32;
    for (int i = 0; i < WORDS; i += VD) {
        double lanes[VD];
        vd_store(lanes, normal_quantile(vd_load(u + i)));
        for (int k = 0; k < VD; k++)
            z[i + k] = (float)lanes[k];
    }
    memcpy(out, z, (size_t)n * sizeof *z);
}

static void to_normal_f64(const uint32_t *words, void *out, int64_t n) {
    double u[WORDS / 2 + VD];
    for (int i = 0; i < WORDS / 2; i++)
        u[i] = (double)(integer53(words + 2 * i) >> 1) * 0x1p-52 + 0x1p-53;
    for (int i = 0; i < WORDS / 2; i += VD)
        vd_store(u + i, normal_quantile(vd_load(u + i)));
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
        philox(j->seed, j->offset + (uint64_t)(i * j->words_each / 4), words);
        j->convert(words, j->out + i * j->itemsize, end - i < step ? end - i : step);
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
