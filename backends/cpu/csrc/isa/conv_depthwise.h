/* Convolutions whose output channels each read one input channel.  Included once per type. */

typedef struct {
    const struct rt_conv *v;
    REAL *out;
    const REAL *a, *b, *bias; /* the two operands, in the order of the op */
    conv_axis h, w;
} T(depthwise);

static T(depthwise)
    T(make_depthwise)(const struct rt_conv *v, REAL *out, const REAL *a, const REAL *b, const REAL *bias) {
    return (T(depthwise)){v,
                          out,
                          a,
                          b,
                          bias,
                          T(forward_axis)(v->oh, v->h, v->stride_h, v->pad_h, v->dilation_h, v->kh),
                          T(forward_axis)(v->ow, v->w, v->stride_w, v->pad_w, v->dilation_w, v->kw)};
}

/* Output pixels lo .. hi of a row, and the input pixel that the first of them meets through a tap. */
typedef struct {
    int64_t lo, hi, from;
} T(meeting);

RT_INLINE T(meeting) T(meet)(const T(depthwise) *d, int64_t row, int64_t r, int64_t s) {
    T(meeting) m = {0};
    int64_t y = row * d->h.stride + d->h.first + r * d->h.step, offset = d->w.first + s * d->w.step;
    if (y < 0 || y >= d->h.source)
        return m;
    conv_clip(&d->w, 0, d->w.grid, offset, &m.lo, &m.hi);
    m.from = y * d->w.source + m.lo * d->w.stride + offset;
    return m;
}

/* One row of a plane of `out`: every pixel of the grid sums its taps in a register. */
static void T(correlate_row)(const conv_axis *h, const conv_axis *w, int64_t row, const REAL *x, const REAL *weight,
                             REAL start, REAL *out) {
    for (int64_t t = 0; t < w->grid; t += VL) {
        int64_t count = lesser(w->grid - t, VL);
        V sum = v(set1)(start);
        for (int64_t r = 0; r < h->taps; r++) {
            int64_t y = row * h->stride + h->first + r * h->step;
            if (y < 0 || y >= h->source)
                continue;
            for (int64_t s = 0; s < w->taps; s++) {
                int64_t offset = w->first + s * w->step, lo, hi;
                conv_clip(w, t, count, offset, &lo, &hi);
                const REAL *from = x + y * w->source + t * w->stride + offset;
                sum = v(fma)(v(set1)(weight[r * w->taps + s]), T(see)(from, w->stride, lo, hi), sum);
            }
        }
        v(store_n)(out + t, sum, count);
    }
}

static void T(depthwise_forward_plane)(void *ctx, int64_t plane, int thread) {
    (void)thread;
    const T(depthwise) *d = ctx;
    const struct rt_conv *v = d->v;
    int64_t o = plane % v->o, channel = plane / v->o * v->c + o / (v->o / v->groups);
    const REAL *x = d->a + channel * v->h * v->w, *weight = d->b + o * v->kh * v->kw;
    for (int64_t row = 0; row < v->oh; row++)
        T(correlate_row)(&d->h, &d->w, row, x, weight, d->bias ? d->bias[o] : 0,
                         d->out + (plane * v->oh + row) * v->ow);
}

static void T(scatter_row)(const T(depthwise) *d, int64_t row, const REAL *g, const REAL *weight, REAL *out) {
    for (int64_t r = 0; r < d->h.taps; r++)
        for (int64_t s = 0; s < d->w.taps; s++) {
            T(meeting) m = T(meet)(d, row, r, s);
            for (int64_t i = 0; i < m.hi - m.lo; i++)
                out[m.from + i * d->w.stride] += weight[r * d->w.taps + s] * g[m.lo + i];
        }
}

static void T(depthwise_input_plane)(void *ctx, int64_t plane, int thread) {
    (void)thread;
    const T(depthwise) *d = ctx;
    const struct rt_conv *v = d->v;
    int64_t each = v->o / v->groups, image = plane / v->c, c = plane % v->c;
    REAL *out = d->out + plane * v->h * v->w;
    memset(out, 0, (size_t)(v->h * v->w) * sizeof *out);
    for (int64_t o = c * each; o < (c + 1) * each; o++) {
        const REAL *g = d->a + (image * v->o + o) * v->oh * v->ow, *weight = d->b + o * v->kh * v->kw;
        for (int64_t row = 0; row < v->oh; row++)
            T(scatter_row)(d, row, g + row * v->ow, weight, out);
    }
}

/* Sum of g times what its pixels see through one tap, over a plane. */
static REAL T(tap_gradient)(const T(depthwise) *d, int64_t r, int64_t s, const REAL *g, const REAL *x) {
    int64_t offset = d->w.first + s * d->w.step;
    V sum = {0};
    for (int64_t row = 0; row < d->h.grid; row++, g += d->w.grid) {
        int64_t y = row * d->h.stride + d->h.first + r * d->h.step;
        if (y < 0 || y >= d->h.source)
            continue;
        for (int64_t t = 0; t < d->w.grid; t += VL) {
            int64_t count = lesser(d->w.grid - t, VL), lo, hi;
            conv_clip(&d->w, t, count, offset, &lo, &hi);
            const REAL *from = x + y * d->w.source + t * d->w.stride + offset;
            sum = v(fma)(v(range)(g + t, lo, hi), T(see)(from, d->w.stride, lo, hi), sum);
        }
    }
    return v(sum)(sum);
}

static void T(depthwise_weight_channel)(void *ctx, int64_t o, int thread) {
    (void)thread;
    const T(depthwise) *d = ctx;
    const struct rt_conv *v = d->v;
    int64_t c = o / (v->o / v->groups);
    REAL *out = d->out + o * v->kh * v->kw;
    memset(out, 0, (size_t)(v->kh * v->kw) * sizeof *out);
    for (int64_t image = 0; image < v->n; image++) /* all taps while the planes are in the cache */
        for (int64_t r = 0; r < v->kh; r++)
            for (int64_t s = 0; s < v->kw; s++)
                out[r * v->kw + s] += T(tap_gradient)(d, r, s, d->a + (image * v->o + o) * v->oh * v->ow,
                                                      d->b + (image * v->c + c) * v->h * v->w);
}

static int T(depthwise_forward)(const struct rt_conv *v, REAL *out, const REAL *x, const REAL *weight,
                                const REAL *bias) {
    T(depthwise) d = T(make_depthwise)(v, out, x, weight, bias);
    grouped_for(v->n * v->o, v->oh * v->ow * v->kh * v->kw, T(depthwise_forward_plane), &d);
    return RT_OK;
}

static int T(depthwise_input_grad)(const struct rt_conv *v, REAL *out, const REAL *grad, const REAL *weight) {
    T(depthwise) d = T(make_depthwise)(v, out, grad, weight, NULL);
    grouped_for(v->n * v->c, v->oh * v->ow * v->kh * v->kw, T(depthwise_input_plane), &d);
    return RT_OK;
}

static int T(depthwise_weight_grad)(const struct rt_conv *v, REAL *out, const REAL *grad, const REAL *x) {
    T(depthwise) d = T(make_depthwise)(v, out, grad, x, NULL);
    grouped_for(v->o, v->n * v->oh * v->ow * v->kh * v->kw, T(depthwise_weight_channel), &d);
    return RT_OK;
}
