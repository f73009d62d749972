/* Gather, scatter, index_select, index_add.  An index out of range is reported and touches nothing. */
#include "isa/api/indexing.h"
#include "isa/optable.h"
#include "strided.h"
#include <complex.h>
#include <stdatomic.h>

enum {
    TASK_ELEMENTS = 1 << 14,
    MIN_RUN = 128 /* neighbouring columns per task, at least */
};

/* An index that is not in [0, size); found by any thread, reported by the caller's. */
typedef struct {
    int64_t size;
    atomic_bool found;
    _Atomic int64_t value;
} bounds;

static inline bool in_range(bounds *b, int64_t index) {
    if (index >= 0 && index < b->size)
        return true;
    atomic_store_explicit(&b->value, index, memory_order_relaxed);
    atomic_store(&b->found, true);
    return false;
}

static int report(bounds *b) {
    return atomic_load(&b->found) ? rt_index_error(atomic_load(&b->value), b->size) : RT_OK;
}

/* Elements of any dtype as units of their size. */
typedef struct {
    uint64_t words[2];
} sixteen;

/* A row of n elements whose targets are named by indices: element i goes to out[i * step + index[i] * along]. */
typedef struct {
    int64_t n, step, along, src_step;
    const int64_t *index;
    bounds *bounds;
} scattering;

/* `set`, `add` and `max` of one dtype. */
#define SET(a, b) (b)
#define ADD(a, b) ((a) + (b))
#define OR(a, b) ((a) | (b))
#define MAX(a, b) ((b) > (a) ? (b) : (a))
#define MAX_FLOAT(a, b) ((b) > (a) || (b) != (b) ? (b) : (a))

#define SCATTER(T, OP, NAME, HOW)                                                                        \
    static void OP##_##NAME(const scattering *s, void *out, const void *src) {                           \
        const T *x = src;                                                                                \
        for (int64_t i = 0; i < s->n; i++)                                                               \
            if (in_range(s->bounds, s->index[i])) {                                                      \
                T *o = (T *)out + i * s->step + s->index[i] * s->along;                                  \
                *o = (T)HOW(*o, x[i * s->src_step]);                                                     \
            }                                                                                            \
    }
#define SCATTER_HALF(OP, NAME, FORMAT, HOW)                                                              \
    static void OP##_##NAME(const scattering *s, void *out, const void *src) {                           \
        const rt_half_conversion *half = &RT_LOCAL(rt_half_formats)[FORMAT];                             \
        for (int64_t i = 0; i < s->n; i++)                                                               \
            if (in_range(s->bounds, s->index[i])) {                                                      \
                uint16_t *o = (uint16_t *)out + i * s->step + s->index[i] * s->along;                    \
                float a, b;                                                                              \
                half->widen(1, &a, o);                                                                   \
                half->widen(1, &b, (const uint16_t *)src + i * s->src_step);                             \
                a = HOW(a, b);                                                                           \
                half->narrow(1, o, &a);                                                                  \
            }                                                                                            \
    }
#define ADD_ROW(T, NAME, HOW)                                                                            \
    static void add_row_##NAME(int64_t n, void *out, const void *src) {                                  \
        T *restrict o = out;                                                                             \
        const T *restrict s = src;                                                                       \
        for (int64_t i = 0; i < n; i++)                                                                  \
            o[i] = (T)HOW(o[i], s[i]);                                                                   \
    }
#define ADD_ROW_HALF(NAME, FORMAT)                                                                       \
    static void add_row_##NAME(int64_t n, void *out, const void *src) {                                  \
        enum { BLOCK = 256 };                                                                            \
        const rt_half_conversion *half = &RT_LOCAL(rt_half_formats)[FORMAT];                             \
        float a[BLOCK], b[BLOCK];                                                                        \
        for (int64_t i = 0, m; i < n; i += m) {                                                          \
            m = n - i < BLOCK ? n - i : BLOCK;                                                           \
            half->widen(m, a, (uint16_t *)out + i);                                                      \
            half->widen(m, b, (const uint16_t *)src + i);                                                \
            for (int64_t k = 0; k < m; k++)                                                              \
                a[k] += b[k];                                                                            \
            half->narrow(m, (uint16_t *)out + i, a);                                                     \
        }                                                                                                \
    }

SCATTER(uint8_t, set, 1, SET)
SCATTER(uint16_t, set, 2, SET)
SCATTER(uint32_t, set, 4, SET)
SCATTER(uint64_t, set, 8, SET)
SCATTER(sixteen, set, 16, SET)

#define ADD_ONLY(T, NAME)                                                                                \
    SCATTER(T, add, NAME, ADD)                                                                           \
    ADD_ROW(T, NAME, ADD)
#define ADD_AND_MAX(T, NAME, HOW_MAX)                                                                    \
    ADD_ONLY(T, NAME)                                                                                    \
    SCATTER(T, max, NAME, HOW_MAX)
#define HALF_ADD_AND_MAX(NAME, FORMAT)                                                                   \
    SCATTER_HALF(add, NAME, FORMAT, ADD)                                                                 \
    SCATTER_HALF(max, NAME, FORMAT, MAX_FLOAT)                                                           \
    ADD_ROW_HALF(NAME, FORMAT)

typedef float complex c64;
typedef double complex c128;
SCATTER(uint8_t, add, boolean, OR)
ADD_ROW(uint8_t, boolean, OR)
ADD_AND_MAX(uint8_t, uint8, MAX)
ADD_AND_MAX(int8_t, int8, MAX)
ADD_AND_MAX(int16_t, int16, MAX)
ADD_AND_MAX(int32_t, int32, MAX)
ADD_AND_MAX(int64_t, int64, MAX)
ADD_AND_MAX(float, float32, MAX_FLOAT)
ADD_AND_MAX(double, float64, MAX_FLOAT)
HALF_ADD_AND_MAX(float16, 0)
HALF_ADD_AND_MAX(bfloat16, 1)
ADD_ONLY(c64, complex64)
ADD_ONLY(c128, complex128)

typedef void (*scatter_loop)(const scattering *, void *, const void *);

typedef struct {
    scatter_loop add, max;
    void (*add_row)(int64_t, void *, const void *);
} combiner;

#define COMBINER(DTYPE, NAME) [DTYPE] = {add_##NAME, max_##NAME, add_row_##NAME}
static const combiner combiners[RT_DTYPE_COUNT] = {
    [RT_BOOL] = {add_boolean, add_boolean, add_row_boolean},
    COMBINER(RT_UINT8, uint8),
    COMBINER(RT_INT8, int8),
    COMBINER(RT_INT16, int16),
    COMBINER(RT_INT32, int32),
    COMBINER(RT_INT64, int64),
    COMBINER(RT_FLOAT16, float16),
    COMBINER(RT_BFLOAT16, bfloat16),
    COMBINER(RT_FLOAT32, float32),
    COMBINER(RT_FLOAT64, float64),
    [RT_COMPLEX64] = {add_complex64, NULL, add_row_complex64},
    [RT_COMPLEX128] = {add_complex128, NULL, add_row_complex128},
};

/* The loops below run over rows of the last dim; this is where a row starts, leaving out `dim`. */
static int64_t row_offset(int ndim, const int64_t *shape, const int64_t *strides, int dim, int64_t row) {
    int64_t offset = 0;
    for (int d = ndim - 2; d >= 0; d--) {
        offset += d == dim ? 0 : row % shape[d] * strides[d];
        row /= shape[d];
    }
    return offset;
}

static int64_t row_count(int ndim, const int64_t *shape) {
    int64_t rows = 1;
    for (int d = 0; d < ndim - 1; d++)
        rows *= shape[d];
    return shape[ndim - 1] ? rows : 0;
}

typedef struct {
    char *out;
    const char *x;
    const int64_t *index;
    int64_t itemsize, rows, per_task;
    int dim, ndim;
    const int64_t *shape, *strides;
    bounds bounds;
} gather_job;

#define GATHER_ROW(T)                                                                                    \
    for (int64_t i = 0; i < n; i++)                                                                      \
        if (in_range(&j->bounds, index[i]))                                                              \
            ((T *)out)[i] = ((const T *)x)[i * step + index[i] * along];                                 \
    break

static void gather_row(gather_job *j, int64_t row) {
    int last = j->ndim - 1;
    int64_t n = j->shape[last], step = last == j->dim ? 0 : j->strides[last], along = j->strides[j->dim];
    const char *x = j->x + row_offset(j->ndim, j->shape, j->strides, j->dim, row) * j->itemsize;
    const int64_t *index = j->index + row * n;
    char *out = j->out + row * n * j->itemsize;
    switch (j->itemsize) {
    case 1: GATHER_ROW(uint8_t);
    case 2: GATHER_ROW(uint16_t);
    case 4: GATHER_ROW(uint32_t);
    case 8: GATHER_ROW(uint64_t);
    default: GATHER_ROW(sixteen);
    }
}

static void gather_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    gather_job *j = ctx;
    for (int64_t row = task * j->per_task; row < j->rows && row < (task + 1) * j->per_task; row++)
        gather_row(j, row);
}

/* Items per task, for items of so many elements each. */
static int64_t items_per_task(int64_t elements) {
    return elements < TASK_ELEMENTS ? TASK_ELEMENTS / (elements ? elements : 1) : 1;
}

int rt_gather(int64_t itemsize, uintptr_t out, uintptr_t x, uintptr_t index, int dim, int64_t size, int ndim,
              const int64_t *dims) {
    gather_job j = {
        .out = (char *)out,
        .x = (const char *)x,
        .index = (const int64_t *)index,
        .itemsize = itemsize,
        .rows = row_count(ndim, dims),
        .dim = dim,
        .ndim = ndim,
        .shape = dims,
        .strides = dims + ndim,
        .bounds = {.size = size},
    };
    j.per_task = items_per_task(dims[ndim - 1]);
    rt_parallel_for((j.rows + j.per_task - 1) / j.per_task, gather_task, &j);
    return report(&j.bounds);
}

static scatter_loop find_scatter(int mode, int dtype) {
    if (mode == RT_SCATTER_ADD)
        return combiners[dtype].add;
    if (mode == RT_SCATTER_MAX)
        return combiners[dtype].max;
    switch (rt_itemsize(dtype)) {
    case 1: return set_1;
    case 2: return set_2;
    case 4: return set_4;
    case 8: return set_8;
    default: return set_16;
    }
}

/* Tasks share out one dim that is not scattered along: no two of them meet, and where an index repeats
 * the order stays that of the elements. */
typedef struct {
    char *out;
    const char *src;
    const int64_t *index;
    scatter_loop loop;
    int64_t itemsize, per_task;
    int ndim, dim, shared; /* ndim: nothing is shared, there is one task */
    const int64_t *shape, *out_strides, *src_strides, *index_strides;
    bounds bounds;
} scatter_job;

static void scatter_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    scatter_job *j = ctx;
    int last = j->ndim - 1;
    int64_t shape[RT_MAX_DIMS], out = 0, src = 0, index = 0;
    memcpy(shape, j->shape, (size_t)j->ndim * sizeof *shape);
    if (j->shared < j->ndim) {
        int64_t start = task * j->per_task, left = shape[j->shared] - start;
        shape[j->shared] = left < j->per_task ? left : j->per_task;
        out = start * j->out_strides[j->shared];
        src = start * j->src_strides[j->shared];
        index = start * j->index_strides[j->shared];
    }
    scattering s = {
        .n = shape[last],
        .step = last == j->dim ? 0 : j->out_strides[last],
        .along = j->out_strides[j->dim],
        .src_step = j->src_strides[last],
        .bounds = &j->bounds,
    };
    int64_t rows = row_count(j->ndim, shape);
    for (int64_t row = 0; row < rows; row++) {
        s.index = j->index + index + row_offset(j->ndim, shape, j->index_strides, -1, row);
        j->loop(&s, j->out + (out + row_offset(j->ndim, shape, j->out_strides, j->dim, row)) * j->itemsize,
                j->src + (src + row_offset(j->ndim, shape, j->src_strides, -1, row)) * j->itemsize);
    }
}

int rt_scatter(int mode, int dtype, uintptr_t out, uintptr_t index, uintptr_t src, int dim, int64_t size, int ndim,
               const int64_t *dims) {
    int64_t index_strides[RT_MAX_DIMS], elements = 1;
    scatter_job j = {
        .out = (char *)out,
        .src = (const char *)src,
        .index = (const int64_t *)index,
        .loop = find_scatter(mode, dtype),
        .itemsize = rt_itemsize(dtype),
        .ndim = ndim,
        .dim = dim,
        .shared = ndim,
        .shape = dims,
        .out_strides = dims + ndim,
        .src_strides = dims + 2 * ndim,
        .index_strides = index_strides,
        .bounds = {.size = size},
    };
    if (!j.loop || ndim > RT_MAX_DIMS)
        return RT_UNSUPPORTED;
    for (int d = ndim - 1; d >= 0; d--) {
        index_strides[d] = elements;
        elements *= dims[d];
    }
    for (int d = ndim - 1; d >= 0; d--) /* the longest that will do, an outer one if equal */
        if (d != dim && (j.shared == ndim || dims[d] >= dims[j.shared]))
            j.shared = d;
    int64_t tasks = 1;
    if (j.shared < ndim && elements > 0) {
        j.per_task = items_per_task(elements / dims[j.shared]);
        if (j.shared == ndim - 1 && j.per_task < MIN_RUN) /* short runs within rows would share cache lines */
            j.per_task = MIN_RUN;
        tasks = (dims[j.shared] + j.per_task - 1) / j.per_task;
    }
    rt_parallel_for(elements > 0 ? tasks : 0, scatter_task, &j);
    return report(&j.bounds);
}

typedef struct {
    char *out;
    const char *x;
    const int64_t *index;
    int64_t itemsize, outer, n, inner, count, per_task;
    const combiner *combiner;
    int64_t column_block, column_blocks;
    bounds bounds;
} select_job;

#define SELECT(T)                                                                                        \
    for (int64_t i = 0; i < count; i++)                                                                  \
        if (in_range(&j->bounds, index[i]))                                                              \
            ((T *)out)[i] = ((const T *)x)[index[i]];                                                    \
    break

/* Rows [start, start + count) of one outer slice, where a row is a single element. */
static void select_elements(select_job *j, int64_t slice, int64_t start, int64_t count) {
    const int64_t *index = j->index + start;
    const char *x = j->x + slice * j->n * j->itemsize;
    char *out = j->out + (slice * j->count + start) * j->itemsize;
    switch (j->itemsize) {
    case 1: SELECT(uint8_t);
    case 2: SELECT(uint16_t);
    case 4: SELECT(uint32_t);
    case 8: SELECT(uint64_t);
    default: SELECT(sixteen);
    }
}

static void select_rows(select_job *j, int64_t slice, int64_t start, int64_t count) {
    int64_t bytes = j->inner * j->itemsize;
    for (int64_t i = start; i < start + count; i++)
        if (in_range(&j->bounds, j->index[i]))
            memcpy(j->out + (slice * j->count + i) * bytes, j->x + (slice * j->n + j->index[i]) * bytes, (size_t)bytes);
}

static void select_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    select_job *j = ctx;
    int64_t blocks = (j->count + j->per_task - 1) / j->per_task;
    int64_t start = task % blocks * j->per_task, left = j->count - start;
    (j->inner == 1 ? select_elements : select_rows)(j, task / blocks, start, left < j->per_task ? left : j->per_task);
}

int rt_index_select(int64_t itemsize, uintptr_t out, uintptr_t x, uintptr_t index, int64_t outer, int64_t n,
                    int64_t inner, int64_t count) {
    select_job j = {
        .out = (char *)out,
        .x = (const char *)x,
        .index = (const int64_t *)index,
        .itemsize = itemsize,
        .outer = outer,
        .n = n,
        .inner = inner,
        .count = count,
        .per_task = items_per_task(inner),
        .bounds = {.size = n},
    };
    rt_parallel_for(outer * ((count + j.per_task - 1) / j.per_task), select_task, &j);
    return report(&j.bounds);
}

/* A task owns some columns of one outer slice and adds all indices to them: no two tasks meet, and the
 * order of the additions is that of the indices. */
static void index_add_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    select_job *j = ctx;
    int64_t slice = task / j->column_blocks, column = task % j->column_blocks * j->column_block;
    int64_t width = j->inner - column < j->column_block ? j->inner - column : j->column_block;
    for (int64_t i = 0; i < j->count; i++)
        if (in_range(&j->bounds, j->index[i])) {
            char *out = j->out + ((slice * j->n + j->index[i]) * j->inner + column) * j->itemsize;
            j->combiner->add_row(width, out, j->x + ((slice * j->count + i) * j->inner + column) * j->itemsize);
        }
}

/* The same for single elements. */
static void index_add_elements_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    select_job *j = ctx;
    scattering s = {.n = j->count, .along = 1, .src_step = 1, .index = j->index, .bounds = &j->bounds};
    for (int64_t slice = task * j->per_task; slice < j->outer && slice < (task + 1) * j->per_task; slice++)
        j->combiner->add(&s, j->out + slice * j->n * j->itemsize, j->x + slice * j->count * j->itemsize);
}

int rt_index_add(int dtype, uintptr_t out, uintptr_t index, uintptr_t src, int64_t outer, int64_t n, int64_t inner,
                 int64_t count) {
    select_job j = {
        .out = (char *)out,
        .x = (const char *)src,
        .index = (const int64_t *)index,
        .itemsize = rt_itemsize(dtype),
        .outer = outer,
        .n = n,
        .inner = inner,
        .count = count,
        .combiner = &combiners[dtype],
        .bounds = {.size = n},
    };
    if (inner == 1) {
        j.per_task = items_per_task(count);
        rt_parallel_for((outer + j.per_task - 1) / j.per_task, index_add_elements_task, &j);
    } else {
        j.column_block = inner * count < TASK_ELEMENTS ? inner : MIN_RUN;
        j.column_blocks = inner ? (inner + j.column_block - 1) / j.column_block : 0;
        rt_parallel_for(outer * j.column_blocks, index_add_task, &j);
    }
    return report(&j.bounds);
}
