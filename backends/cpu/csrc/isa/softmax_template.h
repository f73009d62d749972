/* Softmax and cross-entropy of one row, for one float type. */

ROW_SUM(exp_shifted, (int64_t n, REAL *y, const REAL *x, V shift), ({
            V e = v(exp)(AT(x) - shift);
            PUT(y, e);
            e;
        }))
ROW_SUM(sum_exp_shifted, (int64_t n, const REAL *x, V shift), v(exp)(AT(x) - shift))
ROW_SUM(sum_products, (int64_t n, const REAL *x, const REAL *y), AT(x) * AT(y))
ROW_SUM(sum_row, (int64_t n, const REAL *x), AT(x))
ROW_EACH(scale_row, (int64_t n, REAL *y, V factor), PUT(y, AT(y) * factor))
/* One after the other: the sum of both would be rounded to the digits of the larger. */
ROW_EACH(shift_row, (int64_t n, REAL *y, const REAL *x, V first, V second), PUT(y, AT(x) - first - second))
ROW_EACH(softmax_grad, (int64_t n, REAL *out, const REAL *g, const REAL *y, V dot), PUT(out, AT(y) * (AT(g) - dot)))
ROW_EACH(log_softmax_grad, (int64_t n, REAL *out, const REAL *g, const REAL *y, V total),
         PUT(out, AT(g) - v(exp)(AT(y)) * total))
ROW_EACH(scaled_exp, (int64_t n, REAL *out, const REAL *x, V factor), PUT(out, v(exp)(AT(x)) * factor))

static void T(softmax_row)(int64_t n, REAL *y, const REAL *x) {
    double total = T(exp_shifted)(n, y, x, v(set1)(T(row_max)(n, x)));
    T(scale_row)(n, y, v(set1)((REAL)(1 / total)));
}

static void T(log_softmax_row)(int64_t n, REAL *y, const REAL *x) {
    REAL most = T(row_max)(n, x);
    double total = T(sum_exp_shifted)(n, x, v(set1)(most));
    T(shift_row)(n, y, x, v(set1)(most), v(set1)((REAL)log(total)));
}

static int T(row_op)(const rt_rows *rows, void *const *out, const void *const *in) {
    int64_t n = rows->n;
    switch (rows->option) {
    case RT_SOFTMAX: T(softmax_row)(n, out[0], in[0]); break;
    case RT_LOG_SOFTMAX: T(log_softmax_row)(n, out[0], in[0]); break;
    case RT_SOFTMAX_BACKWARD:
        T(softmax_grad)(n, out[0], in[0], in[1], v(set1)((REAL)T(sum_products)(n, in[0], in[1])));
        break;
    default: T(log_softmax_grad)(n, out[0], in[0], in[1], v(set1)((REAL)T(sum_row)(n, in[0])));
    }
    return RT_OK;
}

static void T(cross_entropy_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    cross_entropy_job *j = ctx;
    const REAL *weight = (const REAL *)j->weight;
    for (int64_t r = task * j->per_task; r < j->rows && r < (task + 1) * j->per_task; r++) {
        REAL *y = (REAL *)j->log_probs + r * j->classes;
        T(log_softmax_row)(j->classes, y, (const REAL *)j->logits + r * j->classes);
        int64_t target = ((const int64_t *)j->target)[r];
        bool counted = is_counted(j, target);
        ((REAL *)j->loss)[r] = counted ? -y[target] * (weight ? weight[target] : 1) : 0;
    }
}

static void T(cross_entropy_backward_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    cross_entropy_job *j = ctx;
    const REAL *weight = (const REAL *)j->weight;
    for (int64_t r = task * j->per_task; r < j->rows && r < (task + 1) * j->per_task; r++) {
        REAL *out = (REAL *)j->logits + r * j->classes;
        int64_t target = ((const int64_t *)j->target)[r];
        if (!is_counted(j, target)) {
            memset(out, 0, (size_t)j->classes * sizeof(REAL));
            continue;
        }
        REAL g = ((const REAL *)j->loss)[r] * (weight ? weight[target] : 1);
        T(scaled_exp)(j->classes, out, (const REAL *)j->log_probs + r * j->classes, v(set1)(g));
        out[target] -= g;
    }
}

/* The losses of all rows are in j->loss. */
static void T(cross_entropy_divide)(const cross_entropy_job *j, REAL *loss, REAL *divisor) {
    const REAL *losses = (const REAL *)j->loss, *weight = (const REAL *)j->weight;
    const int64_t *target = (const int64_t *)j->target;
    double total = 0, counted = 0;
    for (int64_t r = 0; r < j->rows; r++)
        if (target[r] != j->ignore_index) {
            total += (double)losses[r];
            counted += weight ? (double)weight[target[r]] : 1;
        }
    *loss = (REAL)(total / counted);
    *divisor = (REAL)counted;
}
