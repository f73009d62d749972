/* The three products of a convolution.  Included once per type. */

/* The products of weights and patches of all groups, by whichever way is quicker. */
static int T(patch_products)(const T(rt_gemm) *first, const T(patches) *x, const conv_grid *to,
                             const T(groups) *groups) {
    int status = RT_OK;
    bool any = first->m && first->n && first->k, wide = x->at.w.grid >= T(WIDE_ROW);
    if (any && !wide && T(narrow_run)(first, x, to, groups, &status))
        return status;
    if (any && T(prefers_direct)(first, x, groups))
        return T(direct_run)(first, x, to, groups);
    if (any && wide && T(narrow_run)(first, x, to, groups, &status))
        return status;
    for (int64_t group = 0; group < groups->count && !status; group++) {
        T(rt_gemm) g = *first;
        T(patches) patches = *x;
        T(weights) weights;
        T(find_weights)(first, groups, group, &weights);
        patches.data += group * groups->x;
        g.a = weights.operand;
        g.b = (T(rt_operand)){.pack = T(pack_pixels), .ctx = &patches};
        g.c += group * groups->out;
        g.bias = first->bias ? first->bias + group * groups->bias : NULL;
        status = T(rt_gemm_run)(&g);
    }
    return status;
}

RT_INLINE conv_axis T(forward_axis)(int64_t grid, int64_t source, int64_t stride, int64_t pad, int64_t dilation,
                                    int64_t taps) {
    return (conv_axis){grid, source, stride, -pad, dilation, taps};
}

/* The input's patches, one per output pixel; `data` still lacks the group's offset. */
static T(patches) T(input_patches)(const struct rt_conv *v, const REAL *x) {
    T(patches) p = {.data = x};
    p.at.h = T(forward_axis)(v->oh, v->h, v->stride_h, v->pad_h, v->dilation_h, v->kh);
    p.at.w = T(forward_axis)(v->ow, v->w, v->stride_w, v->pad_w, v->dilation_w, v->kw);
    p.at.image_stride = v->c * v->h * v->w;
    if (v->kh * v->kw * v->stride_h * v->stride_w == 1 && v->pad_h + v->pad_w == 0) { /* 1x1: one long row */
        p.at.h = (conv_axis){1, 1, 1, 0, 1, 1};
        p.at.w.grid = p.at.w.source = v->h * v->w;
    }
    return p;
}

static int T(conv_forward)(const struct rt_conv *v, REAL *out, const REAL *x, const REAL *weight, const REAL *bias) {
    int64_t pixels = v->oh * v->ow, o = v->o / v->groups, c = v->c / v->groups, k = c * v->kh * v->kw;
    conv_grid grid = {1, pixels, v->o * pixels, 0, 1};
    T(patches) patches = T(input_patches)(v, x);
    conv_grid rows = {patches.at.h.grid, patches.at.w.grid, v->o * pixels, patches.at.w.grid, 1};
    T(groups) groups = {v->groups, c * v->h * v->w, o * k, o * pixels, o};
    T(rt_gemm) g = {
        .m = o,
        .n = v->n * pixels,
        .k = k,
        .a = {.data = weight, .stride = k, .k_stride = 1},
        .c = out,
        .ldc = pixels,
        .bias = bias,
        .bias_row = 1,
        .columns = conv_columns,
        .columns_ctx = &grid,
    };
    return T(patch_products)(&g, &patches, &rows, &groups);
}

static int T(conv_weight_grad)(const struct rt_conv *v, REAL *out, const REAL *grad, const REAL *x) {
    int64_t pixels = v->oh * v->ow, o = v->o / v->groups, c = v->c / v->groups, n = c * v->kh * v->kw;
    for (int64_t group = 0; group < v->groups; group++) {
        T(patches) patches = T(input_patches)(v, x + group * c * v->h * v->w);
        if (T(prefers_gradient)(&patches, c)) {
            int status =
                T(gradient_run)(&patches, c, v->n, grad + group * o * pixels, v->o * pixels, o, out + group * o * n);
            if (status)
                return status;
            continue;
        }
        T(channels) channels = {grad + group * o * pixels, pixels, v->o * pixels};
        T(rt_gemm) g = {
            .m = o,
            .n = n,
            .k = v->n * pixels,
            .a = {.pack = T(pack_channels), .ctx = &channels},
            .b = {.pack = T(pack_taps), .ctx = &patches},
            .c = out + group * o * n,
            .ldc = n,
        };
        int status = T(rt_gemm_run)(&g);
        if (status)
            return status;
    }
    return RT_OK;
}

/* Pixels phase, phase + stride, ... of the input along one axis meet only some taps, and see the gradient as a
 * convolution of stride one would: grid pixel q is input pixel phase + q * stride.
 *     input + pad = output * stride + tap * dilation */
typedef struct {
    conv_axis axis;          /* from these pixels to the gradient's */
    int64_t first_tap, step; /* the taps that they meet */
} T(phase);

static T(phase) T(find_phase)(int64_t phase, int64_t source, int64_t grid, int64_t stride, int64_t pad,
                              int64_t dilation, int64_t taps) {
    T(phase) p = {.axis = {.grid = ceil_div(source - phase, stride), .source = grid, .stride = 1}};
    while (p.first_tap < taps && (phase + pad - p.first_tap * dilation) % stride)
        p.first_tap++;
    for (p.step = 1; p.step * dilation % stride;)
        p.step++;
    p.axis.taps = p.first_tap < taps ? ceil_div(taps - p.first_tap, p.step) : 0;
    p.axis.first = (phase + pad - p.first_tap * dilation) / stride; /* exact if there is a tap */
    p.axis.step = -p.step * dilation / stride;
    return p;
}

/* Whether some pixels meet no tap, as with strides beyond the kernel's extent. */
static bool T(has_gaps)(int64_t source, int64_t stride, int64_t pad, int64_t dilation, int64_t taps) {
    for (int64_t phase = 0; phase < lesser(stride, source); phase++)
        if (T(find_phase)(phase, source, 1, stride, pad, dilation, taps).axis.taps == 0)
            return true;
    return false;
}

static int T(input_grad_phase)(const struct rt_conv *v, REAL *out, const REAL *grad, const REAL *weight, int64_t y,
                               int64_t x) {
    int64_t pixels = v->oh * v->ow, o = v->o / v->groups, c = v->c / v->groups;
    T(phase) h = T(find_phase)(y, v->h, v->oh, v->stride_h, v->pad_h, v->dilation_h, v->kh);
    T(phase) w = T(find_phase)(x, v->w, v->ow, v->stride_w, v->pad_w, v->dilation_w, v->kw);
    if (h.axis.taps * w.axis.taps == 0)
        return RT_OK; /* zero already */
    conv_grid grid = {h.axis.grid, w.axis.grid, v->c * v->h * v->w, v->stride_h * v->w, v->stride_w};
    T(patches) patches = {{h.axis, w.axis, v->o * pixels}, grad};
    T(groups) groups = {v->groups, o * pixels, o * c * v->kh * v->kw, c * v->h * v->w, 0};
    T(flipped) flipped = {weight, c, v->kh, v->kw, h.first_tap, h.step, h.axis.taps, w.first_tap, w.step, w.axis.taps};
    T(rt_gemm) g = {
        .m = c,
        .n = v->n * h.axis.grid * w.axis.grid,
        .k = o * h.axis.taps * w.axis.taps,
        .a = {.pack = T(pack_flipped), .ctx = &flipped},
        .c = out + y * v->w + x,
        .ldc = v->h * v->w,
        .columns = conv_columns,
        .columns_ctx = &grid,
    };
    return T(patch_products)(&g, &patches, &grid, &groups);
}

static int T(conv_input_grad)(const struct rt_conv *v, REAL *out, const REAL *grad, const REAL *weight) {
    int status = RT_OK;
    if (T(has_gaps)(v->h, v->stride_h, v->pad_h, v->dilation_h, v->kh) ||
        T(has_gaps)(v->w, v->stride_w, v->pad_w, v->dilation_w, v->kw))
        memset(out, 0, (size_t)(v->n * v->c * v->h * v->w) * sizeof *out);
    for (int64_t y = 0; y < lesser(v->stride_h, v->h); y++)
        for (int64_t x = 0; x < lesser(v->stride_w, v->w) && !status; x++)
            status = T(input_grad_phase)(v, out, grad, weight, y, x);
    return status;
}
