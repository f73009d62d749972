/* Layers: all steps of a sequence, forward and backward.  Included once per type.
 *
 * Sequences are (steps, rows, ...).  Where `running` is given, samples running[t] and later rest at step t: they
 * keep their state. */

typedef struct {
    const struct rt_sequence *s;
    int64_t now, before; /* this time step, and the one computed before it; before is -1 in the first */
    /* forward */
    REAL *h, *c, *saved;
    const REAL *gates, *bias, *h0, *c0;
    /* backward */
    REAL *d_gates, *d_gh, *d_h0, *d_c0; /* the last two carry the gradients of the states */
    const REAL *d_h, *d_c, *known_h, *known_c, *known_saved;
} T(layer);

RT_INLINE const REAL *T(at_step)(const T(layer) *l, const REAL *x, int64_t t, int64_t row, int64_t width,
                                 int64_t unit) {
    return x + (t * l->s->rows + row) * width * l->s->hidden + unit;
}

/* A state before this step: that of the step computed before, or the first. */
RT_INLINE const REAL *T(state_before)(const T(layer) *l, const REAL *states, const REAL *first, int64_t row,
                                      int64_t unit) {
    return l->before < 0 ? first + row * l->s->hidden + unit : T(at_step)(l, states, l->before, row, 1, unit);
}

static void T(zero_gates)(REAL *gates, int64_t count, int64_t width, int64_t hidden) {
    for (int64_t gate = 0; gate < width; gate++)
        memset(gates + gate * hidden, 0, (size_t)count * sizeof(REAL));
}

static void T(lstm_finish)(const void *ctx, int64_t row, int64_t unit, int64_t count, const REAL *sums) {
    const T(layer) *l = ctx;
    int64_t n = l->s->hidden;
    REAL *h = (REAL *)T(at_step)(l, l->h, l->now, row, 1, unit), *c = (REAL *)T(at_step)(l, l->c, l->now, row, 1, unit),
         *activated = (REAL *)T(at_step)(l, l->saved, l->now, row, 4, unit);
    const REAL *h_prev = T(state_before)(l, l->h, l->h0, row, unit),
               *c_prev = T(state_before)(l, l->c, l->c0, row, unit);
    if (!sums) {
        memcpy(h, h_prev, (size_t)count * sizeof *h);
        memcpy(c, c_prev, (size_t)count * sizeof *c);
        T(zero_gates)(activated, count, 4, n);
        return;
    }
    const REAL *gates = T(at_step)(l, l->gates, l->now, row, 4, unit);
    V total[4];
    for (int g = 0; g < 4; g++)
        total[g] = v(load)(sums + g * VL) + T(row_at)(gates + g * n, count);
    T(lstm_units)(0, count, n, total, h, c, activated, c_prev);
}

static void T(gru_finish)(const void *ctx, int64_t row, int64_t unit, int64_t count, const REAL *sums) {
    const T(layer) *l = ctx;
    int64_t n = l->s->hidden;
    REAL *h = (REAL *)T(at_step)(l, l->h, l->now, row, 1, unit),
         *saved = (REAL *)T(at_step)(l, l->saved, l->now, row, 4, unit);
    const REAL *h_prev = T(state_before)(l, l->h, l->h0, row, unit);
    if (!sums) {
        memcpy(h, h_prev, (size_t)count * sizeof *h);
        T(zero_gates)(saved, count, 4, n);
        return;
    }
    const REAL *gates = T(at_step)(l, l->gates, l->now, row, 3, unit);
    V gi[3], gh[3];
    for (int g = 0; g < 3; g++) {
        gi[g] = T(row_at)(gates + g * n, count);
        gh[g] = v(load)(sums + g * VL);
        if (l->bias)
            gh[g] += T(row_at)(l->bias + g * n + unit, count);
    }
    T(gru_units)(0, count, n, gi, gh, h, saved, h_prev);
}

ROW_EACH(tanh_of_sum, (int64_t n, REAL *h, const REAL *a, const REAL *b), PUT(h, v_tanh(AT(a) + AT(b))))
ROW_EACH(relu_of_sum, (int64_t n, REAL *h, const REAL *a, const REAL *b), {
    V x = AT(a) + AT(b);
    PUT(h, v(max)(x, (V){0}));
})
ROW_EACH(tanh_slope, (int64_t n, REAL *d_sum, const REAL *d_h, const REAL *h),
         PUT(d_sum, AT(d_h) * (1 - AT(h) * AT(h))))
ROW_EACH(relu_slope, (int64_t n, REAL *d_sum, const REAL *d_h, const REAL *h),
         PUT(d_sum, v_select(AT(h) > 0, AT(d_h), (V){0})))
ROW_EACH(add_row, (int64_t n, REAL *y, const REAL *a, const REAL *b), PUT(y, AT(a) + AT(b)))

static void T(rnn_finish)(const void *ctx, int64_t row, int64_t unit, int64_t count, const REAL *sums) {
    const T(layer) *l = ctx;
    REAL *h = (REAL *)T(at_step)(l, l->h, l->now, row, 1, unit);
    const REAL *gates = T(at_step)(l, l->gates, l->now, row, 1, unit);
    if (!sums)
        memcpy(h, T(state_before)(l, l->h, l->h0, row, unit), (size_t)count * sizeof *h);
    else if (l->s->relu)
        T(relu_of_sum)(count, h, sums, gates);
    else
        T(tanh_of_sum)(count, h, sums, gates);
}

/* The gradient of the state after this step: of its use here, and of what came later. */
static void T(gather_gradient)(const T(layer) *l, int64_t row, int64_t unit, int64_t count, const REAL *later,
                               REAL *total) {
    T(add_row)(count, total, later, T(at_step)(l, l->d_h, l->now, row, 1, unit));
}

/* Backward steps: `sums` is the later step's gradient times the weights; `now` is -1 behind the first step. */
static void T(lstm_backward_finish)(const void *ctx, int64_t row, int64_t unit, int64_t count, const REAL *sums) {
    const T(layer) *l = ctx;
    int64_t n = l->s->hidden;
    REAL *d_h0 = l->d_h0 + row * n + unit, *d_c = l->d_c0 + row * n + unit, d_h[4 * VL];
    const REAL *later = sums ? sums : d_h0;
    if (l->now < 0) {
        memmove(d_h0, later, (size_t)count * sizeof *d_h0);
        return;
    }
    T(gather_gradient)(l, row, unit, count, later, d_h);
    if (l->d_c)
        T(add_row)(count, d_c, d_c, T(at_step)(l, l->d_c, l->now, row, 1, unit));
    REAL *d_gates = (REAL *)T(at_step)(l, l->d_gates, l->now, row, 4, unit);
    if (row < running_rows(l->s, l->now)) {
        T(lstm_backward_row)(count, n, d_gates, d_c, d_h, d_c, T(at_step)(l, l->known_saved, l->now, row, 4, unit),
                             T(state_before)(l, l->known_c, l->c0, row, unit),
                             T(at_step)(l, l->known_c, l->now, row, 1, unit));
        return;
    }
    memcpy(d_h0, d_h, (size_t)count * sizeof *d_h);
    T(zero_gates)(d_gates, count, 4, n);
}

static void T(gru_backward_finish)(const void *ctx, int64_t row, int64_t unit, int64_t count, const REAL *sums) {
    const T(layer) *l = ctx;
    int64_t n = l->s->hidden;
    REAL *d_h0 = l->d_h0 + row * n + unit, d_h[4 * VL];
    if (sums) /* the state reaches its successor through the weights, and directly */
        T(add_row)(count, d_h0, d_h0, sums);
    if (l->now < 0)
        return;
    T(gather_gradient)(l, row, unit, count, d_h0, d_h);
    REAL *d_gi = (REAL *)T(at_step)(l, l->d_gates, l->now, row, 3, unit),
         *d_gh = (REAL *)T(at_step)(l, l->d_gh, l->now, row, 3, unit);
    if (row < running_rows(l->s, l->now)) {
        T(gru_backward_row)(count, n, d_gi, d_gh, d_h0, d_h, T(at_step)(l, l->known_saved, l->now, row, 4, unit),
                            T(state_before)(l, l->known_h, l->h0, row, unit));
        return;
    }
    memcpy(d_h0, d_h, (size_t)count * sizeof *d_h);
    T(zero_gates)(d_gi, count, 3, n);
    T(zero_gates)(d_gh, count, 3, n);
}

static void T(rnn_backward_finish)(const void *ctx, int64_t row, int64_t unit, int64_t count, const REAL *sums) {
    const T(layer) *l = ctx;
    REAL *d_h0 = l->d_h0 + row * l->s->hidden + unit, d_h[4 * VL];
    const REAL *later = sums ? sums : d_h0;
    if (l->now < 0) {
        memmove(d_h0, later, (size_t)count * sizeof *d_h0);
        return;
    }
    T(gather_gradient)(l, row, unit, count, later, d_h);
    REAL *d_sum = (REAL *)T(at_step)(l, l->d_gates, l->now, row, 1, unit);
    if (row < running_rows(l->s, l->now)) {
        (l->s->relu ? T(relu_slope) : T(tanh_slope))(count, d_sum, d_h,
                                                     T(at_step)(l, l->known_h, l->now, row, 1, unit));
        return;
    }
    memcpy(d_h0, d_h, (size_t)count * sizeof *d_h);
    T(zero_gates)(d_sum, count, 1, l->s->hidden);
}

static int T(layer_forward)(T(layer) *l, const REAL *w_hh, int64_t gates, T(finish_units) finish) {
    const struct rt_sequence *s = l->s;
    int64_t n = s->hidden;
    if (s->rows == 0)
        return RT_OK;
    T(step_weights) w = {.data = w_hh, .stride = n, .k_stride = 1, .k = n, .units = n, .gates = gates};
    int status = T(pack_weights)(&w);
    T(step) step = {.weights = &w, .finish = finish, .ctx = l, .rows = s->rows};
    for (int64_t i = 0; i < s->steps && !status; i++) {
        l->before = i ? time_of(s, i - 1) : -1;
        l->now = time_of(s, i);
        step.a = T(state_before)(l, l->h, l->h0, 0, 0);
        T(run_step)(&step, running_rows(s, l->now));
    }
    return status;
}

/* From the last step back: each begins with the product of the gradients that its successor left in `d_sums`. */
static int T(layer_backward)(T(layer) *l, const REAL *w_hh, int64_t gates, const REAL *d_sums, T(finish_units) finish) {
    const struct rt_sequence *s = l->s;
    int64_t n = s->hidden;
    if (s->rows == 0)
        return RT_OK;
    T(step_weights) w = {.data = w_hh, .stride = 1, .k_stride = n, .k = gates * n, .units = n, .gates = 1};
    int status = T(pack_weights)(&w);
    memset(l->d_h0, 0, (size_t)(s->rows * n) * sizeof(REAL));
    if (l->d_c0)
        memset(l->d_c0, 0, (size_t)(s->rows * n) * sizeof(REAL));
    T(step) step = {.weights = &w, .finish = finish, .ctx = l, .rows = s->rows};
    for (int64_t i = s->steps; i >= 0 && !status; i--) {
        int64_t later = i < s->steps ? time_of(s, i) : -1;
        l->now = i ? time_of(s, i - 1) : -1;
        l->before = i > 1 ? time_of(s, i - 2) : -1;
        step.a = later < 0 ? NULL : T(at_step)(l, d_sums, later, 0, gates, 0);
        T(run_step)(&step, later < 0 ? 0 : running_rows(s, later));
    }
    return status;
}

static int T(lstm_layer)(const struct rt_sequence *s, REAL *h, REAL *c, REAL *activated, const REAL *gates,
                         const REAL *h0, const REAL *c0, const REAL *w_hh) {
    T(layer) l = {.s = s, .h = h, .c = c, .saved = activated, .gates = gates, .h0 = h0, .c0 = c0};
    return T(layer_forward)(&l, w_hh, 4, T(lstm_finish));
}

static int T(lstm_layer_backward)(const struct rt_sequence *s, REAL *d_gates, REAL *d_h0, REAL *d_c0, const REAL *d_h,
                                  const REAL *d_c, const REAL *activated, const REAL *c, const REAL *c0,
                                  const REAL *w_hh) {
    T(layer) l = {.s = s,
                  .d_gates = d_gates,
                  .d_h0 = d_h0,
                  .d_c0 = d_c0,
                  .d_h = d_h,
                  .d_c = d_c,
                  .known_saved = activated,
                  .known_c = c,
                  .c0 = c0};
    return T(layer_backward)(&l, w_hh, 4, d_gates, T(lstm_backward_finish));
}

static int T(gru_layer)(const struct rt_sequence *s, REAL *h, REAL *saved, const REAL *gates, const REAL *h0,
                        const REAL *w_hh, const REAL *bias) {
    T(layer) l = {.s = s, .h = h, .saved = saved, .gates = gates, .h0 = h0, .bias = bias};
    return T(layer_forward)(&l, w_hh, 3, T(gru_finish));
}

static int T(gru_layer_backward)(const struct rt_sequence *s, REAL *d_gi, REAL *d_gh, REAL *d_h0, const REAL *d_h,
                                 const REAL *saved, const REAL *h, const REAL *h0, const REAL *w_hh) {
    T(layer) l = {
        .s = s, .d_gates = d_gi, .d_gh = d_gh, .d_h0 = d_h0, .d_h = d_h, .known_saved = saved, .known_h = h, .h0 = h0};
    return T(layer_backward)(&l, w_hh, 3, d_gh, T(gru_backward_finish));
}

static int T(rnn_layer)(const struct rt_sequence *s, REAL *h, const REAL *gates, const REAL *h0, const REAL *w_hh) {
    T(layer) l = {.s = s, .h = h, .gates = gates, .h0 = h0};
    return T(layer_forward)(&l, w_hh, 1, T(rnn_finish));
}

static int T(rnn_layer_backward)(const struct rt_sequence *s, REAL *d_gates, REAL *d_h0, const REAL *d_h, const REAL *h,
                                 const REAL *w_hh) {
    T(layer) l = {.s = s, .d_gates = d_gates, .d_h0 = d_h0, .d_h = d_h, .known_h = h};
    return T(layer_backward)(&l, w_hh, 1, d_gates, T(rnn_backward_finish));
}
