#include "rows.h"
#include "pool.h"
#include "status.h"
#include "workspace.h"
#include <stdatomic.h>
#include <stdbool.h>

enum {
    TASK_COST = 1 << 15,
    MAX_COLUMNS = 16, /* strided rows that are gathered together: a cache line of floats */
    SCRATCH = 1 << 18 /* bytes per operand for them, unless one row is longer */
};

typedef struct {
    uint64_t words[2];
} sixteen_bytes;

/* A unit is a dense row, or a block of neighbouring strided ones. */
typedef struct {
    const rt_rows *rows;
    int64_t columns, blocks, units, per_task;
    atomic_int status;
} job;

static int run_dense(const rt_rows *r, int64_t row) {
    void *out[RT_ROW_OPERANDS];
    const void *in[RT_ROW_OPERANDS];
    for (int k = 0; k < RT_ROW_OPERANDS; k++) {
        out[k] = (void *)(r->out[k] + (uintptr_t)(row * r->n * r->out_size[k]));
        in[k] = (void *)(r->in[k] + (uintptr_t)(row * r->n * r->in_size[k]));
    }
    return r->kernel(r, out, in);
}

/* `count` strided columns of n elements become dense rows `pitch` bytes apart, or the reverse. */
#define MOVE_COLUMNS(T)                                                                                  \
    for (int64_t i = 0; i < n; i++)                                                                      \
        for (int64_t c = 0; c < count; c++) {                                                            \
            T *row = (T *)(rows + c * pitch) + i, *column = (T *)columns + i * inner + c;                \
            if (gather)                                                                                  \
                *row = *column;                                                                          \
            else                                                                                         \
                *column = *row;                                                                          \
        }                                                                                                \
    break

static inline void move_columns(bool gather, int64_t size, int64_t n, int64_t inner, int64_t count, char *rows,
                                int64_t pitch, char *columns) {
    switch (size) {
    case 1: MOVE_COLUMNS(uint8_t);
    case 2: MOVE_COLUMNS(uint16_t);
    case 4: MOVE_COLUMNS(uint32_t);
    case 8: MOVE_COLUMNS(uint64_t);
    default: MOVE_COLUMNS(sixteen_bytes);
    }
}

/* Bytes between rows in scratch memory: an odd number of cache lines, or columns would meet in one set of
 * the cache. */
static int64_t row_pitch(const rt_rows *r) {
    int64_t size = 1;
    for (int k = 0; k < RT_ROW_OPERANDS; k++) {
        size = r->in[k] && r->in_size[k] > size ? r->in_size[k] : size;
        size = r->out[k] && r->out_size[k] > size ? r->out_size[k] : size;
    }
    return (r->n * size + 63) / 128 * 128 + 64;
}

/* Neighbouring columns share cache lines, so they are moved together. */
static int run_columns(const rt_rows *r, int64_t outer, int64_t column, int64_t count) {
    int64_t pitch = row_pitch(r), each = pitch * count;
    char *scratch = rt_workspace(RT_WORKSPACE_ROWS, (size_t)(2 * RT_ROW_OPERANDS * each));
    if (!scratch)
        return RT_OUT_OF_MEMORY;
    int64_t at = outer * r->n * r->inner + column;
    for (int k = 0; k < RT_ROW_OPERANDS; k++)
        if (r->in[k])
            move_columns(true, r->in_size[k], r->n, r->inner, count, scratch + k * each, pitch,
                         (char *)r->in[k] + at * r->in_size[k]);
    int status = RT_OK;
    for (int64_t c = 0; c < count && status == RT_OK; c++) {
        void *out[RT_ROW_OPERANDS];
        const void *in[RT_ROW_OPERANDS];
        for (int k = 0; k < RT_ROW_OPERANDS; k++) {
            in[k] = scratch + k * each + c * pitch;
            out[k] = scratch + (RT_ROW_OPERANDS + k) * each + c * pitch;
        }
        status = r->kernel(r, out, in);
    }
    for (int k = 0; k < RT_ROW_OPERANDS; k++)
        if (r->out[k])
            move_columns(false, r->out_size[k], r->n, r->inner, count, scratch + (RT_ROW_OPERANDS + k) * each, pitch,
                         (char *)r->out[k] + at * r->out_size[k]);
    return status;
}

static void rows_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    job *j = ctx;
    const rt_rows *r = j->rows;
    int64_t unit = task * j->per_task, end = unit + j->per_task;
    for (end = end < j->units ? end : j->units; unit < end; unit++) {
        int64_t column = unit % j->blocks * j->columns, left = r->inner - column;
        int status = r->inner == 1 ? run_dense(r, unit)
                                   : run_columns(r, unit / j->blocks, column, left < j->columns ? left : j->columns);
        if (status != RT_OK)
            atomic_store_explicit(&j->status, status, memory_order_relaxed);
    }
}

int rt_rows_run(const rt_rows *r) {
    if (r->n == 0)
        return RT_OK;
    job j = {.rows = r, .columns = SCRATCH / row_pitch(r)};
    j.columns = j.columns < 1 ? 1 : j.columns > MAX_COLUMNS ? MAX_COLUMNS : j.columns;
    j.columns = j.columns < r->inner ? j.columns : r->inner;
    j.blocks = r->inner ? (r->inner + j.columns - 1) / j.columns : 0;
    j.units = r->outer * j.blocks;
    int64_t cost = r->n * r->cost * j.columns;
    j.per_task = cost > 0 && cost < TASK_COST ? TASK_COST / cost : 1;
    rt_parallel_for((j.units + j.per_task - 1) / j.per_task, rows_task, &j);
    return atomic_load(&j.status);
}
