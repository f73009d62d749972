// Normalisation of the rows of contiguous tensors, and its derivatives.

#define EACH long k = lane; k < length; k += WIDTH
#define AT (row * length + k)

kernel void layer_norm(
    global S *y, const long yo, global S *means, const long mo, global S *rstds, const long ro,
    global const S *x, const long xo, global const S *weight, const long wo, global const S *bias,
    const long bo, const T eps, const long rows, const long length) {
    ROW(rows)
    T mean = 0, variance = 0;
    for (EACH) mean += LOAD(x, xo + AT);
    FOLD(mean, plus)
    mean /= length;
    for (EACH) {
        T gap = LOAD(x, xo + AT) - mean;
        variance += gap * gap;
    }
    FOLD(variance, plus)
    const T rstd = 1 / sqrt(variance / length + eps);
    if (!stores) return;
    for (EACH) {
        T value = (LOAD(x, xo + AT) - mean) * rstd;
        if (weight) value *= LOAD(weight, wo + k);
        if (bias) value += LOAD(bias, bo + k);
        STORE(y, yo + AT, value);
    }
    if (lane == 0) {
        STORE(means, mo + row, mean);
        STORE(rstds, ro + row, rstd);
    }
}

// dx; and in `products` and `copies` what dw and db are the sums of, over rows.
kernel void layer_norm_backward(
    global S *dx, const long dxo, global const S *g, const long go, global const S *x, const long xo,
    global const S *means, const long mo, global const S *rstds, const long ro, global const S *weight,
    const long wo, global T *products, global T *copies, const long rows, const long length) {
    ROW(rows)
    const T mean = LOAD(means, mo + row), rstd = LOAD(rstds, ro + row);
    T total = 0, slope = 0;
    for (EACH) {
        T value = LOAD(g, go + AT), normal = (LOAD(x, xo + AT) - mean) * rstd;
        if (stores) {
            products[AT] = value * normal;
            copies[AT] = value;
        }
        if (weight) value *= LOAD(weight, wo + k);
        total += value;
        slope += value * normal;
    }
    FOLD(total, plus)
    FOLD(slope, plus)
    if (!stores) return;
    for (EACH) {
        T value = LOAD(g, go + AT), normal = (LOAD(x, xo + AT) - mean) * rstd;
        if (weight) value *= LOAD(weight, wo + k);
        STORE(dx, dxo + AT, (value - total / length - normal * (slope / length)) * rstd);
    }
}
