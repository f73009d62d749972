/* The cells, one sample at a time.  Included once per type.
 *
 * n is the number of hidden units, or how many of them are wanted; from one gate of a unit to the next it is `gate`. */

/* Gates lie one after the other in a row, in the order i, f, g, o. */
RT_INLINE void T(lstm_units)(int64_t i, int64_t k, int64_t gate, const V sums[4], REAL *h, REAL *c, REAL *activated,
                             const REAL *c_prev) {
    V input = v_sigmoid(sums[0]), forget = v_sigmoid(sums[1]), cell = v_tanh(sums[2]), output = v_sigmoid(sums[3]);
    V state = v(fma)(forget, AT(c_prev), input * cell);
    PUT(activated, input);
    PUT(activated + gate, forget);
    PUT(activated + 2 * gate, cell);
    PUT(activated + 3 * gate, output);
    PUT(c, state);
    PUT(h, output * v_tanh(state));
}

ROW_EACH(lstm_row, (int64_t n, REAL *h, REAL *c, REAL *activated, const REAL *gates, const REAL *c_prev), {
    const V sums[4] = {AT(gates), AT(gates + n), AT(gates + 2 * n), AT(gates + 3 * n)};
    T(lstm_units)(i, k, n, sums, h, c, activated, c_prev);
})

/* `d_c_prev` may be `d_c`. */
ROW_EACH(lstm_backward_row,
         (int64_t n, int64_t gate, REAL *d_gates, REAL *d_c_prev, const REAL *d_h, const REAL *d_c,
          const REAL *activated, const REAL *c_prev, const REAL *c),
         {
             V input = AT(activated), forget = AT(activated + gate), cell = AT(activated + 2 * gate),
               output = AT(activated + 3 * gate);
             V squashed = v_tanh(AT(c)), dh = AT(d_h);
             V dc = AT(d_c) + dh * output * (1 - squashed * squashed);
             PUT(d_gates, dc * cell * input * (1 - input));
             PUT(d_gates + gate, dc * AT(c_prev) * forget * (1 - forget));
             PUT(d_gates + 2 * gate, dc * input * (1 - cell * cell));
             PUT(d_gates + 3 * gate, dh * squashed * output * (1 - output));
             PUT(d_c_prev, dc * forget);
         })

/* Gates r, z, n; `saved` holds r, z, n and the hidden part of n before r scales it. */
RT_INLINE void T(gru_units)(int64_t i, int64_t k, int64_t gate, const V gi[3], const V gh[3], REAL *h, REAL *saved,
                            const REAL *h_prev) {
    V reset = v_sigmoid(gi[0] + gh[0]), update = v_sigmoid(gi[1] + gh[1]), hidden = gh[2];
    V fresh = v_tanh(gi[2] + reset * hidden);
    PUT(saved, reset);
    PUT(saved + gate, update);
    PUT(saved + 2 * gate, fresh);
    PUT(saved + 3 * gate, hidden);
    PUT(h, v(fma)(AT(h_prev) - fresh, update, fresh));
}

ROW_EACH(gru_row, (int64_t n, REAL *h, REAL *saved, const REAL *gi, const REAL *gh, const REAL *h_prev), {
    const V inputs[3] = {AT(gi), AT(gi + n), AT(gi + 2 * n)}, states[3] = {AT(gh), AT(gh + n), AT(gh + 2 * n)};
    T(gru_units)(i, k, n, inputs, states, h, saved, h_prev);
})

ROW_EACH(gru_backward_row,
         (int64_t n, int64_t gate, REAL *d_gi, REAL *d_gh, REAL *d_h_prev, const REAL *d_h, const REAL *saved,
          const REAL *h_prev),
         {
             V reset = AT(saved), update = AT(saved + gate), fresh = AT(saved + 2 * gate),
               hidden = AT(saved + 3 * gate);
             V dh = AT(d_h);
             V d_fresh = dh * (1 - update) * (1 - fresh * fresh);
             V d_update = dh * (AT(h_prev) - fresh) * update * (1 - update);
             V d_reset = d_fresh * hidden * reset * (1 - reset);
             PUT(d_gi, d_reset);
             PUT(d_gh, d_reset);
             PUT(d_gi + gate, d_update);
             PUT(d_gh + gate, d_update);
             PUT(d_gi + 2 * gate, d_fresh);
             PUT(d_gh + 2 * gate, d_fresh * reset);
             PUT(d_h_prev, dh * update);
         })

/* A sample's transcendental functions take some hundred operations per unit. */
enum { T(RNN_COST) = 100 };

typedef struct {
    int64_t n;
    REAL *out[3];
    const REAL *in[5];
} T(rnn_job);

#define OUT(i, width) (j->out[i] + row * (width) * j->n)
#define IN(i, width) (j->in[i] + row * (width) * j->n)
#define RNN_TASK(name, ...)                                                                                            \
    static void T(name##_task)(void *ctx, int64_t row, int thread) {                                                   \
        (void)thread;                                                                                                  \
        const T(rnn_job) *j = ctx;                                                                                     \
        T(name##_row)(j->n, __VA_ARGS__);                                                                              \
    }
RNN_TASK(lstm, OUT(0, 1), OUT(1, 1), OUT(2, 4), IN(0, 4), IN(1, 1))
RNN_TASK(lstm_backward, j->n, OUT(0, 4), OUT(1, 1), IN(0, 1), IN(1, 1), IN(2, 4), IN(3, 1), IN(4, 1))
RNN_TASK(gru, OUT(0, 1), OUT(1, 4), IN(0, 3), IN(1, 3), IN(2, 1))
RNN_TASK(gru_backward, j->n, OUT(0, 3), OUT(1, 3), OUT(2, 1), IN(0, 1), IN(1, 4), IN(2, 1))
#undef RNN_TASK
#undef IN
#undef OUT

static int T(lstm)(int64_t rows, int64_t n, REAL *h, REAL *c, REAL *activated, const REAL *gates, const REAL *c_prev) {
    T(rnn_job) job = {n, {h, c, activated}, {gates, c_prev}};
    grouped_for(rows, n * T(RNN_COST), T(lstm_task), &job);
    return RT_OK;
}

static int T(lstm_backward)(int64_t rows, int64_t n, REAL *d_gates, REAL *d_c_prev, const REAL *d_h, const REAL *d_c,
                            const REAL *activated, const REAL *c_prev, const REAL *c) {
    T(rnn_job) job = {n, {d_gates, d_c_prev}, {d_h, d_c, activated, c_prev, c}};
    grouped_for(rows, n * T(RNN_COST), T(lstm_backward_task), &job);
    return RT_OK;
}

static int T(gru)(int64_t rows, int64_t n, REAL *h, REAL *saved, const REAL *gi, const REAL *gh, const REAL *h_prev) {
    T(rnn_job) job = {n, {h, saved}, {gi, gh, h_prev}};
    grouped_for(rows, n * T(RNN_COST), T(gru_task), &job);
    return RT_OK;
}

static int T(gru_backward)(int64_t rows, int64_t n, REAL *d_gi, REAL *d_gh, REAL *d_h_prev, const REAL *d_h,
                           const REAL *saved, const REAL *h_prev) {
    T(rnn_job) job = {n, {d_gi, d_gh, d_h_prev}, {d_h, saved, h_prev}};
    grouped_for(rows, n * T(RNN_COST), T(gru_backward_task), &job);
    return RT_OK;
}
