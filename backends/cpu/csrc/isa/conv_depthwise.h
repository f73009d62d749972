/* Convolutions whose output channels each read one input channel.  Included once per type. */

typedef struct {
    const struct rt_conv *v;
    REAL *out;
    const REAL *a, *b, *bias; /* the two operands, in the order of the op */
    conv_axis h, w;
} T(depthwise);

static T(depthwise) T(make_depthwise)(const struct rt_conv *v, REAL *out, const REAL *a, const REAL *b, const REAL *bias) {
    return (T(depthwise)){v, out, a, b, bias,
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

/* The loops below are written twice over their stride, as only unit strides become vectors. */
static void T(add_scaled)(REAL *to, int64_t to_stride, const REAL *from, int64_t from_stride, REAL scale, int64_t n) {
    if (to_stride == 1 && from_stride == 1)
        for (int64_t i = 0; i < n; i++)
            to[i] += scale * from[i];
    else
        for (int64_t i = 0; i < n; i++)
            to[i * to_stride] += scale * from[i * from_stride];
}

static REAL T(dot_strided)(const REAL *a, const REAL *b, int64_t b_stride, int64_t n) {
    V sum = {0};
    int64_t i = 0;
    for (; b_stride == 1 && i + VL <= n; i += VL)
        sum = v(fma)(v(load)(a + i), v(load)(b + i), sum);
    REAL total = v(total)(sum);
    for (; i < n; i++)
        total += a[i] * b[i * b_stride];
    return total;
}

static void T(depthwise_forward_plane)(void *ctx, int64_t plane, int thread) {
    (void)thread;
    const T(depthwise) *d = ctx;
    const struct rt_conv *v = d->v;
    int64_t o = plane % v->o, channel = plane / v->o * v->c + o / (v->o / v->groups);
    const REAL *x = d->a + channel * v->h * v->w, *weight = d->b + o * v->kh * v->kw;
    REAL *out = d->out + plane * v->oh * v->ow;
    for (int64_t row = 0; row < v->oh; row++, out += v->ow) {
        for (int64_t i = 0; i < v->ow; i++)
            out[i] = d->bias ? d->bias[o] : 0;
        for (int64_t r = 0; r < v->kh; r++)
            for (int64_t s = 0; s < v->kw; s++) {
                T(meeting) m = T(meet)(d, row, r, s);
                T(add_scaled)(out + m.lo, 1, x + m.from, v->stride_w, weight[r * v->kw + s], m.hi - m.lo);
            }
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
        for (int64_t row = 0; row < v->oh; row++, g += v->ow)
            for (int64_t r = 0; r < v->kh; r++)
                for (int64_t s = 0; s < v->kw; s++) {
                    T(meeting) m = T(meet)(d, row, r, s);
                    T(add_scaled)(out + m.from, v->stride_w, g + m.lo, 1, weight[r * v->kw + s], m.hi - m.lo);
                }
    }
}

static void T(depthwise_weight_channel)(void *ctx, int64_t o, int thread) {
    (void)thread;
    const T(depthwise) *d = ctx;
    const struct rt_conv *v = d->v;
    int64_t c = o / (v->o / v->groups);
    for (int64_t r = 0; r < v->kh; r++)
        for (int64_t s = 0; s < v->kw; s++) {
            REAL total = 0;
            for (int64_t image = 0; image < v->n; image++) {
                const REAL *g = d->a + (image * v->o + o) * v->oh * v->ow, *x = d->b + (image * v->c + c) * v->h * v->w;
                REAL sum = 0; /* per image: a sum of sums rounds less */
                for (int64_t row = 0; row < v->oh; row++) {
                    T(meeting) m = T(meet)(d, row, r, s);
                    sum += T(dot_strided)(g + row * v->ow + m.lo, x + m.from, v->stride_w, m.hi - m.lo);
                }
                total += sum;
            }
            d->out[(o * v->kh + r) * v->kw + s] = total;
        }
}

static int T(depthwise_forward)(const struct rt_conv *v, REAL *out, const REAL *x, const REAL *weight, const REAL *bias) {
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
