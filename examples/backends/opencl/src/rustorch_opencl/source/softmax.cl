// Softmax and its logarithm along a dim of contiguous tensors, and their derivatives.

typedef struct {
    long rows, length, step;  // step: from one element of a row to the next
} softmax_plan;

#define EACH long k = lane; k < plan.length; k += WIDTH
#define AT (first + k * plan.step)
#define BEGIN                                                                                     \
    ROW(plan.rows)                                                                                \
    const long first = row / plan.step * plan.length * plan.step + row % plan.step;

kernel void softmax(global S *out, const long o, global const S *x, const long xo, const softmax_plan plan) {
    BEGIN
    T high = -INFINITY, total = 0;
    for (EACH) high = greatest(high, LOAD(x, xo + AT));
    FOLD(high, greatest)
    for (EACH) total += exp(LOAD(x, xo + AT) - high);
    FOLD(total, plus)
    if (stores)
        for (EACH) STORE(out, o + AT, exp(LOAD(x, xo + AT) - high) / total);
}

kernel void log_softmax(
    global S *out, const long o, global const S *x, const long xo, const softmax_plan plan) {
    BEGIN
    T high = -INFINITY, total = 0;
    for (EACH) high = greatest(high, LOAD(x, xo + AT));
    FOLD(high, greatest)
    for (EACH) total += exp(LOAD(x, xo + AT) - high);
    FOLD(total, plus)
    total = log(total);
    if (stores)
        for (EACH) STORE(out, o + AT, LOAD(x, xo + AT) - high - total);
}

kernel void softmax_backward(
    global S *out, const long o, global const S *g, const long go, global const S *y, const long yo,
    const softmax_plan plan) {
    BEGIN
    T total = 0;
    for (EACH) total += LOAD(g, go + AT) * LOAD(y, yo + AT);
    FOLD(total, plus)
    if (stores)
        for (EACH) STORE(out, o + AT, (LOAD(g, go + AT) - total) * LOAD(y, yo + AT));
}

kernel void log_softmax_backward(
    global S *out, const long o, global const S *g, const long go, global const S *y, const long yo,
    const softmax_plan plan) {
    BEGIN
    T total = 0;
    for (EACH) total += LOAD(g, go + AT);
    FOLD(total, plus)
    if (stores)
        for (EACH) STORE(out, o + AT, LOAD(g, go + AT) - exp(LOAD(y, yo + AT)) * total);
}

// Loss per row of logits (N, C) and class numbers (N,), and log-softmax.
kernel void cross_entropy(
    global S *loss, const long lo, global S *out, const long o, global const S *x, const long xo,
    global const long *target, const long to, global const S *weight, const long wo, const long ignored,
    volatile global int *status, const int code, const softmax_plan plan) {
    BEGIN
    T high = -INFINITY, total = 0;
    for (EACH) high = greatest(high, LOAD(x, xo + AT));
    FOLD(high, greatest)
    for (EACH) total += exp(LOAD(x, xo + AT) - high);
    FOLD(total, plus)
    total = log(total);
    if (!stores) return;
    for (EACH) STORE(out, o + AT, LOAD(x, xo + AT) - high - total);
    if (lane != 0) return;
    const long k = target[to + row];
    T found = 0;
    if (k != ignored) {
        if (k < 0 || k >= plan.length)
            fail(status, code, k);
        else
            found = -(LOAD(x, xo + AT) - high - total) * (weight ? LOAD(weight, wo + k) : 1);
    }
    STORE(loss, lo + row, found);
}

kernel void cross_entropy_backward(
    global S *out, const long o, global const S *g, const long go, global const S *log_probs, const long po,
    global const long *target, const long to, global const S *weight, const long wo, const long ignored,
    const softmax_plan plan) {
    BEGIN
    const long wanted = target[to + row];
    T factor = 0;
    if (wanted != ignored && wanted >= 0 && wanted < plan.length)
        factor = LOAD(g, go + row) * (weight ? LOAD(weight, wo + wanted) : 1);
    if (stores)
        for (EACH) STORE(out, o + AT, (exp(LOAD(log_probs, po + AT)) - (k == wanted)) * factor);
}
