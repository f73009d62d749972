// Optimizer steps in place on contiguous tensors; `hyper` holds what changes from step to step.

#define SIGN (1 - 2 * (T)h[maximize])

kernel void sgd_step(
    global S *param, const long po, global S *momentum, const long mo, global const S *grad, const long go,
    global const real *hyper, const long ho, const long count) {
    enum { lr, rate, dampening, decay, nesterov, first, maximize };
    global const real *h = hyper + ho;
    const long i = get_global_id(0);
    if (i >= count) return;
    T x = LOAD(param, po + i), g = LOAD(grad, go + i) * SIGN + x * (T)h[decay];
    if (momentum) {
        const T buffer = h[first] != 0 ? g : LOAD(momentum, mo + i) * (T)h[rate] + g * (1 - (T)h[dampening]);
        STORE(momentum, mo + i, buffer);
        g = h[nesterov] != 0 ? g + buffer * (T)h[rate] : buffer;
    }
    STORE(param, po + i, x - g * (T)h[lr]);
}

kernel void adam_step(
    global S *param, const long po, global S *mean, const long mo, global S *square, const long so,
    global S *largest, const long lo, global const S *grad, const long go, global const real *hyper,
    const long ho, const long count) {
    enum { lr, beta1, beta2, eps, decay, step, decoupled, maximize };
    global const real *h = hyper + ho;
    const long i = get_global_id(0);
    if (i >= count) return;
    const real correction1 = 1 - pow(h[beta1], h[step]), correction2 = 1 - pow(h[beta2], h[step]);
    const T x = LOAD(param, po + i) * (T)(1 - h[lr] * h[decay] * h[decoupled]);
    const T g = LOAD(grad, go + i) * SIGN + x * (T)(h[decay] * (1 - h[decoupled]));
    T m = LOAD(mean, mo + i), s = LOAD(square, so + i);
    m += (g - m) * (T)(1 - h[beta1]);
    s = s * (T)h[beta2] + g * g * (T)(1 - h[beta2]);
    STORE(mean, mo + i, m);
    STORE(square, so + i, s);
    if (largest) {
        s = greatest(LOAD(largest, lo + i), s);
        STORE(largest, lo + i, s);
    }
    STORE(param, po + i, x - m * (T)(h[lr] / correction1) / (sqrt(s) / (T)sqrt(correction2) + (T)h[eps]));
}
