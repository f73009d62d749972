/* Gather, scatter, index_select, index_add.  An index out of range is reported and touches nothing. */
#include "isa/api/indexing.h"
#include "isa/optable.h"
#include "strided.h"
#include <complex.h>
#include <stdatomic.h>

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

/* `add` and `max` of one dtype: over a dense row, and over single elements for scatter. */
#define ADD(a, b) ((a) + (b))
#define MAX(a, b) ((b) > (a) ? (b) : (a))
#define MAX_FLOAT(a, b) ((b) > (a) || (b) != (b) ? (b) : (a))

#define SET_ONE(T, NAME)                                                                                 \
    static void set_##NAME(void *out, const void *src) { *(T *)out = *(const T *)src; }
#define COMBINE_ONE(T, NAME, OP, HOW)                                                                    \
    static void OP##_##NAME(void *out, const void *src) {                                                \
        T *o = out;                                                                                      \
        *o = (T)HOW(*o, *(const T *)src);                                                                \
    }
#define COMBINE_HALF(NAME, FORMAT, OP, HOW)                                                              \
    static void OP##_##NAME(void *out, const void *src) {                                                \
        float a, b;                                                                                      \
        RT_LOCAL(rt_half_formats)[FORMAT].widen(1, &a, out);                                             \
        RT_LOCAL(rt_half_formats)[FORMAT].widen(1, &b, src);                                             \
        a = HOW(a, b);                                                                                   \
        RT_LOCAL(rt_half_formats)[FORMAT].narrow(1, out, &a);                                            \
    }

SET_ONE(uint8_t, 1)
SET_ONE(uint16_t, 2)
SET_ONE(uint32_t, 4)
SET_ONE(uint64_t, 8)
SET_ONE(sixteen, 16)

#define ADD_AND_MAX(T, NAME, HOW_MAX)                                                                    \
    COMBINE_ONE(T, NAME, add, ADD)                                                                       \
    COMBINE_ONE(T, NAME, max, HOW_MAX)                                                                   \
    static void add_row_##NAME(int64_t n, void *out, const void *src) {                                  \
        T *restrict o = out;                                                                             \
        const T *restrict s = src;                                                                       \
        for (int64_t i = 0; i < n; i++)                                                                  \
            o[i] = (T)(o[i] + s[i]);                                                                     \
    }
#define HALF_ADD_AND_MAX(NAME, FORMAT)                                                                   \
    COMBINE_HALF(NAME, FORMAT, add, ADD)                                                                 \
    COMBINE_HALF(NAME, FORMAT, max, MAX_FLOAT)                                                           \
    static void add_row_##NAME(int64_t n, void *out, const void *src) {                                  \
        for (int64_t i = 0; i < n; i++)                                                                  \
            add_##NAME((uint16_t *)out + i, (const uint16_t *)src + i);                                  \
    }

static void add_boolean(void *out, const void *src) { *(uint8_t *)out |= *(const uint8_t *)src; }
static void add_row_boolean(int64_t n, void *out, const void *src) {
    for (int64_t i = 0; i < n; i++)
        add_boolean((uint8_t *)out + i, (const uint8_t *)src + i);
}
ADD_AND_MAX(uint8_t, uint8, MAX)
ADD_AND_MAX(int8_t, int8, MAX)
ADD_AND_MAX(int16_t, int16, MAX)
ADD_AND_MAX(int32_t, int32, MAX)
ADD_AND_MAX(int64_t, int64, MAX)
ADD_AND_MAX(float, float32, MAX_FLOAT)
ADD_AND_MAX(double, float64, MAX_FLOAT)
HALF_ADD_AND_MAX(float16, 0)
HALF_ADD_AND_MAX(bfloat16, 1)
typedef float complex c64;
typedef double complex c128;
#define ADD_ONLY(T, NAME)                                                                                \
    COMBINE_ONE(T, NAME, add, ADD)                                                                       \
    static void add_row_##NAME(int64_t n, void *out, const void *src) {                                  \
        for (int64_t i = 0; i < n; i++)                                                                  \
            add_##NAME((T *)out + i, (const T *)src + i);                                                \
    }
ADD_ONLY(c64, complex64)
ADD_ONLY(c128, complex128)

typedef struct {
    void (*add)(void *, const void *);
    void (*max)(void *, const void *);
    void (*add_row)(int64_t, void *, const void *);
} combiner;

#define ROW(DTYPE, NAME) [DTYPE] = {add_##NAME, max_##NAME, add_row_##NAME}
static const combiner combiners[RT_DTYPE_COUNT] = {
    [RT_BOOL] = {add_boolean, add_boolean, add_row_boolean},
    ROW(RT_UINT8, uint8),
    ROW(RT_INT8, int8),
    ROW(RT_INT16, int16),
    ROW(RT_INT32, int32),
    ROW(RT_INT64, int64),
    ROW(RT_FLOAT16, float16),
    ROW(RT_BFLOAT16, bfloat16),
    ROW(RT_FLOAT32, float32),
    ROW(RT_FLOAT64, float64),
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
    enum { TASK_ELEMENTS = 1 << 14 };
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

static void (*scatter_move(int mode, int dtype))(void *, const void *) {
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

/* On one thread: where an index repeats, the order of the elements matters. */
int rt_scatter(int mode, int dtype, uintptr_t out, uintptr_t index, uintptr_t src, int dim, int64_t size, int ndim,
               const int64_t *dims) {
    void (*move)(void *, const void *) = scatter_move(mode, dtype);
    if (!move)
        return RT_UNSUPPORTED;
    const int64_t *shape = dims, *out_strides = dims + ndim, *src_strides = dims + 2 * ndim;
    int64_t itemsize = rt_itemsize(dtype), rows = row_count(ndim, shape), n = shape[ndim - 1];
    int64_t step = ndim - 1 == dim ? 0 : out_strides[ndim - 1];
    bounds b = {.size = size};
    for (int64_t row = 0; row < rows; row++) {
        char *o = (char *)out + row_offset(ndim, shape, out_strides, dim, row) * itemsize;
        const char *s = (const char *)src + row_offset(ndim, shape, src_strides, -1, row) * itemsize;
        const int64_t *at = (const int64_t *)index + row * n;
        for (int64_t i = 0; i < n; i++)
            if (in_range(&b, at[i]))
                move(o + (i * step + at[i] * out_strides[dim]) * itemsize, s + i * src_strides[ndim - 1] * itemsize);
    }
    return report(&b);
}

typedef struct {
    char *out;
    const char *x;
    const int64_t *index;
    int64_t itemsize, outer, n, inner, count, per_task;
    void (*add_row)(int64_t, void *, const void *);
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
            j->add_row(width, out, j->x + ((slice * j->count + i) * j->inner + column) * j->itemsize);
        }
}

int rt_index_add(int dtype, uintptr_t out, uintptr_t index, uintptr_t src, int64_t outer, int64_t n, int64_t inner,
                 int64_t count) {
    enum { SMALL = 1 << 14, COLUMNS = 64 };
    select_job j = {
        .out = (char *)out,
        .x = (const char *)src,
        .index = (const int64_t *)index,
        .itemsize = rt_itemsize(dtype),
        .outer = outer,
        .n = n,
        .inner = inner,
        .count = count,
        .add_row = combiners[dtype].add_row,
        .bounds = {.size = n},
    };
    j.column_block = inner * count < SMALL ? inner : COLUMNS;
    j.column_blocks = inner ? (inner + j.column_block - 1) / j.column_block : 0;
    rt_parallel_for(outer * j.column_blocks, index_add_task, &j);
    return report(&j.bounds);
}
