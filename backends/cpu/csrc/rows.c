#include "rows.h"
#include "pool.h"
#include "status.h"
#include "strided.h"
#include "workspace.h"
#include <stdatomic.h>

enum { TASK_COST = 1 << 15 };

typedef struct {
    const rt_rows *rows;
    int64_t per_task;
    atomic_int status;
} job;

static rt_walk row_walk(const rt_rows *r, uintptr_t base, int64_t size, int64_t row) {
    uintptr_t at = base + (uintptr_t)((row / r->inner * r->n * r->inner + row % r->inner) * size);
    return rt_walk_make(at, size, 1, &r->n, &r->inner);
}

static int run_dense(const rt_rows *r, int64_t row) {
    void *out[RT_ROW_OPERANDS];
    const void *in[RT_ROW_OPERANDS];
    for (int k = 0; k < RT_ROW_OPERANDS; k++) {
        out[k] = (void *)(r->out[k] + (uintptr_t)(row * r->n * r->out_size[k]));
        in[k] = (void *)(r->in[k] + (uintptr_t)(row * r->n * r->in_size[k]));
    }
    return r->kernel(r, out, in);
}

static int run_gathered(const rt_rows *r, int64_t row) {
    void *out[RT_ROW_OPERANDS];
    const void *in[RT_ROW_OPERANDS];
    int64_t each = (r->n * 16 + 63) / 64 * 64; /* bytes per operand, whatever its dtype */
    char *scratch = rt_workspace(RT_WORKSPACE_ROWS, (size_t)(2 * RT_ROW_OPERANDS * each));
    if (!scratch)
        return RT_OUT_OF_MEMORY;
    for (int k = 0; k < RT_ROW_OPERANDS; k++) {
        out[k] = scratch + (RT_ROW_OPERANDS + k) * each;
        in[k] = scratch + k * each;
        if (r->in[k]) {
            rt_walk w = row_walk(r, r->in[k], r->in_size[k], row);
            rt_walk_gather(&w, 0, r->n, (void *)in[k]);
        }
    }
    int status = r->kernel(r, out, in);
    for (int k = 0; k < RT_ROW_OPERANDS; k++)
        if (r->out[k]) {
            rt_walk w = row_walk(r, r->out[k], r->out_size[k], row);
            rt_walk_scatter(&w, 0, r->n, out[k]);
        }
    return status;
}

static void rows_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    job *j = ctx;
    const rt_rows *r = j->rows;
    int64_t rows = r->outer * r->inner, row = task * j->per_task, end = row + j->per_task;
    for (end = end < rows ? end : rows; row < end; row++) {
        int status = r->inner == 1 ? run_dense(r, row) : run_gathered(r, row);
        if (status != RT_OK)
            atomic_store_explicit(&j->status, status, memory_order_relaxed);
    }
}

int rt_rows_run(const rt_rows *r) {
    int64_t rows = r->outer * r->inner, cost = r->n * r->cost;
    if (r->n == 0)
        return RT_OK;
    job j = {.rows = r, .per_task = cost < TASK_COST ? TASK_COST / cost : 1};
    rt_parallel_for((rows + j.per_task - 1) / j.per_task, rows_task, &j);
    return atomic_load(&j.status);
}
