/* Layer and batch normalisation with their backward ops. */
#include "isa/api/norm.h"
#include "isa/target.h"
#include "workspace.h"
#include <stdlib.h>

enum {
    FEATURES = 64,          /* channels per task where each has one position per sample */
    SHORT_ROW = 128,        /* rows of a channel that are shorter than this are gathered first */
    TASK_ELEMENTS = 1 << 14 /* elements per task of rows, roughly */
};

typedef struct {
    uintptr_t y; /* the result: y, or dx */
    uintptr_t mean, rstd, x, weight, bias, g, dw, db;
    int64_t rows, n;                  /* layer norm */
    int64_t batch, channels, spatial; /* batch norm */
    int64_t per_task;                 /* rows, or channels */
    double eps;
    char *partial;
} norm_job;

#define RT_REAL_BITS 32
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/norm_template.h"
#undef RT_REAL_BITS
#define RT_REAL_BITS 64
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/norm_template.h"

#define FOR_TYPE(name) (dtype == RT_FLOAT32 ? RT_LOCAL(name##_f32) : RT_LOCAL(name##_f64))

int rt_layer_norm(int dtype, uintptr_t y, uintptr_t mean, uintptr_t rstd, uintptr_t x, uintptr_t weight, uintptr_t bias,
                  int64_t rows, int64_t n, double eps) {
    norm_job j = {
        .y = y, .mean = mean, .rstd = rstd, .x = x, .weight = weight, .bias = bias, .rows = rows, .n = n, .eps = eps};
    j.per_task = n < TASK_ELEMENTS ? TASK_ELEMENTS / (n ? n : 1) : 1;
    rt_parallel_for((rows + j.per_task - 1) / j.per_task, FOR_TYPE(layer_norm_task), &j);
    return RT_OK;
}

int rt_layer_norm_backward(int dtype, uintptr_t dx, uintptr_t dw, uintptr_t db, uintptr_t g, uintptr_t x,
                           uintptr_t mean, uintptr_t rstd, uintptr_t weight, int64_t rows, int64_t n) {
    norm_job j = {.y = dx,
                  .dw = dw,
                  .db = db,
                  .g = g,
                  .x = x,
                  .mean = mean,
                  .rstd = rstd,
                  .weight = weight,
                  .rows = rows,
                  .n = n};
    /* At most 256 rows are added one by one, which bounds the rounding error, in tasks that do not
     * depend on the number of threads. */
    j.per_task = rows / 32 < 4 ? 4 : rows / 32 < 256 ? rows / 32 : 256;
    int64_t tasks = rows ? (rows + j.per_task - 1) / j.per_task : 1;
    if (!(j.partial = malloc((size_t)(tasks * 2 * n * rt_itemsize(dtype) + 1))))
        return RT_OUT_OF_MEMORY;
    rt_parallel_for(tasks, FOR_TYPE(layer_norm_backward_task), &j);
    FOR_TYPE(layer_norm_merge)(&j, tasks);
    free(j.partial);
    return RT_OK;
}

static void run_channels(norm_job *j, rt_task by_channel, rt_task by_features) {
    int64_t each = j->batch * j->spatial;
    j->per_task = j->spatial == 1 ? FEATURES : each < TASK_ELEMENTS ? TASK_ELEMENTS / (each ? each : 1) : 1;
    rt_task task = j->spatial == 1 ? by_features : by_channel;
    int64_t tasks = (j->channels + j->per_task - 1) / j->per_task;
    if (j->channels * each < TASK_ELEMENTS) /* not worth the pool */
        for (int64_t t = 0; t < tasks; t++)
            task(j, t, 0);
    else
        rt_parallel_for(tasks, task, j);
}

int rt_batch_norm(int dtype, uintptr_t y, uintptr_t mean, uintptr_t rstd, uintptr_t x, uintptr_t weight, uintptr_t bias,
                  int64_t batch, int64_t channels, int64_t spatial, double eps) {
    norm_job j = {.y = y,
                  .mean = mean,
                  .rstd = rstd,
                  .x = x,
                  .weight = weight,
                  .bias = bias,
                  .batch = batch,
                  .channels = channels,
                  .spatial = spatial,
                  .eps = eps};
    run_channels(&j, FOR_TYPE(batch_norm_task), FOR_TYPE(batch_norm_features_task));
    return RT_OK;
}

int rt_batch_norm_backward(int dtype, uintptr_t dx, uintptr_t dw, uintptr_t db, uintptr_t g, uintptr_t x,
                           uintptr_t mean, uintptr_t rstd, uintptr_t weight, int64_t batch, int64_t channels,
                           int64_t spatial) {
    norm_job j = {.y = dx,
                  .dw = dw,
                  .db = db,
                  .g = g,
                  .x = x,
                  .mean = mean,
                  .rstd = rstd,
                  .weight = weight,
                  .batch = batch,
                  .channels = channels,
                  .spatial = spatial};
    run_channels(&j, FOR_TYPE(batch_norm_backward_task), FOR_TYPE(batch_norm_features_backward_task));
    return RT_OK;
}

int rt_channel_affine(int dtype, uintptr_t y, uintptr_t x, uintptr_t scale, uintptr_t shift, int64_t batch,
                      int64_t channels, int64_t spatial) {
    norm_job j = {.y = y,
                  .x = x,
                  .weight = scale,
                  .bias = shift,
                  .batch = batch,
                  .channels = channels,
                  .spatial = spatial,
                  .rows = spatial == 1 ? batch : batch * channels,
                  .n = spatial == 1 ? channels : spatial};
    j.per_task = j.n < TASK_ELEMENTS ? TASK_ELEMENTS / (j.n ? j.n : 1) : 1;
    rt_parallel_for((j.rows + j.per_task - 1) / j.per_task, FOR_TYPE(channel_affine_task), &j);
    return RT_OK;
}
