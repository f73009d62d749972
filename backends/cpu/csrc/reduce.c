#include "reduce.h"
#include "pool.h"
#include "strided.h"
#include <stdlib.h>

enum {
    KEPT_BLOCK = 512,       /* results per task at most; their accumulators lie on the stack */
    MIN_COLUMNS = 16,       /* narrower rows of results are gathered column by column */
    MAX_ACC = 16,           /* bytes of the widest accumulator */
    TASK_ELEMENTS = 1 << 16 /* input elements per task, roughly */
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

typedef struct {
    _Alignas(64) char memory[RT_CHUNK * 16], wide[RT_CHUNK * 4];
} staging;

/* n elements at `start` of a walk, dense and as the loops want them; n <= RT_CHUNK unless direct. */
static const void *fetch(const plan *p, const rt_walk *w, int64_t start, int64_t n, staging *s) {
    const void *x = rt_walk_read(w, start, n, s->memory);
    if (!p->call->half)
        return x;
    p->call->half->widen(n, (float *)s->wide, x);
    return s->wide;
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static void reduce_rows(const plan *p, int64_t k0, int64_t k1, int64_t r0, int64_t r1, char *acc, staging *s) {
    rt_walk row = p->reduced;
    int64_t step = rt_walk_contiguous(&row) && !p->call->half ? RT_REDUCE_BLOCK : RT_CHUNK;
    for (int64_t k = k0; k < k1; k++, acc += p->call->reducer->acc_size) {
        row.base = rt_walk_at(&p->kept, k);
        for (int64_t r = r0; r < r1; r += step) {
            int64_t n = min64(step, r1 - r);
            p->call->reducer->row(n, fetch(p, &row, r, n, s), acc);
        }
    }
}

/* The block [k0, k1) lies within one dense row of the kept dims. */
static void reduce_columns(const plan *p, int64_t k0, int64_t k1, int64_t r0, int64_t r1, char *acc, staging *s) {
    const rt_reducer *reducer = p->call->reducer;
    rt_walk column = p->reduced, line = {.itemsize = p->kept.itemsize, .ndim = 1, .shape = {k1 - k0}, .strides = {1}};
    column.base = rt_walk_at(&p->kept, k0);
    for (int64_t r = r0; r < r1; r++) {
        line.base = rt_walk_at(&column, r);
        reducer->column(k1 - k0, fetch(p, &line, 0, k1 - k0, s), acc);
    }
}

static void write_results(const plan *p, int64_t k0, int64_t n, const char *acc) {
    _Alignas(64) char result[KEPT_BLOCK * MAX_ACC];
    uint16_t narrow[KEPT_BLOCK];
    p->call->reducer->finish(n, acc, result);
    if (p->call->half)
        p->call->half->narrow(n, narrow, (float *)result);
    rt_walk_scatter(&p->out, k0, n, p->call->half ? (void *)narrow : result);
}

static void reduce_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    const plan *p = ctx;
    const rt_reducer *reducer = p->call->reducer;
    int64_t split = task % p->splits, k0 = task / p->splits * p->kept_block, k1;
    _Alignas(64) char local[KEPT_BLOCK * MAX_ACC];
    staging s;
    int64_t r0 = split * p->split_block, r1 = min64(r0 + p->split_block, p->elements);
    for (int64_t end = min64(k0 + p->kept_block, p->results); k0 < end; k0 = k1) {
        k1 = min64(k0 + KEPT_BLOCK, end);
        if (p->columns) { /* stop at the end of the dense row */
            int64_t width = p->kept.shape[p->kept.ndim - 1];
            k1 = min64(k1, (k0 / width + 1) * width);
        }
        char *acc = p->partial ? p->partial + (split * p->results + k0) * reducer->acc_size : local;
        reducer->init(k1 - k0, acc);
        (p->columns ? reduce_columns : reduce_rows)(p, k0, k1, r0, r1, acc, &s);
        if (!p->partial)
            write_results(p, k0, k1 - k0, acc);
    }
}

static void merge_partials(const plan *p) {
    const rt_reducer *reducer = p->call->reducer;
    int64_t bytes = p->results * reducer->acc_size;
    for (int64_t stride = 1; stride < p->splits; stride *= 2) /* pairwise: the error grows with the logarithm */
        for (int64_t s = 0; s + stride < p->splits; s += 2 * stride)
            reducer->merge(p->results, p->partial + (s + stride) * bytes, p->partial + s * bytes);
    for (int64_t k = 0; k < p->results; k += KEPT_BLOCK)
        write_results(p, k, min64(KEPT_BLOCK, p->results - k), p->partial + k * reducer->acc_size);
}

static void cut(plan *p) {
    int64_t wanted = TASK_ELEMENTS / (p->elements > 0 ? p->elements : 1);
    p->kept_block = wanted < 1 ? 1 : wanted;
    if (p->columns && p->kept_block < KEPT_BLOCK)
        p->kept_block = KEPT_BLOCK;
    p->splits = 1;
    p->split_block = p->elements;
    int64_t tasks = (p->results + p->kept_block - 1) / p->kept_block;
    int64_t per_task = min64(p->kept_block, p->results) * p->elements;
    if (tasks < 64 && per_task >= 2 * TASK_ELEMENTS) {
        int64_t splits = min64(per_task / TASK_ELEMENTS, 64);
        p->split_block = (p->elements + splits - 1) / splits;
        p->splits = (p->elements + p->split_block - 1) / p->split_block;
    }
}

static int run(plan *p) {
    cut(p);
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
    int64_t kept_shape[RT_MAX_DIMS], kept_x[RT_MAX_DIMS], kept_out[RT_MAX_DIMS];
    int64_t red_shape[RT_MAX_DIMS], red_x[RT_MAX_DIMS], *red_lists[] = {red_x};
    int kept = 0, red = 0;
    plan p = {.call = call, .results = 1, .elements = 1};
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
    rt_sort_dims(red, red_shape, 1, red_lists); /* the order of a reduction is ours to choose: memory order */
    int64_t itemsize = call->half ? 2 : call->itemsize;
    p.kept = rt_walk_make(call->x, itemsize, kept, kept_shape, kept_x);
    p.reduced = rt_walk_make(call->x, itemsize, red, red_shape, red_x);
    p.out = rt_walk_make(call->out, itemsize, kept, kept_shape, kept_out);
    bool rows_dense = p.reduced.strides[p.reduced.ndim - 1] == 1 && p.reduced.shape[p.reduced.ndim - 1] > 1;
    p.columns = !rows_dense && p.kept.strides[p.kept.ndim - 1] == 1 && p.kept.shape[p.kept.ndim - 1] >= MIN_COLUMNS;
    return run(&p);
}
