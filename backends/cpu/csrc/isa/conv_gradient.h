/* Weight gradients without panels: vectors run along the rows of an output's gradient and meet, through each tap, the
 * same rows of the copy with a border that conv_direct.h makes.  Included once per type.
 *
 * A tile sums the products of some output channels with a few taps over the pixels of a few images; lanes are added
 * at its end.  Nothing is transposed, no number is spread over a vector, and the gradient's rows stay in the
 * first-level cache while all taps pass. */
enum {
    T(GRADIENT_PIXELS) = 1024, /* that a tile sums before it adds its lanes: many, but few enough for that cache */
    T(GRADIENT_ROWS) = 6,      /* output channels of a tile: the gradients of 14 would not stay there */
    T(GRADIENT_TAPS) = MR > 6 ? 4 : 2, /* as the registers allow */
    T(GRADIENT_SHARE) = 64,            /* taps of a task */
    T(GRADIENT_ROW) = 96,              /* pixels times output channels of a tile's row, at least */
};

typedef struct {
    const REAL *grad;
    REAL *out;
    int64_t m, n, rows, cols;
    int64_t grad_image, copy_image, row_step; /* from image to image; from row to row in the copy */
    T(direct) copy;
    REAL *copies; /* of the images begin .. end */
    int64_t begin, end;
    int64_t block, shares; /* images of a tile; tasks per panel of output channels */
} T(weights_job);

/* One vector of pixels. */
RT_INLINE void T(gradient_step)(int mr, int taps, const REAL *g, int64_t plane, const REAL *x, const int64_t *offsets,
                                int64_t lanes, V sum[T(GRADIENT_ROWS)][T(GRADIENT_TAPS)]) {
    V seen[T(GRADIENT_TAPS)];
#pragma GCC unroll 4
    for (int j = 0; j < taps; j++)
        seen[j] = lanes == VL ? v(load)(x + offsets[j]) : v(load_n)(x + offsets[j], lanes);
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++) {
        V slope = v(keep)(lanes == VL ? v(load)(g + i * plane) : v(load_n)(g + i * plane, lanes));
#pragma GCC unroll 4
        for (int j = 0; j < taps; j++)
            sum[i][j] = v(fma)(slope, seen[j], sum[i][j]);
    }
}

RT_INLINE void T(gradient_tile)(int mr, int taps, const T(weights_job) *d, int64_t i0, int64_t image, int64_t end,
                                const int64_t *offsets, REAL *out) {
    int64_t plane = d->rows * d->cols, whole = d->cols / VL * VL, rest = d->cols - whole;
    V sum[T(GRADIENT_ROWS)][T(GRADIENT_TAPS)];
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 4
        for (int j = 0; j < taps; j++)
            sum[i][j] = (V){0};
    for (; image < end; image++) {
        const REAL *g = d->grad + image * d->grad_image + i0 * plane;
        const REAL *x = d->copies + (image - d->begin) * d->copy_image;
        for (int64_t row = 0; row < d->rows; row++, g += d->cols, x += d->row_step) {
            for (int64_t col = 0; col < whole; col += VL)
                T(gradient_step)(mr, taps, g + col, plane, x + col, offsets, VL, sum);
            if (rest)
                T(gradient_step)(mr, taps, g + whole, plane, x + whole, offsets, rest, sum);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 4
        for (int j = 0; j < taps; j++)
            out[i * d->n + j] += v(sum)(sum[i][j]);
}

typedef void (*T(gradient_fn))(const T(weights_job) *d, int64_t i0, int64_t image, int64_t end, const int64_t *offsets,
                               REAL *out);
#define GRADIENT(mr, taps)                                                                                             \
    static void T(gradient_##mr##x##taps)(const T(weights_job) *d, int64_t i0, int64_t image, int64_t end,             \
                                          const int64_t *offsets, REAL *out) {                                         \
        T(gradient_tile)(mr, taps, d, i0, image, end, offsets, out);                                                   \
    }
#define GRADIENT_TILES(X) X(1) X(2) X(3) X(4) X(5) X(6)
#if MR > 6
#define GRADIENT_WIDTHS(X, mr) X(mr, 1) X(mr, 2) X(mr, 3) X(mr, 4)
#else
#define GRADIENT_WIDTHS(X, mr) X(mr, 1) X(mr, 2)
#endif
#define GRADIENT_OF(mr) GRADIENT_WIDTHS(GRADIENT, mr)
GRADIENT_TILES(GRADIENT_OF)
#undef GRADIENT_OF
#undef GRADIENT
/* Indexed by [output channels - 1][taps - 1]. */
static const T(gradient_fn) T(gradient_tiles)[T(GRADIENT_ROWS)][T(GRADIENT_TAPS)] = {
#define GRADIENT_NAME(mr, taps) T(gradient_##mr##x##taps),
#define GRADIENT_OF(mr) {GRADIENT_WIDTHS(GRADIENT_NAME, mr)},
    GRADIENT_TILES(GRADIENT_OF)
#undef GRADIENT_OF
#undef GRADIENT_NAME
};
#undef GRADIENT_WIDTHS
#undef GRADIENT_TILES
static void T(copy_image)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const T(weights_job) *d = ctx;
    const T(direct) *copy = &d->copy;
    const REAL *image = copy->x->data + (d->begin + task) * copy->x->at.image_stride;
    T(copy_band)(copy, image, 0, copy->plane / copy->width, d->copies + task * d->copy_image);
}

static void T(gradient_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const T(weights_job) *d = ctx;
    int64_t i0 = task / d->shares * d->copy.height, mr = lesser(d->copy.height, d->m - i0);
    int64_t first = task % d->shares * T(GRADIENT_SHARE), last = lesser(d->n, first + T(GRADIENT_SHARE));
    for (int64_t image = d->begin; image < d->end; image += d->block)
        for (int64_t tap = first; tap < last; tap += T(GRADIENT_TAPS)) {
            int64_t taps = lesser(T(GRADIENT_TAPS), last - tap);
            T(gradient_tiles)[mr - 1][taps - 1](d, i0, image, lesser(d->end, image + d->block), d->copy.offsets + tap,
                                                d->out + i0 * d->n + tap);
        }
}

/* Images whose copies are held at once. */
static int64_t T(gradient_batch)(int64_t copy_image) {
    return rt_cache_bytes(RT_CACHE_L3) / 4 / (copy_image * (int64_t)sizeof(REAL));
}

/* The copy of whole images. */
static T(direct) T(whole_copy)(const T(patches) *x, int64_t channels) {
    const conv_axis *h = &x->at.h, *w = &x->at.w;
    T(direct) copy = {.x = x, .channels = channels, .low_h = T(lowest)(h), .low_w = T(lowest)(w)};
    copy.run = T(run_length)(w);
    copy.width = copy.run * w->stride;
    copy.plane = ((h->grid - 1) * h->stride + 1 + T(span)(h)) * copy.width;
    return copy;
}

/* Where rows are long enough for their pointers to be a small part of the work, and fill their vectors, and an image's
 * copy fits.  With strides the copy costs more than panels do. */
static bool T(prefers_gradient)(const T(patches) *x, int64_t channels) {
    const conv_axis *h = &x->at.h, *w = &x->at.w;
    T(direct) copy = T(whole_copy)(x, channels);
    bool fills = w->grid * T(GRADIENT_ROWS) >= T(GRADIENT_ROW) && 4 * (round_up(w->grid, VL) - w->grid) <= w->grid;
    return h->taps * w->taps > 1 && h->stride * w->stride == 1 && fills && channels > 0 &&
           T(gradient_batch)(channels * copy.plane) > 0;
}

/* out[m][n] = the gradient with respect to the weights of `images` images' patches, for one group. */
static int T(gradient_run)(const T(patches) *x, int64_t channels, int64_t images, const REAL *grad, int64_t grad_image,
                           int64_t m, REAL *out) {
    const conv_axis *h = &x->at.h, *w = &x->at.w;
    T(weights_job) d = {.grad = grad, .out = out, .m = m, .n = channels * h->taps * w->taps};
    d.rows = h->grid;
    d.cols = w->grid;
    d.grad_image = grad_image;
    d.copy = T(whole_copy)(x, channels);
    d.copy_image = channels * d.copy.plane;
    d.row_step = h->stride * d.copy.width;
    d.copy.height = ceil_div(m, ceil_div(m, T(GRADIENT_ROWS)));
    d.block = ceil_div(T(GRADIENT_PIXELS), d.rows * d.cols);
    d.shares = ceil_div(d.n, T(GRADIENT_SHARE));
    int64_t batch = lesser(images, T(gradient_batch)(d.copy_image));
    /* A vector at the end of the last row reads past it. */
    d.copy.offsets = rt_workspace(RT_WORKSPACE_SHARED,
                                  (size_t)d.n * sizeof(int64_t) + (size_t)(batch * d.copy_image + VL) * sizeof(REAL));
    if (!d.copy.offsets)
        return RT_OUT_OF_MEMORY;
    d.copies = (REAL *)(d.copy.offsets + d.n);
    T(find_offsets)(&d.copy);
    memset(out, 0, (size_t)(m * d.n) * sizeof *out);
    for (d.begin = 0; d.begin < images; d.begin = d.end) {
        d.end = lesser(images, d.begin + batch);
        int64_t count = d.end - d.begin, work = count * d.rows * d.cols * T(GRADIENT_SHARE) *d.copy.height / VL;
        grouped_for(count, d.copy_image, T(copy_image), &d);
        grouped_for(ceil_div(m, d.copy.height) * d.shares, work, T(gradient_task), &d);
    }
    return RT_OK;
}
