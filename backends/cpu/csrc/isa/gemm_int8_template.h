/* Products of int8 in lanes of 32 bits.  Included by a source that defines
 *
 *     RT_UNITS      the suffix of its names
 *     RT_PER_LANE   how many numbers, neighbours along the inner dimension, make one lane: a unit
 *     T(add_product)(a, b, sum)   adds to each lane the product of two units
 *     RT_OFFSET     what that takes the numbers of b to have been increased by
 *
 * A matrix of units goes through the packing, blocking and threads of the float product; only the packing widens
 * numbers, and only the multiplication differs.  Sums wrap, so that their order and an offset do not matter. */

#if RT_PER_LANE == 4
typedef int8_t number;
#elif RT_PER_LANE == 2
typedef int16_t number;
#else
typedef int32_t number;
#endif
typedef int8_t bytes __attribute__((vector_size(VL)));

#define RT_OWN_PRODUCT
#if RT_PER_LANE != 4 /* such lanes are not as wide as the bytes in memory */
#define RT_ALWAYS_PACKED
#endif
RT_INLINE V T(spread)(const REAL *p) {
    int32_t unit;
    memcpy(&unit, p, sizeof unit); /* may be numbers in the caller's memory */
    return vi_set1(unit);
}

#include "isa/gemm_tile.h"
#include "isa/transpose.h"
#include "isa/gemm_pack.h"
#include "isa/gemm_run.h"

/* An operand: `stride` from row to row of A or column to column of B. */
typedef struct {
    const int8_t *data;
    int64_t stride, k_stride, k;
} int8_operand;

/* The units of numbers that lie along the inner dimension.  GCC 12 widens in halves what one instruction does. */
#if RT_PER_LANE == 4
RT_INLINE V units_along(const char *p) { return v(load)((const int32_t *)p); }
#elif defined(RT_ISA_AVX512)
RT_INLINE V units_along(const char *p) { return (V)_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)p)); }
#elif defined(RT_ISA_AVX2)
RT_INLINE V units_along(const char *p) { return (V)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p)); }
#else
RT_INLINE V units_along(const char *p) {
    typedef int8_t narrow __attribute__((vector_size(VL * RT_PER_LANE)));
    typedef number wide __attribute__((vector_size(RT_VEC_BYTES)));
    narrow x;
    memcpy(&x, p, sizeof x);
    return (V) __builtin_convertvector(x, wide);
}
#endif

/* One number per lane. */
#if defined(RT_ISA_AVX512)
RT_INLINE V widen(bytes x) { return (V)_mm512_cvtepi8_epi32((__m128i)x); }
#elif defined(RT_ISA_AVX2)
RT_INLINE V widen(bytes x) { return (V)_mm256_cvtepi8_epi32(_mm_cvtsi64_si128((int64_t)x)); }
#else
RT_INLINE V widen(bytes x) { return __builtin_convertvector(x, V); }
#endif

/* The same where fewer are left; zeros follow. */
static V last_units_along(const int8_t *p, int64_t left) {
    char x[VL * RT_PER_LANE] = {0};
    memcpy(x, p, (size_t)left);
    return units_along(x);
}

/* One unit; of `left` numbers, if those are fewer. */
RT_INLINE int32_t one_unit(const int8_t *p, int64_t k_stride, int64_t left) {
    number x[RT_PER_LANE] = {0};
    for (int64_t q = 0; q < lesser(RT_PER_LANE, left); q++)
        x[q] = p[q * k_stride];
    int32_t unit;
    memcpy(&unit, x, sizeof unit);
    return unit;
}

/* Units of `count` numbers each, of which the first ones are neighbours in memory: their rows are interleaved. */
RT_INLINE V units_across(const int8_t *p, int64_t k_stride, int64_t count, int64_t lanes) {
    V units = {0};
#pragma GCC unroll 4
    for (int64_t q = 0; q < count; q++, p += k_stride) {
        bytes x = {0};
        if (lanes == VL)
            memcpy(&x, p, sizeof x);
        else
            memcpy(&x, p, (size_t)lanes);
        units |= (widen(x) & (V)vi_set1((int32_t)(0xffffffffu >> (32 - 32 / RT_PER_LANE))))
                 << (32 / RT_PER_LANE * (int)q);
    }
    return units;
}

static void pack_across(const int8_operand *x, const int8_t *from, int64_t left, int64_t width, int64_t kc,
                        int64_t lanes, REAL *out) {
    for (int64_t p = 0; p < kc; p++, from += RT_PER_LANE * x->k_stride, left -= RT_PER_LANE, out += lanes)
        for (int64_t i = 0; i < lanes; i += VL) {
            int64_t n = lesser(VL, width - i);
            V units = left >= RT_PER_LANE ? units_across(from + i, x->k_stride, RT_PER_LANE, n)
                                          : units_across(from + i, x->k_stride, left, n);
            T(put_part)(out + i, units, lesser(VL, lanes - i));
        }
}

static void pack_units(const void *ctx, int64_t i0, int64_t width, int64_t k0, int64_t kc, int64_t lanes, REAL *out) {
    const int8_operand *x = ctx;
    const int8_t *from = x->data + i0 * x->stride + k0 * RT_PER_LANE * x->k_stride;
    int64_t left = x->k - k0 * RT_PER_LANE, p = 0;
    if (x->stride == 1 && x->k_stride != 1) {
        pack_across(x, from, left, width, kc, lanes, out);
        return;
    }
    if (x->k_stride == 1)
        p = T(pack_transposed)(units_along, VL * RT_PER_LANE, (const char *)from, x->stride, width,
                               lesser(kc, left / RT_PER_LANE), lanes, out);
    for (; p < kc; p++)
        for (int64_t i = 0; i < lanes; i++)
            out[p * lanes + i] = i < width ? one_unit(from + i * x->stride + p * RT_PER_LANE * x->k_stride, x->k_stride,
                                                      left - p * RT_PER_LANE)
                                           : 0;
}

/* Units in memory already, if numbers are not widened and rows are whole units. */
static T(rt_operand) as_units(const int8_operand *x) {
    bool aligned = (uintptr_t)x->data % sizeof(int32_t) == 0 && x->stride % 4 == 0;
    bool whole = RT_PER_LANE == 4 && x->k_stride == 1 && x->k % 4 == 0 && aligned;
    if (whole)
        return (T(rt_operand)){.data = (const int32_t *)x->data, .stride = x->stride / 4, .k_stride = 1};
    return (T(rt_operand)){.pack = pack_units, .ctx = x};
}

/* Few rows: every result is a dot product.  B is read once, as it lies along the inner dimension; A is units. */
enum { DOT_ROWS = 4, DOT_COLS = VL < 16 ? 2 : 4 };

typedef struct {
    int64_t m, n, group;
    const int8_operand *b;
    const int32_t *a; /* rows of `lda` units, whole vectors, ending in zeros */
    int64_t lda;
    int32_t *c;
    const int32_t *bias; /* NULL, or one per row */
} dot_product;

RT_INLINE void dot_step(int rows, const int32_t *const *a, int64_t p, const V *units, V *sum) {
#pragma GCC unroll 4
    for (int j = 0; j < DOT_COLS; j++)
#pragma GCC unroll 4
        for (int i = 0; i < rows; i++) {
            V *to = sum + i * DOT_COLS + j;
            *to = T(add_product)(v(load)(a[i] + p), units[j], *to);
        }
}

RT_INLINE void dots(int rows, const int32_t *const *a, const int8_t *const *b, int64_t k, int32_t *out) {
    V sum[DOT_ROWS * DOT_COLS], units[DOT_COLS];
#pragma GCC unroll 16
    for (int at = 0; at < DOT_ROWS * DOT_COLS; at++)
        sum[at] = (V){0};
    int64_t p = 0; /* units */
    for (; (p + VL) * RT_PER_LANE <= k; p += VL) {
#pragma GCC unroll 4
        for (int j = 0; j < DOT_COLS; j++)
            units[j] = units_along((const char *)b[j] + p * RT_PER_LANE);
        dot_step(rows, a, p, units, sum);
    }
    if (p * RT_PER_LANE < k) {
#pragma GCC unroll 4
        for (int j = 0; j < DOT_COLS; j++)
            units[j] = last_units_along(b[j] + p * RT_PER_LANE, k - p * RT_PER_LANE);
        dot_step(rows, a, p, units, sum);
    }
#pragma GCC unroll 4
    for (int at = 0; at < DOT_ROWS * DOT_COLS; at += VL)
        v(store)(out + at, T(totals)(sum + at));
}

static void dot_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    const dot_product *d = ctx;
    int64_t end = lesser(d->n, (task + 1) * d->group);
    for (int64_t j = task * d->group; j < end; j += DOT_COLS)
        for (int64_t i = 0; i < d->m; i += DOT_ROWS) {
            const int8_t *b[DOT_COLS];
            const int32_t *a[DOT_ROWS];
            int32_t out[DOT_ROWS * DOT_COLS];
            int64_t rows = lesser(DOT_ROWS, d->m - i), cols = lesser(DOT_COLS, end - j);
            for (int64_t s = 0; s < DOT_COLS; s++) /* those that are missing repeat the last one */
                b[s] = d->b->data + (j + lesser(s, cols - 1)) * d->b->stride;
            for (int64_t r = 0; r < DOT_ROWS; r++)
                a[r] = d->a + (i + lesser(r, rows - 1)) * d->lda;
            if (rows == 1)
                dots(1, a, b, d->b->k, out);
            else
                dots(DOT_ROWS, a, b, d->b->k, out);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t s = 0; s < cols; s++)
                    d->c[(i + r) * d->n + j + s] = out[r * DOT_COLS + s] + (d->bias ? d->bias[i + r] : 0);
        }
}

static void run_dots(int64_t m, int64_t n, const int8_operand *a, const int8_operand *b, const int32_t *bias,
                     int32_t *units, int32_t *c) {
    int64_t lda = round_up(ceil_div(a->k, RT_PER_LANE), VL);
    for (int64_t i = 0; i < m; i++)
        for (int64_t p = 0; p < a->k; p += VL * RT_PER_LANE) {
            const int8_t *from = a->data + i * a->stride + p;
            int64_t left = a->k - p;
            V x = left >= VL * RT_PER_LANE ? units_along((const char *)from) : last_units_along(from, left);
            v(store)(units + i * lda + p / RT_PER_LANE, x);
        }
    dot_product d = {m, n, round_up(ceil_div(1 << 18, m * a->k + 1), DOT_COLS), b, units, lda, c, bias};
    rt_parallel_for(ceil_div(n, d.group), dot_task, &d);
}

/* What takes RT_OFFSET times the row of A from each result. */
static void find_bias(int64_t m, const int8_operand *a, int32_t *bias) {
    for (int64_t i = 0; i < m; i++) {
        int32_t sum = 0;
        for (int64_t p = 0; p < a->k; p++)
            sum += a->data[i * a->stride + p * a->k_stride];
        bias[i] = -RT_OFFSET * sum;
    }
}

static int multiply(int64_t m, int64_t n, const int8_operand *a, const int8_operand *b, int32_t *c) {
    if (n == 1 && m > 1) /* a matrix times a vector: the same as the vector times the transpose */
        return multiply(1, m, b, a, c);
    bool few = m <= 2 * DOT_ROWS && a->k_stride == 1 && b->k_stride == 1;
    int64_t lda = round_up(ceil_div(a->k, RT_PER_LANE), VL), size_bias = RT_OFFSET ? round_up(m, VL) : 0;
    int32_t *bias = rt_workspace(RT_WORKSPACE_CONVERT, (size_t)(size_bias + (few ? m * lda : 0)) * sizeof *bias);
    if (!bias)
        return RT_OUT_OF_MEMORY;
    if (RT_OFFSET)
        find_bias(m, a, bias);
    if (few) {
        run_dots(m, n, a, b, RT_OFFSET ? bias : NULL, bias + size_bias, c);
        return RT_OK;
    }
    T(rt_gemm) g = {
        .m = m,
        .n = n,
        .k = ceil_div(a->k, RT_PER_LANE),
        .a = as_units(a),
        .b = as_units(b),
        .c = c,
        .ldc = n,
        .bias = RT_OFFSET ? bias : NULL,
        .bias_row = 1,
    };
    return T(rt_gemm_run)(&g);
}
