/* Softmax, log-softmax and cross-entropy, with their backward ops. */
#include "isa/api/softmax.h"
#include "isa/target.h"
#include "rows.h"
#include "workspace.h"
#include <stdatomic.h>

/* The backward op reads `loss` as the incoming gradient and writes `logits`. */
typedef struct {
    uintptr_t loss, log_probs, logits, target, weight;
    int64_t rows, classes, ignore_index, per_task;
    _Atomic int64_t bad_target; /* outside [0, classes) and not ignored; INT64_MIN if there is none */
} cross_entropy_job;

static bool is_counted(cross_entropy_job *j, int64_t target) {
    if (target == j->ignore_index)
        return false;
    if (target >= 0 && target < j->classes)
        return true;
    if (target == INT64_MIN) /* means that there is none */
        target++;
    atomic_store_explicit(&j->bad_target, target, memory_order_relaxed);
    return false;
}

#define RT_REAL_BITS 32
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/softmax_template.h"
#undef RT_REAL_BITS
#define RT_REAL_BITS 64
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/softmax_template.h"

int rt_row_map(int op, int dtype, uintptr_t out, uintptr_t a, uintptr_t b, int64_t outer, int64_t n, int64_t inner) {
    int64_t size = rt_itemsize(dtype);
    rt_rows rows = {
        .kernel = dtype == RT_FLOAT32 ? RT_LOCAL(row_op_f32) : RT_LOCAL(row_op_f64),
        .outer = outer,
        .n = n,
        .inner = inner,
        .out = {out},
        .in = {a, b},
        .out_size = {size},
        .in_size = {size, size},
        .cost = 4,
        .option = op,
    };
    return rt_rows_run(&rows);
}

static int run(cross_entropy_job *j, rt_task task) {
    enum { TASK_ELEMENTS = 1 << 13 };
    j->per_task = j->classes < TASK_ELEMENTS && j->classes > 0 ? TASK_ELEMENTS / j->classes : 1;
    atomic_init(&j->bad_target, INT64_MIN);
    rt_parallel_for((j->rows + j->per_task - 1) / j->per_task, task, j);
    int64_t bad = atomic_load(&j->bad_target);
    return bad == INT64_MIN ? RT_OK : rt_index_error(bad, j->classes);
}

int rt_cross_entropy(int dtype, uintptr_t loss, uintptr_t log_probs, uintptr_t logits, uintptr_t target,
                     uintptr_t weight, int64_t rows, int64_t classes, int64_t ignore_index) {
    cross_entropy_job j = {loss, log_probs, logits, target, weight, rows, classes, ignore_index, 1, 0};
    return run(&j, dtype == RT_FLOAT32 ? RT_LOCAL(cross_entropy_task_f32) : RT_LOCAL(cross_entropy_task_f64));
}

int rt_cross_entropy_mean(int dtype, uintptr_t loss, uintptr_t log_probs, uintptr_t divisor, uintptr_t logits,
                          uintptr_t target, uintptr_t weight, int64_t rows, int64_t classes, int64_t ignore_index) {
    void *losses = rt_workspace(RT_WORKSPACE_KERNEL, (size_t)(rows * rt_itemsize(dtype)));
    if (!losses)
        return RT_OUT_OF_MEMORY;
    cross_entropy_job j = {(uintptr_t)losses, log_probs, logits, target, weight, rows, classes, ignore_index, 1, 0};
    int status = run(&j, dtype == RT_FLOAT32 ? RT_LOCAL(cross_entropy_task_f32) : RT_LOCAL(cross_entropy_task_f64));
    if (status != RT_OK)
        return status;
    if (dtype == RT_FLOAT32)
        RT_LOCAL(cross_entropy_divide_f32)(&j, (float *)loss, (float *)divisor);
    else
        RT_LOCAL(cross_entropy_divide_f64)(&j, (double *)loss, (double *)divisor);
    return RT_OK;
}

int rt_cross_entropy_backward(int dtype, uintptr_t out, uintptr_t g, uintptr_t log_probs, uintptr_t target,
                              uintptr_t weight, int64_t rows, int64_t classes, int64_t ignore_index) {
    cross_entropy_job j = {g, log_probs, out, target, weight, rows, classes, ignore_index, 1, 0};
    return run(&j, dtype == RT_FLOAT32 ? RT_LOCAL(cross_entropy_backward_task_f32)
                                       : RT_LOCAL(cross_entropy_backward_task_f64));
}
