/* Optimizer updates for one float type, in PyTorch's order of operations. */

ROW_EACH(sgd_momentum, (int64_t n, REAL *p, REAL *m, const REAL *gradient, sgd_numbers s), {
    V x = AT(p), g = AT(gradient) * (REAL)s.sign + x * (REAL)s.weight_decay;
    V b = s.first ? g : AT(m) * (REAL)s.momentum + g * (REAL)(1 - s.dampening);
    PUT(m, b);
    PUT(p, x - (s.nesterov ? g + b * (REAL)s.momentum : b) * (REAL)s.lr);
})
ROW_EACH(sgd_plain, (int64_t n, REAL *p, const REAL *gradient, sgd_numbers s), {
    V x = AT(p);
    PUT(p, x - (AT(gradient) * (REAL)s.sign + x * (REAL)s.weight_decay) * (REAL)s.lr);
})
ROW_EACH(adam, (int64_t n, REAL *p, REAL *mean, REAL *square, REAL *most, const REAL *gradient, adam_numbers a), {
    V x = AT(p) * (REAL)a.shrink;
    V g = AT(gradient) * (REAL)a.sign + x * (REAL)a.decay;
    V m = AT(mean), s = AT(square) * (REAL)a.beta2 + g * g * (REAL)(1 - a.beta2);
    m = m + (g - m) * (REAL)(1 - a.beta1);
    PUT(mean, m);
    PUT(square, s);
    if (most) {
        s = v(max)(AT(most), s);
        PUT(most, s);
    }
    PUT(p, x - m * (REAL)a.step_size / (v(sqrt)(s) * (REAL)a.root_scale + (REAL)a.eps));
})

static void T(sgd_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const step_job *j = ctx;
    share s = share_of(j, task);
    REAL *p = (REAL *)s.of->parameter + s.begin;
    const REAL *g = (const REAL *)s.of->gradient + s.begin;
    if (s.of->slots[0] && j->sgd.momentum != 0)
        T(sgd_momentum)(s.n, p, (REAL *)s.of->slots[0] + s.begin, g, j->sgd);
    else
        T(sgd_plain)(s.n, p, g, j->sgd);
}

static void T(adam_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const step_job *j = ctx;
    share s = share_of(j, task);
    const uintptr_t *slots = s.of->slots;
    T(adam)(s.n, (REAL *)s.of->parameter + s.begin, (REAL *)slots[0] + s.begin, (REAL *)slots[1] + s.begin,
            slots[2] ? (REAL *)slots[2] + s.begin : NULL, (const REAL *)s.of->gradient + s.begin, j->adam);
}
