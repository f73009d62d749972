#include "reduce.h"
#include "pool.h"
#include "sizes.h"
#include "strided.h"
#include <stdlib.h>

enum {
    KEPT_BLOCK = 512,        /* results per task at most; their accumulators lie on the stack */
    MIN_COLUMNS = 2,         /* narrower rows of results are gathered column by column */
    WIDE = 64,               /* dense rows narrower than half of it are reduced several at a time */
    MAX_ACC = 16,            /* bytes of the widest accumulator */
    TASK_ELEMENTS = 1 << 16, /* input elements per task, roughly; at most */
    LONG_TASK = 1 << 18,     /* so many, which memory is asked for in longer stretches */
    STAGED_ROWS = 8          /* rows of half precision that are widened together */
};

/* Work is cut into blocks of results, and of reduced elements where results are few.  The cuts depend
 * on the sizes alone, never on the number of threads, so that sums are reproducible. */
typedef struct {
    const rt_reduce_call *call;
    rt_walk kept, reduced, out; /* kept and reduced both start at x */
    bool columns;               /* the innermost kept dim is dense: reduce whole rows of results at once */
    int64_t results, elements;  /* K and R */
    int64_t kept_block, splits, split_block;
    char *partial; /* [splits][results] accumulators, if splits > 1 */
} plan;

/* Elements [r0, r1) of the results [k0, k1). */
typedef struct {
    int64_t k0, k1, r0, r1;
} block;

typedef struct {
    _Alignas(64) char memory[RT_CHUNK * 16], wide[STAGED_ROWS * KEPT_BLOCK * sizeof(float)];
} staging;

static int64_t inner_size(const rt_walk *w) { return w->shape[w->ndim - 1]; }
static int64_t inner_stride(const rt_walk *w) { return w->strides[w->ndim - 1]; }

/* How many of the `n` steps from `start` stay within the innermost dim. */
static int64_t inner_run(const rt_walk *w, int64_t start, int64_t n) {
    return lesser(inner_size(w) - start % inner_size(w), n);
}

/* Rows that lie dense in memory are read in place, as many at a time as lie evenly apart. */
static void reduce_rows(const plan *p, block b, char *acc) {
    const rt_reducer *reducer = p->call->reducer;
    rt_walk row = p->reduced;
    for (int64_t k = b.k0, count; k < b.k1; k += count, acc += count * reducer->acc_size) {
        count = inner_run(&p->kept, k, b.k1 - k);
        row.base = rt_walk_at(&p->kept, k);
        for (int64_t r = b.r0, n; r < b.r1; r += n) {
            n = inner_run(&row, r, b.r1 - r);
            reducer->rows(count, n, rt_walk_at(&row, r), inner_stride(&p->kept), acc);
        }
    }
}

/* Others are gathered, and rows of half precision widened, a chunk at a time. */
static void reduce_staged_rows(const plan *p, block b, char *acc, staging *s) {
    const rt_reduce_call *call = p->call;
    rt_walk row = p->reduced;
    for (int64_t k = b.k0; k < b.k1; k++, acc += call->reducer->acc_size) {
        row.base = rt_walk_at(&p->kept, k);
        for (int64_t r = b.r0, n; r < b.r1; r += n) {
            n = lesser(RT_CHUNK, b.r1 - r);
            const void *x = rt_walk_read(&row, r, n, s->memory);
            if (call->half) {
                call->half->widen(n, (float *)s->wide, x);
                x = s->wide;
            }
            call->reducer->rows(1, n, x, n, acc);
        }
    }
}

/* Rows narrower than a few vectors, without gaps: w of them side by side are one row of w * n columns. */
static void reduce_narrow_columns(const rt_reducer *reducer, int64_t count, int64_t n, const char *x, int64_t itemsize,
                                  char *acc) {
    _Alignas(64) char wide[WIDE * MAX_ACC];
    int64_t w = WIDE / n, whole = count / w;
    reducer->init(w * n, wide);
    reducer->columns(whole, w * n, x, w * n, wide);
    for (int64_t i = 0; i < w; i++)
        reducer->merge(n, wide + i * n * reducer->acc_size, acc);
    reducer->columns(count - whole * w, n, x + whole * w * n * itemsize, n, acc);
}

static void reduce_dense_columns(const plan *p, int64_t count, int64_t n, const char *x, int64_t step, char *acc,
                                 staging *s) {
    const rt_reduce_call *call = p->call;
    if (call->half) {
        for (int64_t i = 0, rows; i < count; i += rows) {
            rows = lesser(STAGED_ROWS, count - i);
            for (int64_t j = 0; j < rows; j++)
                call->half->widen(n, (float *)s->wide + j * n, (const uint16_t *)x + (i + j) * step);
            call->reducer->columns(rows, n, s->wide, n, acc);
        }
    } else if (step == n && 2 * n <= WIDE && count * n >= 2 * WIDE) {
        reduce_narrow_columns(call->reducer, count, n, x, call->itemsize, acc);
    } else {
        call->reducer->columns(count, n, x, step, acc);
    }
}

/* The results of the block lie within one dense row of the kept dims. */
static void reduce_columns(const plan *p, block b, char *acc, staging *s) {
    rt_walk column = p->reduced;
    column.base = rt_walk_at(&p->kept, b.k0);
    for (int64_t r = b.r0, count; r < b.r1; r += count) {
        count = inner_run(&column, r, b.r1 - r);
        reduce_dense_columns(p, count, b.k1 - b.k0, rt_walk_at(&column, r), inner_stride(&column), acc, s);
    }
}

static void reduce_block(const plan *p, block b, char *acc, staging *s) {
    p->call->reducer->init(b.k1 - b.k0, acc);
    if (p->columns)
        reduce_columns(p, b, acc, s);
    else if (p->call->half || inner_stride(&p->reduced) != 1)
        reduce_staged_rows(p, b, acc, s);
    else
        reduce_rows(p, b, acc);
}

static void write_results(const plan *p, int64_t k0, int64_t n, const char *acc) {
    _Alignas(64) char result[KEPT_BLOCK * MAX_ACC];
    uint16_t narrow[KEPT_BLOCK];
    if (!p->call->half && rt_walk_contiguous(&p->out)) {
        p->call->reducer->finish(n, acc, p->out.base + k0 * p->out.itemsize);
        return;
    }
    p->call->reducer->finish(n, acc, result);
    if (p->call->half)
        p->call->half->narrow(n, narrow, (float *)result);
    rt_walk_scatter(&p->out, k0, n, p->call->half ? (void *)narrow : result);
}

static void reduce_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    const plan *p = ctx;
    int64_t split = task % p->splits, start = task / p->splits * p->kept_block;
    int64_t end = lesser(start + p->kept_block, p->results);
    block b = {start, start, split * p->split_block, lesser((split + 1) * p->split_block, p->elements)};
    _Alignas(64) char local[KEPT_BLOCK * MAX_ACC];
    staging s;
    for (; b.k0 < end; b.k0 = b.k1) {
        b.k1 = lesser(b.k0 + KEPT_BLOCK, end);
        if (p->columns)
            b.k1 = b.k0 + inner_run(&p->kept, b.k0, b.k1 - b.k0);
        if (p->partial) {
            reduce_block(p, b, p->partial + (split * p->results + b.k0) * p->call->reducer->acc_size, &s);
        } else {
            reduce_block(p, b, local, &s);
            write_results(p, b.k0, b.k1 - b.k0, local);
        }
    }
}

static void merge_partials(const plan *p) {
    const rt_reducer *reducer = p->call->reducer;
    int64_t bytes = p->results * reducer->acc_size;
    for (int64_t stride = 1; stride < p->splits; stride *= 2) /* pairwise: the error grows with the logarithm */
        for (int64_t s = 0; s + stride < p->splits; s += 2 * stride)
            reducer->merge(p->results, p->partial + (s + stride) * bytes, p->partial + s * bytes);
    for (int64_t k = 0; k < p->results; k += KEPT_BLOCK)
        write_results(p, k, lesser(KEPT_BLOCK, p->results - k), p->partial + k * reducer->acc_size);
}

static void cut(plan *p) {
    int64_t task = greater(TASK_ELEMENTS, lesser(LONG_TASK, p->results * p->elements / 8));
    int64_t wanted = task / (p->elements > 0 ? p->elements : 1);
    p->kept_block = wanted < 1 ? 1 : wanted;
    if (p->columns && p->kept_block < KEPT_BLOCK)
        p->kept_block = KEPT_BLOCK;
    p->splits = 1;
    p->split_block = p->elements;
    int64_t tasks = (p->results + p->kept_block - 1) / p->kept_block;
    int64_t per_task = lesser(p->kept_block, p->results) * p->elements;
    if (tasks < 64 && per_task >= 2 * task) {
        int64_t splits = lesser(per_task / task, 64);
        p->split_block = (p->elements + splits - 1) / splits;
        p->splits = (p->elements + p->split_block - 1) / p->split_block;
    }
}

static int run(plan *p) {
    cut(p);
    p->partial = NULL;
    if (p->splits > 1 && !(p->partial = malloc((size_t)(p->splits * p->results * p->call->reducer->acc_size))))
        return RT_OUT_OF_MEMORY;
    int64_t blocks = (p->results + p->kept_block - 1) / p->kept_block;
    rt_parallel_for(blocks * p->splits, reduce_task, p);
    if (p->partial)
        merge_partials(p);
    free(p->partial);
    return RT_OK;
}

int rt_reduce_run(const rt_reduce_call *call, int ndim, const int64_t *dims, uint64_t reduced) {
    if (ndim > RT_MAX_DIMS)
        return RT_UNSUPPORTED;
    const int64_t *shape = dims, *x_strides = dims + ndim, *out_strides = dims + 2 * ndim;
    int64_t kept_shape[RT_MAX_DIMS], kept_x[RT_MAX_DIMS], kept_out[RT_MAX_DIMS], *kept_lists[] = {kept_x, kept_out};
    int64_t red_shape[RT_MAX_DIMS], red_x[RT_MAX_DIMS], *red_lists[] = {red_x};
    int kept = 0, red = 0;
    plan p; /* not cleared: three walks are more than a kilobyte */
    p.call = call;
    p.results = p.elements = 1;
    for (int d = 0; d < ndim; d++) {
        if (reduced >> d & 1) {
            red_shape[red] = shape[d];
            red_x[red++] = x_strides[d];
            p.elements *= shape[d];
        } else {
            kept_shape[kept] = shape[d];
            kept_x[kept] = x_strides[d];
            kept_out[kept++] = out_strides[d];
            p.results *= shape[d];
        }
    }
    if (p.results == 0)
        return RT_OK;
    /* Results may come in any order, and so may what a result is made of: the order of x in memory. */
    rt_sort_dims(kept, kept_shape, 2, kept_lists);
    rt_sort_dims(red, red_shape, 1, red_lists);
    p.kept = rt_walk_make(call->x, call->itemsize, kept, kept_shape, kept_x);
    p.reduced = rt_walk_make(call->x, call->itemsize, red, red_shape, red_x);
    p.out = rt_walk_make(call->out, call->itemsize, kept, kept_shape, kept_out);
    bool rows_dense = inner_stride(&p.reduced) == 1 && inner_size(&p.reduced) > 1;
    p.columns = !rows_dense && inner_stride(&p.kept) == 1 && inner_size(&p.kept) >= MIN_COLUMNS;
    return run(&p);
}
