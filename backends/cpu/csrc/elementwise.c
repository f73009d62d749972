#include "elementwise.h"
#include "pool.h"
#include "strided.h"
#include <stdatomic.h>
#include <string.h>

/* Additions per task: below two of these a second thread costs more than it brings. */
enum { GRAIN = 32 * RT_CHUNK };

typedef struct {
    const rt_elementwise_call *call;
    rt_walk out, in[RT_MAX_INPUTS];
    int64_t n, grain;
    atomic_int status;
} job;

/* Room for one chunk of any dtype. */
typedef struct {
    _Alignas(64) char bytes[RT_CHUNK * 16];
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

static void run_chunk(job *j, int64_t start, int64_t n, chunk *stage) {
    const rt_elementwise_call *call = j->call;
    const rt_half_conversion *half = half_of(call, -1);
    void *direct = rt_walk_direct(&j->out, start, n);
    const void *in[RT_MAX_INPUTS];
    for (int k = 0; k < call->op->inputs; k++)
        in[k] = stage_input(j, k, start, n, &stage[k], &stage[RT_MAX_INPUTS]);
    void *out = direct && !half ? direct : &stage[RT_MAX_INPUTS + 1];
    int status = call->op->loop(n, out, in, call->params);
    if (status != RT_OK)
        atomic_store_explicit(&j->status, status, memory_order_relaxed);
    if (half) {
        uint16_t *narrow = direct ? direct : (void *)&stage[RT_MAX_INPUTS];
        half->narrow(n, narrow, out);
        out = narrow;
    }
    if (!direct)
        rt_walk_scatter(&j->out, start, n, out);
}

static void run_staged(job *j, int64_t start, int64_t end) {
    chunk stage[RT_MAX_INPUTS + 2];
    int64_t longest = end - start < RT_CHUNK ? end - start : RT_CHUNK;
    for (int k = 0; k < j->call->op->inputs; k++)
        if (is_scalar(&j->in[k]))
            fill_scalar(j, k, longest, stage);
    for (; start < end; start += RT_CHUNK)
        run_chunk(j, start, end - start < RT_CHUNK ? end - start : RT_CHUNK, stage);
}

static void run_direct(job *j, int64_t start, int64_t end) {
    const rt_elementwise_call *call = j->call;
    const void *in[RT_MAX_INPUTS];
    for (int k = 0; k < call->op->inputs; k++)
        in[k] = j->in[k].base + start * j->in[k].itemsize;
    int status = call->op->loop(end - start, j->out.base + start * j->out.itemsize, in, call->params);
    if (status != RT_OK)
        atomic_store_explicit(&j->status, status, memory_order_relaxed);
}

static bool all_contiguous(const job *j) {
    if (j->call->half_in || j->call->half_out || !rt_walk_contiguous(&j->out))
        return false;
    for (int k = 0; k < j->call->op->inputs; k++)
        if (!rt_walk_contiguous(&j->in[k]))
            return false;
    return true;
}

static void direct_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    job *j = ctx;
    int64_t start = task * j->grain, end = start + j->grain;
    run_direct(j, start, end < j->n ? end : j->n);
}

static void staged_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    job *j = ctx;
    int64_t start = task * j->grain, end = start + j->grain;
    run_staged(j, start, end < j->n ? end : j->n);
}

static int run(job *j) {
    int64_t chunks = GRAIN / RT_CHUNK / j->call->op->cost;
    j->grain = (chunks > 0 ? chunks : 1) * RT_CHUNK;
    atomic_init(&j->status, RT_OK);
    rt_task task = all_contiguous(j) ? direct_task : staged_task;
    rt_parallel_for((j->n + j->grain - 1) / j->grain, task, j);
    return atomic_load(&j->status);
}

int rt_elementwise_flat(const rt_elementwise_call *call, int64_t n) {
    if (n <= RT_CHUNK && !call->half_in && !call->half_out) {
        const void *in[RT_MAX_INPUTS] = {(void *)call->in[0], (void *)call->in[1], (void *)call->in[2]};
        return call->op->loop(n, (void *)call->out, in, call->params);
    }
    int64_t one = 1;
    job j;
    j.call = call;
    j.n = n;
    j.out = operand(call, -1, 1, &n, &one);
    for (int k = 0; k < call->op->inputs; k++)
        j.in[k] = operand(call, k, 1, &n, &one);
    return run(&j);
}

int rt_elementwise_strided(const rt_elementwise_call *call, int ndim, const int64_t *dims) {
    if (ndim > RT_MAX_DIMS)
        return RT_UNSUPPORTED;
    int lists = call->op->inputs + 1;
    int64_t work[(RT_MAX_INPUTS + 2) * RT_MAX_DIMS], *strides[RT_MAX_INPUTS + 1];
    memcpy(work, dims, (size_t)((lists + 1) * ndim) * sizeof *dims);
    for (int k = 0; k < lists; k++)
        strides[k] = work + (k + 1) * ndim;
    rt_sort_dims(ndim, work, lists, strides);

    job j; /* not cleared: four walks are two kilobytes */
    j.call = call;
    j.n = 1;
    for (int d = 0; d < ndim; d++)
        j.n *= work[d];
    if (j.n == 0)
        return RT_OK;
    j.out = operand(call, -1, ndim, work, strides[0]);
    for (int k = 0; k < call->op->inputs; k++)
        j.in[k] = operand(call, k, ndim, work, strides[k + 1]);
    return run(&j);
}
