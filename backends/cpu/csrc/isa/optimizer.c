/* SGD and Adam. */
#include "isa/api/optimizer.h"
#include "isa/target.h"
#include "sizes.h"
#include "workspace.h"

enum { TASK_ELEMENTS = 1 << 14 };

typedef struct {
    double lr, momentum, dampening, weight_decay, sign;
    bool nesterov, first;
} sgd_numbers;

typedef struct {
    double beta1, beta2, eps, sign;
    double shrink, decay;         /* weight decay, decoupled or as part of the gradient */
    double step_size, root_scale; /* with the corrections of the bias */
} adam_numbers;

/* A row of the table. */
typedef struct {
    int64_t n;
    uintptr_t gradient, parameter, slots[3];
} update;

typedef struct {
    const update *updates;
    const int64_t *first_task; /* of each update, and one past the last */
    int64_t count;
    sgd_numbers sgd;
    adam_numbers adam;
} step_job;

/* A task's part of one parameter. */
typedef struct {
    const update *of;
    int64_t begin, n;
} share;

static share share_of(const step_job *j, int64_t task) {
    int64_t low = 0, high = j->count;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        *(j->first_task[middle] <= task ? &low : &high) = middle;
    }
    int64_t begin = (task - j->first_task[low]) * TASK_ELEMENTS;
    return (share){&j->updates[low], begin, lesser(TASK_ELEMENTS, j->updates[low].n - begin)};
}

#define RT_REAL_BITS 32
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/optimizer_template.h"
#undef RT_REAL_BITS
#define RT_REAL_BITS 64
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/optimizer_template.h"

static int run(step_job *j, uintptr_t updates, int64_t count, rt_task task) {
    int64_t *first = rt_workspace(RT_WORKSPACE_SHARED, (size_t)(count + 1) * sizeof *first);
    if (!first)
        return RT_OUT_OF_MEMORY;
    j->updates = (const update *)updates;
    j->first_task = first;
    j->count = count;
    first[0] = 0;
    for (int64_t i = 0; i < count; i++)
        first[i + 1] = first[i] + ceil_div(j->updates[i].n, TASK_ELEMENTS);
    rt_parallel_for(first[count], task, j);
    return RT_OK;
}

int rt_sgd_steps(int dtype, uintptr_t updates, int64_t count, uintptr_t hyper) {
    const double *h = (const double *)hyper;
    step_job j;
    j.sgd = (sgd_numbers){
        .lr = h[0],
        .momentum = h[1],
        .dampening = h[2],
        .weight_decay = h[3],
        .nesterov = h[4] != 0,
        .first = h[5] != 0,
        .sign = h[6] != 0 ? -1 : 1,
    };
    return run(&j, updates, count, dtype == RT_FLOAT32 ? RT_LOCAL(sgd_task_f32) : RT_LOCAL(sgd_task_f64));
}

int rt_adam_steps(int dtype, uintptr_t updates, int64_t count, uintptr_t hyper) {
    const double *h = (const double *)hyper;
    double lr = h[0], weight_decay = h[4], step = h[5];
    bool decoupled = h[6] != 0;
    step_job j;
    j.adam = (adam_numbers){
        .beta1 = h[1],
        .beta2 = h[2],
        .eps = h[3],
        .sign = h[7] != 0 ? -1 : 1,
        .shrink = decoupled ? 1 - lr * weight_decay : 1,
        .decay = decoupled ? 0 : weight_decay,
        .step_size = lr / (1 - pow(h[1], step)),
        .root_scale = 1 / sqrt(1 - pow(h[2], step)),
    };
    return run(&j, updates, count, dtype == RT_FLOAT32 ? RT_LOCAL(adam_task_f32) : RT_LOCAL(adam_task_f64));
}
