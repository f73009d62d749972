/* Convolution to narrow images: a vector holds output channels, and every pixel of a row is spread over its lanes.  So
 * taps that see nothing but the border are left out: 16 % of them for 3x3 taps and 8x8 pixels, 31 % for 4x4, where
 * vectors of pixels would multiply zeros.  Included once per type.
 *
 * A tile is one row of some images, or a part of a row; its sums stay in registers over all taps and channels. */
enum { T(WIDE_ROW) = 32 }; /* pixels, from which on vectors of them lose little at the borders */

#if MR >= 14 && RT_REAL_BITS == 32

enum {
    T(NARROW_CHANNELS) = 16, /* of the source, at least */
    T(NARROW_PIXELS) = 256,  /* that are worth packing the weights of NR channels once more, for another thread */
    T(TILE_OVERHEAD) = 3,    /* per step, in products of vectors */
    T(FEW_SUMS) = 10,        /* pixels whose sums leave registers free */
    T(LEAST_PART) = 8,       /* pixels of a row that is cut into parts */
};

/* A row's work: the first channel's numbers that the leftmost tap of the first row of taps sees, and its weights.  That
 * tap may see no partner of the first pixel, the rightmost one none of the last; all others see whole rows. */
typedef struct {
    const REAL *x, *weights;
    int64_t image_step, channel_step, row_step;                /* of x */
    int64_t weight_channel_step, weight_row_step, weight_step; /* the last from tap to tap */
    int64_t channels, tap_rows;
    bool clips_first, clips_last;
} T(narrow_row);

/* sum += row times the number at x, read twice rather than kept: of many sums the compiler would move some from
 * register to register, and spill others (14 pixels: 0.75 of the speed).  Of few it does not, and reads once. */
RT_INLINE void T(add_product_at)(bool many, V *sum, const REAL *x, V row) {
    if (many)
        __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(*sum) : "v"(row), "m"(*x));
    else
        *sum = v(fma)(v(set1)(*x), row, *sum);
}

/* Pixels first .. end of every image meet one tap of one channel. */
RT_INLINE void T(narrow_step)(int cols, int images, int step, int first, int end, const REAL *x, int64_t image_step,
                              const REAL *weights, V sum[MR][NV]) {
    V row[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++)
        row[j] = v(load)(weights + j * VL);
#pragma GCC unroll 8
    for (int image = 0; image < images; image++)
#pragma GCC unroll 16
        for (int i = first; i < end; i++)
#pragma GCC unroll 4
            for (int j = 0; j < NV; j++)
                T(add_product_at)(cols * images > T(FEW_SUMS), &sum[image * cols + i][j],
                                  x + image * image_step + i * step, row[j]);
}

/* Three neighbouring taps of all channels; the outer ones may see one pixel less. */
RT_INLINE void T(narrow_three)(int cols, int images, int step, int clips_first, int clips_last, const T(narrow_row) *r,
                               const REAL *x, const REAL *w, V sum[MR][NV]) {
    for (int64_t c = 0; c < r->channels; c++, x += r->channel_step, w += r->weight_channel_step) {
        T(narrow_step)(cols, images, step, clips_first, cols, x, r->image_step, w, sum);
        T(narrow_step)(cols, images, step, 0, cols, x + 1, r->image_step, w + r->weight_step, sum);
        T(narrow_step)(cols, images, step, 0, cols - clips_last, x + 2, r->image_step, w + 2 * r->weight_step, sum);
    }
}

/* Whether a tile has a loop for a row, or a part of one, whose ends are clipped so: each loop is without branches. */
RT_INLINE bool T(has_loop)(int64_t cols, int64_t step, bool clips_first, bool clips_last) {
    if (clips_last)
        return step == 1 && (clips_first || cols >= T(LEAST_PART));
    return cols >= T(LEAST_PART) || (clips_first && step == 2);
}

/* sums[pixel][channel]; all but the row are constants after inlining. */
RT_INLINE void T(narrow_tile)(int cols, int images, int step, const T(narrow_row) *r, REAL *sums) {
    V sum[MR][NV];
#pragma GCC unroll 16
    for (int i = 0; i < cols * images; i++)
#pragma GCC unroll 4
        for (int j = 0; j < NV; j++)
            sum[i][j] = (V){0};
    const bool part = cols >= T(LEAST_PART);
    for (int64_t tap_row = 0; tap_row < r->tap_rows; tap_row++) {
        const REAL *x = r->x + tap_row * r->row_step, *w = r->weights + tap_row * r->weight_row_step;
        if (step == 1 && r->clips_first && r->clips_last)
            T(narrow_three)(cols, images, step, 1, 1, r, x, w, sum);
        else if ((step == 2 || part) && r->clips_first)
            T(narrow_three)(cols, images, step, 1, 0, r, x, w, sum);
        else if (step == 1 && part && r->clips_last)
            T(narrow_three)(cols, images, step, 0, 1, r, x, w, sum);
        else if (part)
            T(narrow_three)(cols, images, step, 0, 0, r, x, w, sum);
    }
#pragma GCC unroll 16
    for (int i = 0; i < cols * images; i++)
#pragma GCC unroll 4
        for (int j = 0; j < NV; j++)
            v(store)(sums + i * NR + j * VL, sum[i][j]);
}

/* Columns and images of the tiles; of each width first the one for a single image. */
#define NARROW_TILES(X)                                                                                                \
    X(2, 1) X(2, 4) X(2, 7) X(3, 1) X(3, 4) X(4, 1) X(4, 2) X(4, 3) X(5, 1) X(5, 2) X(6, 1) X(6, 2) X(7, 1) X(7, 2)    \
    X(8, 1) X(9, 1) X(10, 1) X(11, 1) X(12, 1) X(13, 1) X(14, 1)
#define NARROW(cols, images)                                                                                           \
    static void T(narrow_##cols##x##images)(const T(narrow_row) *r, REAL *sums) {                                      \
        T(narrow_tile)(cols, images, 1, r, sums);                                                                      \
    }                                                                                                                  \
    static void T(narrow_##cols##x##images##_by_2)(const T(narrow_row) *r, REAL *sums) {                               \
        T(narrow_tile)(cols, images, 2, r, sums);                                                                      \
    }
NARROW_TILES(NARROW)
#undef NARROW
static const struct {
    int cols, images;
    void (*tile[2])(const T(narrow_row) *r, REAL *sums); /* for steps of one column and of two */
} T(narrow_tiles)[] = {
#define NARROW(cols, images) {cols, images, {T(narrow_##cols##x##images), T(narrow_##cols##x##images##_by_2)}},
    NARROW_TILES(NARROW)
#undef NARROW
};
#undef NARROW_TILES

typedef struct {
    const T(rt_gemm) *g; /* of the first group, as `x` */
    const T(patches) *x;
    const conv_grid *to;
    const T(groups) *groups;
    int64_t channels, images, panels, shares, share; /* panels of NR output channels; images are cut into shares */
    int64_t cols, parts;                             /* of a row: the last part may begin within the one before */
    int tile;
    bool clips_first, clips_last;
    _Atomic int status;
} T(narrow);

/* The tile that takes least for so many images, -1 if there is none for that width. */
static int T(best_tile)(int64_t cols, int64_t images) {
    int best = -1;
    int64_t least = INT64_MAX;
    for (int i = 0; i < (int)(sizeof T(narrow_tiles) / sizeof T(narrow_tiles)[0]); i++) {
        int64_t together = T(narrow_tiles)[i].images;
        int64_t cost = ceil_div(images, together) * (cols * together * NV + T(TILE_OVERHEAD));
        if (T(narrow_tiles)[i].cols == cols && together <= images && cost < least) {
            least = cost;
            best = i;
        }
    }
    return best;
}

/* Whether three taps see whole rows, but for the outer ones, which may lack one pixel. */
static bool T(find_edges)(const conv_axis *w, bool *clips_first, bool *clips_last) {
    for (int64_t tap = 0; tap < 3; tap++) {
        int64_t lo, hi;
        conv_clip(w, 0, w->grid, T(lowest)(w) + tap, &lo, &hi);
        if (lo > (tap == 0) || hi < w->grid - (tap == 2))
            return false;
        if (tap == 0)
            *clips_first = lo == 1;
        if (tap == 2)
            *clips_last = hi == w->grid - 1;
    }
    return true;
}

/* Fill in all that depends on the shapes; false if another way is better. */
static bool T(plan_narrow)(T(narrow) *d) {
    const conv_axis *h = &d->x->at.h, *w = &d->x->at.w;
    int64_t m = d->g->m, pixels = d->to->rows * d->to->cols;
    d->channels = d->g->k / (h->taps * w->taps);
    if (w->taps != 3 || (w->step != 1 && w->step != -1) || w->stride > 2 || d->channels < T(NARROW_CHANNELS) ||
        round_up(m, NR) * 4 > m * 5)
        return false;
    if (!T(find_edges)(w, &d->clips_first, &d->clips_last))
        return false;
    d->images = d->g->n / pixels;
    d->parts = ceil_div(w->grid, MR);
    d->cols = ceil_div(w->grid, d->parts);
    d->tile = T(best_tile)(d->cols, d->images);
    bool whole = d->parts == 1;
    if (d->tile < 0 || !T(has_loop)(d->cols, w->stride, d->clips_first, whole && d->clips_last) ||
        !(whole || T(has_loop)(d->cols, w->stride, false, d->clips_last)))
        return false;
    d->panels = ceil_div(m, NR);
    int64_t wanted = ceil_div(4 * rt_num_threads(), d->panels * d->groups->count),
            together = T(narrow_tiles)[d->tile].images;
    d->shares = lesser(wanted, d->images * pixels / T(NARROW_PIXELS));
    d->share = round_up(ceil_div(d->images, d->shares > 1 ? d->shares : 1), together);
    d->shares = ceil_div(d->images, d->share);
    return true;
}

/* Bring the sums of a row to their places: channel by channel, the pixels of `images` images. */
static void T(store_narrow)(const T(narrow) *d, const REAL *sums, int64_t images, int64_t channels, REAL *c,
                            const REAL *bias) {
    int64_t cols = d->cols;
    for (int64_t image = 0; image < images; image++, sums += cols * NR, c += d->to->image_stride)
        for (int64_t i = 0; i < channels; i++) {
            REAL *to = c + i * d->g->ldc, more = bias ? bias[i] : 0;
            for (int64_t col = 0; col < cols; col++)
                to[col * d->to->col_stride] = sums[col * NR + i] + more;
        }
}

/* A panel of output channels of some images. */
static void T(narrow_panel)(const T(narrow) *d, int64_t group, int64_t panel, int64_t begin, int64_t end,
                            const REAL *weights) {
    const conv_axis *h = &d->x->at.h, *w = &d->x->at.w;
    int64_t together = T(narrow_tiles)[d->tile].images, i0 = panel * NR, source = d->x->at.image_stride;
    const REAL *data = d->x->data + group * d->groups->x, *bias = d->g->bias;
    REAL sums[MR * NR] __attribute__((aligned(64))), *c = d->g->c + group * d->groups->out + i0 * d->g->ldc;
    bool mirrored = w->step < 0;
    T(narrow_row) r = {
        .image_step = source,
        .channel_step = h->source * w->source,
        .row_step = h->step * w->source,
        .weight_channel_step = h->taps * w->taps * NR,
        .weight_row_step = w->taps * NR,
        .weight_step = mirrored ? -NR : NR,
        .channels = d->channels,
    };
    for (int64_t image = begin; image < end; image += together) {
        int64_t count = lesser(together, end - image), from = image + count - together; /* the last ones, if too few */
        for (int64_t row = 0; row < d->to->rows; row++) {
            int64_t top = row * h->stride + h->first, first = 0;
            while (first < h->taps && (top + first * h->step < 0 || top + first * h->step >= h->source))
                first++;
            for (r.tap_rows = 0; first + r.tap_rows < h->taps; r.tap_rows++) {
                int64_t seen = top + (first + r.tap_rows) * h->step;
                if (seen < 0 || seen >= h->source)
                    break;
            }
            const REAL *seen = data + from * source + (top + first * h->step) * w->source + T(lowest)(w);
            r.weights = weights + (first * w->taps + (mirrored ? w->taps - 1 : 0)) * NR;
            for (int64_t part = 0; part < d->parts; part++) {
                int64_t col = lesser(part * d->cols, w->grid - d->cols);
                r.x = seen + col * w->stride;
                r.clips_first = d->clips_first && col == 0;
                r.clips_last = d->clips_last && part == d->parts - 1;
                T(narrow_tiles)[d->tile].tile[w->stride - 1](&r, sums);
                T(store_narrow)(d, sums + (together - count) * d->cols * NR, count, lesser(NR, d->g->m - i0),
                                c + image * d->to->image_stride + row * d->to->row_stride + col * d->to->col_stride,
                                bias ? bias + group * d->groups->bias + i0 : NULL);
            }
        }
    }
}

static void T(narrow_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    T(narrow) *d = ctx;
    int64_t share = task % d->shares, panel = task / d->shares % d->panels, group = task / d->shares / d->panels;
    REAL *weights = rt_workspace(RT_WORKSPACE_TASK, (size_t)(d->g->k * NR) * sizeof *weights);
    if (!weights) {
        d->status = RT_OUT_OF_MEMORY;
        return;
    }
    T(weights) a;
    T(find_weights)(d->g, d->groups, group, &a);
    T(pack_panel)(&a.operand, panel * NR, lesser(NR, d->g->m - panel * NR), 0, d->g->k, NR, weights);
    T(narrow_panel)(d, group, panel, share * d->share, lesser(d->images, (share + 1) * d->share), weights);
}

/* Whether it was this way's work; `status` then says how it went. */
static bool T(narrow_run)(const T(rt_gemm) *g, const T(patches) *x, const conv_grid *to, const T(groups) *groups,
                          int *status) {
    T(narrow) d = {.g = g, .x = x, .to = to, .groups = groups};
    if (!T(plan_narrow)(&d))
        return false;
    rt_parallel_for(groups->count * d.panels * d.shares, T(narrow_task), &d);
    *status = d.status;
    return true;
}

#else

static bool T(narrow_run)(const T(rt_gemm) *g, const T(patches) *x, const conv_grid *to, const T(groups) *groups,
                          int *status) {
    (void)g, (void)x, (void)to, (void)groups, (void)status;
    return false;
}

#endif
