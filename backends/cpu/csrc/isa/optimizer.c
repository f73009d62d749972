/* SGD and Adam. */
#include "isa/api/optimizer.h"
#include "isa/target.h"

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

typedef struct {
    uintptr_t parameter, mean, square, max_square, gradient;
    int64_t n;
    sgd_numbers sgd;
    adam_numbers adam;
} step_job;

#define RT_REAL_BITS 32
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/optimizer_template.h"
#undef RT_REAL_BITS
#define RT_REAL_BITS 64
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/optimizer_template.h"

static int run(step_job *j, rt_task task) {
    rt_parallel_for((j->n + TASK_ELEMENTS - 1) / TASK_ELEMENTS, task, j);
    return RT_OK;
}

int rt_sgd_step(int dtype, uintptr_t parameter, uintptr_t momentum, uintptr_t gradient, uintptr_t hyper, int64_t n) {
    const double *h = (const double *)hyper;
    step_job j = {.parameter = parameter, .mean = h[1] != 0 ? momentum : 0, .gradient = gradient, .n = n};
    j.sgd = (sgd_numbers){
        .lr = h[0],
        .momentum = h[1],
        .dampening = h[2],
        .weight_decay = h[3],
        .nesterov = h[4] != 0,
        .first = h[5] != 0,
        .sign = h[6] != 0 ? -1 : 1,
    };
    return run(&j, dtype == RT_FLOAT32 ? RT_LOCAL(sgd_task_f32) : RT_LOCAL(sgd_task_f64));
}

int rt_adam_step(int dtype, uintptr_t parameter, uintptr_t mean, uintptr_t square, uintptr_t max_square,
                 uintptr_t gradient, uintptr_t hyper, int64_t n) {
    const double *h = (const double *)hyper;
    double lr = h[0], weight_decay = h[4], step = h[5];
    bool decoupled = h[6] != 0;
    step_job j = {
        .parameter = parameter, .mean = mean, .square = square, .max_square = max_square, .gradient = gradient, .n = n};
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
    return run(&j, dtype == RT_FLOAT32 ? RT_LOCAL(adam_task_f32) : RT_LOCAL(adam_task_f64));
}
