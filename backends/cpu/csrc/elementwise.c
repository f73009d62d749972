#include "elementwise.h"
#include "cache.h"
#include "pool.h"
#include "sizes.h"
#include "stream.h"
#include "strided.h"
#include <stdatomic.h>
#include <string.h>

enum {
    GRAIN = 32 * RT_CHUNK, /* additions per task: below two of these a second thread costs more than it brings */
    LONG_ROW = 64,         /* elements that are worth a call of the loop */
    TILE_ROWS = 64,        /* a column may be a page to itself, whose address is worth some lines of memory */
    TILE_BYTES = RT_CHUNK * 16,
    SHORT_SIDE = 8, /* below which tiles do not pay */
    REPEATS = 256,  /* of a number that a row repeats, written out at a time */
};

typedef struct {
    const rt_elementwise_call *call;
    rt_walk out, in[RT_MAX_INPUTS];
    int64_t n, grain;
    int64_t row; /* chunks do not cross its multiples, so that operands can be read in place */
    bool streamed;
    /* The dimensions, outermost first, then the strides of the result and the inputs. */
    int ndim;
    const int64_t *shape;
    int64_t *const *strides;
    int64_t tile_columns; /* as many as all operands have room for */
    atomic_int status;
} job;

/* Room for one chunk of any dtype.  A line more than a power of two, lest the same element of all chunks fall on the
 * same place of a page: a load would then wait for the store before it. */
typedef struct {
    _Alignas(64) char bytes[TILE_BYTES + 64];
} chunk;

/* How operand k (-1: the result) is stored, if not as the loop's own dtype. */
static const rt_half_conversion *half_of(const rt_elementwise_call *call, int k) {
    if (k < 0)
        return call->op->out_dtype == RT_FLOAT32 ? call->half_out : NULL;
    return call->op->in_dtype[k] == RT_FLOAT32 ? call->half_in : NULL;
}

static rt_walk operand(const rt_elementwise_call *call, int k, int ndim, const int64_t *shape, const int64_t *strides) {
    int dtype = k < 0 ? call->op->out_dtype : call->op->in_dtype[k];
    int64_t itemsize = half_of(call, k) ? (int64_t)sizeof(uint16_t) : rt_itemsize(dtype);
    return rt_walk_make(k < 0 ? call->out : call->in[k], itemsize, ndim, shape, strides);
}

static bool is_scalar(const rt_walk *w) { return w->ndim == 1 && w->strides[0] == 0; }

static const void *stage_input(const job *j, int k, int64_t start, int64_t n, chunk *wide, chunk *narrow) {
    const rt_elementwise_call *call = j->call;
    if (is_scalar(&j->in[k]))
        return wide; /* filled once, by run_staged */
    const rt_half_conversion *half = half_of(call, k);
    if (!half)
        return rt_walk_read(&j->in[k], start, n, wide);
    half->widen(n, (float *)wide, rt_walk_read(&j->in[k], start, n, narrow));
    return wide;
}

static void fill_scalar(const job *j, int k, int64_t n, chunk *stage) {
    const rt_elementwise_call *call = j->call;
    const rt_half_conversion *half = half_of(call, k);
    if (!half) {
        rt_walk_gather(&j->in[k], 0, n, &stage[k]);
        return;
    }
    rt_walk_gather(&j->in[k], 0, n, &stage[RT_MAX_INPUTS]);
    half->widen(n, (float *)&stage[k], (const uint16_t *)&stage[RT_MAX_INPUTS]);
}

static void run_loop(job *j, rt_loop loop, int64_t n, void *out, const void *const *in) {
    int status = loop(n, out, in, j->call->params);
    if (status != RT_OK)
        atomic_store_explicit(&j->status, status, memory_order_relaxed);
}

static void convert_chunk(const job *j, int64_t start, int64_t n, chunk *stage) {
    const rt_half_conversion *from = half_of(j->call, 0), *to = half_of(j->call, -1);
    void *direct = rt_walk_direct(&j->out, start, n), *out = direct ? direct : stage[RT_MAX_INPUTS + 1].bytes;
    const void *x = rt_walk_read(&j->in[0], start, n, &stage[RT_MAX_INPUTS]);
    if (from && to) {
        from->widen(n, (float *)&stage[0], x);
        to->narrow(n, out, (float *)&stage[0]);
    } else if (from) {
        from->widen(n, out, x);
    } else {
        to->narrow(n, out, x);
    }
    if (!direct)
        rt_walk_scatter(&j->out, start, n, out);
}

static void run_chunk(job *j, int64_t start, int64_t n, chunk *stage) {
    const rt_elementwise_call *call = j->call;
    const rt_half_conversion *half = half_of(call, -1);
    void *direct = rt_walk_direct(&j->out, start, n);
    const void *in[RT_MAX_INPUTS];
    for (int k = 0; k < call->op->inputs; k++)
        in[k] = stage_input(j, k, start, n, &stage[k], &stage[RT_MAX_INPUTS]);
    void *out = direct && !half ? direct : &stage[RT_MAX_INPUTS + 1];
    run_loop(j, call->op->loop, n, out, in);
    if (half) {
        uint16_t *narrow = direct ? direct : (void *)&stage[RT_MAX_INPUTS];
        half->narrow(n, narrow, out);
        out = narrow;
    }
    if (!direct)
        rt_walk_scatter(&j->out, start, n, out);
}

static void fill_scalars(const job *j, int64_t n, chunk *stage) {
    for (int k = 0; k < j->call->op->inputs; k++)
        if (is_scalar(&j->in[k]))
            fill_scalar(j, k, lesser(n, RT_CHUNK), stage);
}

static void run_staged(job *j, int64_t start, int64_t end) {
    chunk stage[RT_MAX_INPUTS + 2];
    fill_scalars(j, end - start, stage);
    while (start < end) {
        int64_t n = lesser(lesser(end - start, RT_CHUNK), j->row - start % j->row);
        if (j->call->converts)
            convert_chunk(j, start, n, stage);
        else
            run_chunk(j, start, n, stage);
        start += n;
    }
}

/* A piece of one row, along which each input is dense or repeats a number. */
static void run_row(job *j, int64_t start, int64_t n, chunk *stage) {
    const rt_op *op = j->call->op;
    const int64_t *const *strides = (const int64_t *const *)j->strides;
    bool by_number = op->by_number && strides[1][j->ndim - 1] && !strides[2][j->ndim - 1];
    const char *in[RT_MAX_INPUTS];
    int64_t step[RT_MAX_INPUTS], run = j->streamed ? lesser(n, RT_CHUNK) : n;
    char *out = rt_walk_at(&j->out, start);
    for (int k = 0; k < op->inputs; k++) {
        step[k] = strides[k + 1][j->ndim - 1] * j->in[k].itemsize;
        in[k] = step[k] || by_number ? rt_walk_at(&j->in[k], start) : stage[k].bytes;
        if (step[k] || by_number)
            continue;
        run = lesser(run, REPEATS);
        if (!is_scalar(&j->in[k])) /* those are filled once, by rows_task */
            rt_walk_gather(&j->in[k], start, run, &stage[k]);
    }
    for (int64_t i = 0; i < n; i += run) {
        const void *at[RT_MAX_INPUTS];
        int64_t count = lesser(run, n - i);
        for (int k = 0; k < op->inputs; k++)
            at[k] = in[k] + i * step[k];
        char *to = out + i * j->out.itemsize;
        run_loop(j, by_number ? op->by_number : op->loop, count, j->streamed ? stage[RT_MAX_INPUTS].bytes : to, at);
        if (j->streamed)
            rt_stream(to, &stage[RT_MAX_INPUTS], (size_t)(count * j->out.itemsize));
    }
}

/* Operand k (-1: the result) in the rectangle whose first element is `first`. */
static rt_tile tile_of(const job *j, int k, int64_t first, int64_t rows, int64_t columns) {
    const rt_walk *w = k < 0 ? &j->out : &j->in[k];
    const int64_t *strides = j->strides[k + 1] + j->ndim - 2;
    return (rt_tile){rt_walk_at(w, first), w->itemsize, rows, columns, strides[0], strides[1]};
}

static void prefetch_tile(const job *j, int64_t first, int64_t rows, int64_t columns) {
    for (int k = -1; k < j->call->op->inputs; k++)
        if (k < 0 || !is_scalar(&j->in[k])) {
            rt_tile tile = tile_of(j, k, first, rows, columns);
            rt_tile_prefetch(&tile);
        }
}

/* One operand's rows in a tile, as the loop takes them. */
typedef struct {
    char *at;
    int64_t step; /* bytes from row to row */
} rows_of_tile;

static rows_of_tile stage_rows(const job *j, int k, const rt_tile *t, chunk *wide, chunk *narrow) {
    const rt_half_conversion *half = half_of(j->call, k);
    if (is_scalar(&j->in[k]))
        return (rows_of_tile){wide->bytes, 0}; /* filled before */
    if (!half && t->column_stride == 1)
        return (rows_of_tile){t->base, t->row_stride * t->itemsize};
    rt_tile_gather(t, half ? narrow : wide);
    if (half)
        half->widen(t->rows * t->columns, (float *)wide, (const uint16_t *)narrow);
    return (rows_of_tile){wide->bytes, t->columns * rt_itemsize(j->call->op->in_dtype[k])};
}

static void run_tile(job *j, int64_t first, int64_t rows, int64_t columns, chunk *stage) {
    const rt_elementwise_call *call = j->call;
    const rt_half_conversion *half = half_of(call, -1);
    chunk *narrow = &stage[RT_MAX_INPUTS], *result = &stage[RT_MAX_INPUTS + 1];
    rows_of_tile in[RT_MAX_INPUTS], out = {result->bytes, columns * rt_itemsize(call->op->out_dtype)};
    for (int k = 0; k < call->op->inputs; k++) {
        rt_tile tile = tile_of(j, k, first, rows, columns);
        in[k] = stage_rows(j, k, &tile, &stage[k], narrow);
    }
    rt_tile tile = tile_of(j, -1, first, rows, columns);
    bool direct = !half && tile.column_stride == 1;
    if (direct)
        out = (rows_of_tile){tile.base, tile.row_stride * tile.itemsize};
    for (int64_t i = 0; i < rows; i++) {
        const void *row[RT_MAX_INPUTS];
        for (int k = 0; k < call->op->inputs; k++)
            row[k] = in[k].at + i * in[k].step;
        run_loop(j, call->op->loop, columns, out.at + i * out.step, row);
    }
    if (half)
        half->narrow(rows * columns, (uint16_t *)narrow, (const float *)result);
    if (!direct)
        rt_tile_scatter(&tile, half ? narrow : result);
}

/* Whether rows can be read and written in place. */
static bool has_plain_rows(const job *j) {
    if (j->call->half_in || j->call->half_out || j->ndim == 0 || j->row != j->shape[j->ndim - 1])
        return false;
    for (int k = 0; k <= j->call->op->inputs; k++) {
        int64_t stride = j->strides[k][j->ndim - 1];
        if (stride != 1 && (k == 0 || stride != 0))
            return false;
    }
    return true;
}

static void rows_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    job *j = ctx;
    int64_t start = task * j->grain, end = lesser(start + j->grain, j->n);
    chunk stage[RT_MAX_INPUTS + 1];
    fill_scalars(j, lesser(end - start, REPEATS), stage);
    while (start < end) {
        int64_t n = lesser(end - start, j->row - start % j->row);
        run_row(j, start, n, stage);
        start += n;
    }
    if (j->streamed)
        rt_stream_end();
}

static void staged_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    job *j = ctx;
    int64_t start = task * j->grain, end = start + j->grain;
    run_staged(j, start, lesser(end, j->n));
}

/* A strip of TILE_ROWS rows, or the part of one that is a task's work. */
static void tiled_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    job *j = ctx;
    chunk stage[RT_MAX_INPUTS + 2];
    fill_scalars(j, j->tile_columns, stage);
    int64_t rows = j->shape[j->ndim - 2], columns = j->shape[j->ndim - 1], width = j->grain / TILE_ROWS;
    int64_t parts = ceil_div(columns, width), strips = ceil_div(rows, TILE_ROWS);
    int64_t column = task % parts * width, row = task / parts % strips * TILE_ROWS, plane = task / parts / strips;
    int64_t first = (plane * rows + row) * columns, height = lesser(rows - row, TILE_ROWS);
    for (int64_t end = lesser(column + width, columns); column < end; column += j->tile_columns) {
        if (column + j->tile_columns < end)
            prefetch_tile(j, first + column + j->tile_columns, height,
                          lesser(end - column - j->tile_columns, j->tile_columns));
        run_tile(j, first + column, height, lesser(end - column, j->tile_columns), stage);
    }
}

/* Whether an input is dense along another dimension than the result is. */
static bool crosswise(const job *j, int k) {
    const int64_t *strides = j->strides[k + 1];
    return strides[j->ndim - 1] != 1 && strides[j->ndim - 1] != 0 && strides[j->ndim - 2] == 1;
}

static bool wants_tiles(const job *j) {
    if (j->ndim < 2 || j->shape[j->ndim - 2] < SHORT_SIDE || j->shape[j->ndim - 1] < SHORT_SIDE)
        return false;
    for (int k = 0; k < j->call->op->inputs; k++)
        if (crosswise(j, k))
            return true;
    return false;
}

static int run_tiled(job *j) {
    int64_t largest = rt_itemsize(j->call->op->out_dtype);
    for (int k = 0; k < j->call->op->inputs; k++)
        largest = greater(largest, rt_itemsize(j->call->op->in_dtype[k]));
    j->tile_columns = TILE_BYTES / TILE_ROWS / largest;
    int64_t rows = j->shape[j->ndim - 2], columns = j->shape[j->ndim - 1];
    int64_t tasks = j->n / (rows * columns) * ceil_div(rows, TILE_ROWS) * ceil_div(columns, j->grain / TILE_ROWS);
    rt_parallel_for(tasks, tiled_task, j);
    return atomic_load(&j->status);
}

/* A result that no cache keeps is written past them: its lines need not be read first. */
static bool wants_stream(const job *j) {
    bool aligned = (uintptr_t)j->out.base % RT_STREAM_ALIGNMENT == 0;
    for (int d = 0; d < j->ndim - 1; d++)
        aligned &= j->strides[0][d] * j->out.itemsize % RT_STREAM_ALIGNMENT == 0;
    aligned &= j->ndim == 1 || j->row * j->out.itemsize % RT_STREAM_ALIGNMENT == 0;
    return aligned && j->n * j->out.itemsize >= rt_cache_bytes(RT_CACHE_L3);
}

static int run(job *j) {
    int64_t chunks = GRAIN / RT_CHUNK / j->call->op->cost;
    j->grain = (chunks > 0 ? chunks : 1) * RT_CHUNK;
    atomic_init(&j->status, RT_OK);
    if (wants_tiles(j))
        return run_tiled(j);
    bool plain = has_plain_rows(j);
    j->streamed = plain && wants_stream(j);
    rt_parallel_for(ceil_div(j->n, j->grain), plain ? rows_task : staged_task, j);
    return atomic_load(&j->status);
}

int rt_elementwise_flat(const rt_elementwise_call *call, int64_t n) {
    if (n <= RT_CHUNK && !call->half_in && !call->half_out) {
        const void *in[RT_MAX_INPUTS] = {(void *)call->in[0], (void *)call->in[1], (void *)call->in[2]};
        return call->op->loop(n, (void *)call->out, in, call->params);
    }
    int64_t one = 1, *const strides[RT_MAX_INPUTS + 1] = {&one, &one, &one, &one};
    job j;
    j.call = call;
    j.n = j.row = n;
    j.ndim = 1;
    j.shape = &n;
    j.strides = strides;
    j.out = operand(call, -1, 1, &n, &one);
    for (int k = 0; k < call->op->inputs; k++)
        j.in[k] = operand(call, k, 1, &n, &one);
    return run(&j);
}

/* The dimension along which some input is dense, moved beside the innermost, makes tiles of its columns. */
static void bring_dense_dim(int ndim, int64_t *shape, int lists, int64_t *const *strides) {
    for (int k = 1; k < lists; k++)
        for (int d = 0; d < ndim - 2; d++)
            if (strides[k][d] == 1 && strides[k][ndim - 1] != 1 && strides[k][ndim - 1] != 0) {
                rt_move_dim(d, ndim - 2, shape, lists, strides);
                return;
            }
}

int rt_elementwise_strided(const rt_elementwise_call *call, int ndim, const int64_t *dims) {
    if (ndim > RT_MAX_DIMS)
        return RT_UNSUPPORTED;
    int lists = call->op->inputs + 1;
    int64_t work[(RT_MAX_INPUTS + 2) * RT_MAX_DIMS], *strides[RT_MAX_INPUTS + 1];
    memcpy(work, dims, (size_t)((lists + 1) * ndim) * sizeof *dims);
    for (int k = 0; k < lists; k++)
        strides[k] = work + (k + 1) * ndim;

    job j; /* not cleared: four walks are two kilobytes */
    j.call = call;
    j.n = 1;
    for (int d = 0; d < ndim; d++)
        j.n *= work[d];
    if (j.n == 0)
        return RT_OK;
    if (ndim > 0) {
        rt_sort_dims(ndim, work, lists, strides);
        ndim = rt_merge_dims(ndim, work, lists, strides);
        bring_dense_dim(ndim, work, lists, strides);
    }
    j.ndim = ndim;
    j.shape = work;
    j.strides = strides;
    j.row = ndim > 0 && work[ndim - 1] >= LONG_ROW ? work[ndim - 1] : j.n;
    j.out = operand(call, -1, ndim, work, strides[0]);
    for (int k = 0; k < call->op->inputs; k++)
        j.in[k] = operand(call, k, ndim, work, strides[k + 1]);
    return run(&j);
}
