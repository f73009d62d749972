/* matmul and linear: one product per dtype, and the loop over a batch of them. */
#include "isa/api/linalg.h"
#include "isa/gemm.h"
#include "isa/gemm_bf16.h"
#include "isa/grouped.h"
#include "isa/half.h"
#include "workspace.h"

/* One strided product of any dtype.  Strides in elements; `bias` may be NULL; c is contiguous. */
typedef struct {
    int64_t m, n, k, a_row, a_col, b_row, b_col;
    const char *a, *b, *bias;
    char *c;
} product;

typedef int (*product_fn)(const product *p);

#define RT_REAL_BITS 32
#include "isa/real.h"
#include "isa/linalg_template.h"
#undef RT_REAL_BITS
#define RT_REAL_BITS 64
#include "isa/real.h"
#include "isa/linalg_template.h"
#undef RT_REAL_BITS

/* Types without a fast product: rows of B, scaled, add up in a row of C. */
#define SUM_OF_PRODUCTS(c, a, b) c += a * b
#define OR_OF_ANDS(c, a, b) c |= a & b
#define SIMPLE_PRODUCT(NAME, TYPE, ADD)                                                                   \
    static void NAME##_row(void *ctx, int64_t i, int thread) {                                            \
        (void)thread;                                                                                     \
        const product *p = ctx;                                                                           \
        const TYPE *a = (const TYPE *)p->a + i * p->a_row, *b = (const TYPE *)p->b;                        \
        const TYPE *bias = (const TYPE *)p->bias;                                                         \
        TYPE *c = (TYPE *)p->c + i * p->n;                                                                \
        for (int64_t j = 0; j < p->n; j++)                                                                \
            c[j] = bias ? bias[j] : 0;                                                                    \
        for (int64_t q = 0; q < p->k; q++)                                                                \
            for (int64_t j = 0; j < p->n; j++)                                                            \
                ADD(c[j], a[q * p->a_col], b[q * p->b_row + j * p->b_col]);                               \
    }                                                                                                     \
    static int NAME(const product *p) {                                                                   \
        grouped_for(p->m, p->n * p->k, NAME##_row, (void *)p);                                            \
        return RT_OK;                                                                                     \
    }
SIMPLE_PRODUCT(product_bool, uint8_t, OR_OF_ANDS)
SIMPLE_PRODUCT(product_u8, uint8_t, SUM_OF_PRODUCTS)
SIMPLE_PRODUCT(product_i8, int8_t, SUM_OF_PRODUCTS)
SIMPLE_PRODUCT(product_i16, int16_t, SUM_OF_PRODUCTS)
SIMPLE_PRODUCT(product_i32, int32_t, SUM_OF_PRODUCTS)
SIMPLE_PRODUCT(product_i64, int64_t, SUM_OF_PRODUCTS)
SIMPLE_PRODUCT(product_c64, float _Complex, SUM_OF_PRODUCTS)
SIMPLE_PRODUCT(product_c128, double _Complex, SUM_OF_PRODUCTS)

/* Reduced precision: converted, multiplied and summed in float32, rounded once. */
typedef struct {
    const uint16_t *x;
    float *y;
    int64_t cols, row, col;
    void (*to_float)(const uint16_t *x, int64_t stride, float *y, int64_t n);
} widening;

static void widen_row(void *ctx, int64_t i, int thread) {
    (void)thread;
    const widening *w = ctx;
    w->to_float(w->x + i * w->row, w->col, w->y + i * w->cols, w->cols);
}

static int half_product(const product *p, void (*to_float)(const uint16_t *, int64_t, float *, int64_t),
                        void (*from_float)(const float *, uint16_t *, int64_t)) {
    int64_t size_a = p->m * p->k, size_b = p->k * p->n, size_c = p->m * p->n, size_bias = p->bias ? p->n : 0;
    float *a = rt_workspace(RT_WORKSPACE_CONVERT, (size_t)(size_a + size_b + size_c + size_bias) * sizeof *a);
    if (!a)
        return RT_OUT_OF_MEMORY;
    float *b = a + size_a, *c = b + size_b, *bias = c + size_c;
    widening wa = {(const uint16_t *)p->a, a, p->k, p->a_row, p->a_col, to_float};
    grouped_for(p->m, p->k, widen_row, &wa);
    /* B is read along whichever of its dimensions is contiguous, and keeps its orientation. */
    bool transposed = p->b_row == 1;
    widening wb = {(const uint16_t *)p->b, b, p->n, p->b_row, p->b_col, to_float};
    if (transposed)
        wb.cols = p->k, wb.row = p->b_col, wb.col = 1;
    grouped_for(transposed ? p->n : p->k, wb.cols, widen_row, &wb);
    if (p->bias)
        to_float((const uint16_t *)p->bias, 1, bias, p->n);
    product wide = {p->m,
                    p->n,
                    p->k,
                    p->k,
                    1,
                    transposed ? 1 : p->n,
                    transposed ? p->k : 1,
                    (char *)a,
                    (char *)b,
                    p->bias ? (char *)bias : NULL,
                    (char *)c};
    int status = RT_LOCAL(product_f32)(&wide);
    from_float(c, (uint16_t *)p->c, size_c);
    return status;
}

static void narrow_row(void *ctx, int64_t i, int thread) {
    (void)thread;
    const product *p = ctx; /* c narrow, a the sums */
    float_to_bf16((const float *)p->a + i * p->n, (uint16_t *)p->c + i * p->n, p->n);
}

/* Numbers that the processor multiplies as they are. */
static int paired_product(const product *p) {
    float *c = rt_workspace(RT_WORKSPACE_CONVERT, (size_t)((p->m + 1) * p->n) * sizeof *c);
    if (!c)
        return RT_OUT_OF_MEMORY;
    float *bias = c + p->m * p->n;
    if (p->bias)
        bf16_to_float((const uint16_t *)p->bias, 1, bias, p->n);
    int status = RT_LOCAL(rt_multiply_pairs)(p->m, p->n, p->k, (const uint16_t *)p->a, p->a_row, p->a_col,
                                             (const uint16_t *)p->b, p->b_row, p->b_col, c, p->bias ? bias : NULL);
    product narrow = {.n = p->n, .a = (const char *)c, .c = p->c};
    grouped_for(p->m, p->n, narrow_row, &narrow);
    return status;
}

static int product_f16(const product *p) { return half_product(p, f16_to_float, float_to_f16); }
static int product_bf16(const product *p) {
    return RT_LOCAL(rt_multiplies_pairs)(p->m) ? paired_product(p) : half_product(p, bf16_to_float, float_to_bf16);
}

static const struct {
    product_fn run;
    int itemsize;
} products[RT_DTYPE_COUNT] = {
    [RT_BOOL] = {product_bool, 1},
    [RT_UINT8] = {product_u8, 1},
    [RT_INT8] = {product_i8, 1},
    [RT_INT16] = {product_i16, 2},
    [RT_INT32] = {product_i32, 4},
    [RT_INT64] = {product_i64, 8},
    [RT_FLOAT16] = {product_f16, 2},
    [RT_BFLOAT16] = {product_bf16, 2},
    [RT_FLOAT32] = {RT_LOCAL(product_f32), 4},
    [RT_FLOAT64] = {RT_LOCAL(product_f64), 8},
    [RT_COMPLEX64] = {product_c64, 8},
    [RT_COMPLEX128] = {product_c128, 16},
};

int rt_matmul(int dtype, uintptr_t out, uintptr_t a, uintptr_t b, uintptr_t bias, int64_t m, int64_t n, int64_t k,
              int64_t a_row, int64_t a_col, int64_t b_row, int64_t b_col) {
    if (!products[dtype].run)
        return RT_UNSUPPORTED;
    product p = {m,          n, k, a_row, a_col, b_row, b_col, (const char *)a, (const char *)b, (const char *)bias,
                 (char *)out};
    return products[dtype].run(&p);
}

typedef struct {
    product first;
    product_fn run;
    int itemsize, ndim;
    const int64_t *sizes, *a_strides, *b_strides;
    int64_t count, group;
    _Atomic int status;
} batch;

static void batch_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    batch *s = ctx;
    int64_t end = lesser(s->count, (task + 1) * s->group);
    for (int64_t i = task * s->group; i < end; i++) {
        product p = s->first;
        int64_t rest = i, a = 0, b = 0;
        for (int d = s->ndim - 1; d >= 0; rest /= s->sizes[d], d--) {
            a += rest % s->sizes[d] * s->a_strides[d];
            b += rest % s->sizes[d] * s->b_strides[d];
        }
        p.a += a * s->itemsize;
        p.b += b * s->itemsize;
        p.c += i * p.m * p.n * s->itemsize;
        int status = s->run(&p);
        if (status)
            s->status = status;
    }
}

int rt_matmul_batched(int dtype, uintptr_t out, uintptr_t a, uintptr_t b, int64_t m, int64_t n, int64_t k,
                      int64_t a_row, int64_t a_col, int64_t b_row, int64_t b_col, int ndim, const int64_t *sizes,
                      const int64_t *a_strides, const int64_t *b_strides) {
    if (!products[dtype].run)
        return RT_UNSUPPORTED;
    batch s = {.run = products[dtype].run,
               .itemsize = products[dtype].itemsize,
               .ndim = ndim,
               .sizes = sizes,
               .a_strides = a_strides,
               .b_strides = b_strides,
               .count = 1};
    /* One B for all, and A's batch continuing its rows: a single taller product. */
    while (s.ndim > 0 && b_strides[s.ndim - 1] == 0 && a_strides[s.ndim - 1] == m * a_row)
        m *= sizes[--s.ndim];
    for (int d = 0; d < s.ndim; d++)
        s.count *= sizes[d];
    s.first = (product){m, n, k, a_row, a_col, b_row, b_col, (const char *)a, (const char *)b, NULL, (char *)out};
    enum { WORTH_A_TASK = 1 << 18 };
    int64_t work = m * n * k + 1;
    s.group = ceil_div(WORTH_A_TASK, work);
    if (work >= 16 * WORTH_A_TASK && s.count < 8 * rt_num_threads()) /* threads go into each product instead */
        for (int64_t i = 0; i < s.count; i++)
            batch_task(&s, i, 0);
    else
        rt_parallel_for(ceil_div(s.count, s.group), batch_task, &s);
    return s.status;
}
