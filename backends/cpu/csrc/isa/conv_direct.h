/* Convolution without panels of patches: a vector of pixels of an output row reads its partners through each tap from
 * a copy of the image with a border, so that no tap has edges.  Where pixels step over columns, the copy of a row holds
 * those of each remainder by the step together, so that partners are neighbours.  Included once per type.
 *
 * The copy is 1 / taps of the patches.  What is lost are the lanes past the end of a row; hence few output channels,
 * for which packing a patch costs as much as its products, or rows that fill their vectors. */
enum {
    T(PATCH_COST) = 10,   /* of packing one number, in multiplications of one lane each */
    T(DIRECT_TASKS) = 8,  /* at least, by cutting images into bands of rows */
    T(DIRECT_DEPTH) = 512 /* steps of the inner dimension, for a panel of weights to stay in the first-level cache */
};
enum { T(FEW_ROWS) = MR >= 12 ? 6 : 3, T(WIDTH) = 4 }; /* a tile of few rows is WIDTH vectors wide, others NV */

typedef struct {
    const T(rt_gemm) *g; /* of the first group, as `x` */
    const T(patches) *x;
    const conv_grid *to;
    const T(groups) *groups;
    int64_t channels, low_h, low_w;           /* of the image; where the border begins */
    int64_t reach;                            /* rows that taps add to a band */
    int64_t run, width, plane;                /* the copy's columns of one remainder, rows, and channels */
    int64_t bands, band_rows, height, panels; /* per image; of weights */
    REAL *weights;                            /* packed, step by step, panel by panel */
    int64_t *offsets;                         /* of a patch's numbers in the copy */
    _Atomic int status;
} T(direct);

/* Vectors of pixels that one tile computes: in the copy, in the first row of C, and their lanes. */
typedef struct {
    const REAL *from[T(WIDTH)];
    REAL *to[T(WIDTH)];
    int64_t count[T(WIDTH)];
} T(places);

/* Results whose columns are not neighbours, from rows of WIDTH vectors; once for all tiles, as it is long. */
static __attribute__((noinline)) void T(scatter)(const REAL *sums, int64_t rows, int64_t vectors, const T(places) *p,
                                                 int64_t ldc, int64_t step, bool accumulate, const REAL *bias) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < vectors; j++)
            for (int64_t lane = 0; lane < p->count[j]; lane++) {
                REAL *to = p->to[j] + i * ldc + lane * step, x = sums[(i * T(WIDTH) + j) * VL + lane];
                x = accumulate ? x + *to : x;
                *to = bias ? x + bias[i] : x;
            }
}

RT_INLINE void T(direct_tile)(int mr, int64_t k, const REAL *a, const int64_t *offsets, const T(places) *p, int64_t ldc,
                              int64_t step, bool accumulate, const REAL *bias) {
    const int nv = mr <= T(FEW_ROWS) ? T(WIDTH) : NV;
    V sum[MR][T(WIDTH)];
    const REAL *from[T(WIDTH)];
#pragma GCC unroll 4
    for (int j = 0; j < nv; j++) {
        from[j] = p->from[j];
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++)
            sum[i][j] = (V){0};
    }
    for (int64_t q = 0; q < k; q++, a += mr) {
        V row[T(WIDTH)];
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++)
            row[j] = v(load)(from[j] + offsets[q]);
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++)
#pragma GCC unroll 4
            for (int j = 0; j < nv; j++)
                sum[i][j] = v(fma)(v(set1)(a[i]), row[j], sum[i][j]);
    }
    if (step != 1) {
        REAL sums[MR * T(WIDTH) *VL];
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++)
#pragma GCC unroll 4
            for (int j = 0; j < nv; j++)
                v(store)(sums + (i * T(WIDTH) + j) * VL, sum[i][j]);
        T(scatter)(sums, mr, nv, p, ldc, step, accumulate, bias);
        return;
    }
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++) {
            REAL *to = p->to[j] + i * ldc;
            V x = accumulate ? sum[i][j] + v(load_n)(to, p->count[j]) : sum[i][j];
            v(store_n)(to, bias ? x + v(set1)(bias[i]) : x, p->count[j]);
        }
}

typedef void (*T(direct_fn))(int64_t k, const REAL *a, const int64_t *offsets, const T(places) *p, int64_t ldc,
                             int64_t step, bool accumulate, const REAL *bias);
#if MR >= 14
#define DIRECT_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif MR >= 12
#define DIRECT_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#else
#define DIRECT_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif
#define DIRECT(mr)                                                                                                     \
    static void T(direct_##mr)(int64_t k, const REAL *a, const int64_t *offsets, const T(places) *p, int64_t ldc,      \
                               int64_t step, bool accumulate, const REAL *bias) {                                      \
        T(direct_tile)(mr, k, a, offsets, p, ldc, step, accumulate, bias);                                             \
    }
DIRECT_ROWS(DIRECT)
#undef DIRECT
#define DIRECT(mr) T(direct_##mr),
static const T(direct_fn) T(direct_tiles)[MR] = {DIRECT_ROWS(DIRECT)};
#undef DIRECT_ROWS
#undef DIRECT

/* One row of the copy: columns first, first + step, ... of a row of `size` columns, 0 where there are none. */
static void T(copy_columns)(const REAL *row, int64_t size, int64_t first, int64_t step, int64_t count, REAL *to) {
    int64_t begin = lesser(first < 0 ? ceil_div(-first, step) : 0, count);
    int64_t end = first < size ? lesser((size - first - 1) / step + 1, count) : begin;
    for (int64_t i = 0; i < begin; i++)
        to[i] = 0;
    if (step == 1 && end > begin)
        memcpy(to + begin, row + first + begin, (size_t)(end - begin) * sizeof *to);
    else
        for (int64_t i = begin; i < end; i += VL)
            v(store_n)(to + i, T(see)(row + first + i * step, step, 0, lesser(VL, end - i)), lesser(VL, end - i));
    for (int64_t i = end > begin ? end : begin; i < count; i++)
        to[i] = 0;
}

/* Copy the rows that a band sees, from padded row `top` on, of all channels. */
static void T(copy_band)(const T(direct) *d, const REAL *image, int64_t top, int64_t rows, REAL *out) {
    const conv_axis *h = &d->x->at.h, *w = &d->x->at.w;
    for (int64_t c = 0; c < d->channels; c++, image += h->source * w->source)
        for (int64_t r = 0; r < rows; r++) {
            int64_t y = top + r + d->low_h;
            REAL *to = out + c * d->plane + r * d->width;
            if (y < 0 || y >= h->source)
                memset(to, 0, (size_t)d->width * sizeof *to);
            else
                for (int64_t rest = 0; rest < w->stride; rest++)
                    T(copy_columns)(image + y * w->source, w->source, d->low_w + rest, w->stride, d->run,
                                    to + rest * d->run);
        }
}

/* One panel of weights meets all pixels of a band, for one step of the inner dimension. */
static void T(direct_panel)(const T(direct) *d, int64_t group, int64_t panel, int64_t k0, int64_t rows,
                            const REAL *image, REAL *c) {
    const T(rt_gemm) *g = d->g;
    int64_t i0 = panel * d->height, mr = lesser(d->height, g->m - i0), kc = lesser(T(DIRECT_DEPTH), g->k - k0);
    int64_t cols = d->to->cols, n = 0, wide = mr <= T(FEW_ROWS) ? T(WIDTH) : NV;
    const REAL *a = d->weights + (group * g->k + k0) * g->m + i0 * kc, *bias = NULL;
    if (g->bias && k0 + kc == g->k)
        bias = g->bias + group * d->groups->bias + i0;
    T(places) p;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t col = 0; col < cols; col += VL) {
            p.from[n] = image + row * d->x->at.h.stride * d->width + col;
            p.to[n] = c + i0 * g->ldc + row * d->to->row_stride + col * d->to->col_stride;
            p.count[n] = lesser(VL, cols - col);
            if (++n < wide && (col + VL < cols || row + 1 < rows))
                continue;
            for (; n < wide; n++) { /* the last tile is filled up with a vector that is computed, but not stored */
                p.from[n] = p.from[0];
                p.to[n] = p.to[0];
                p.count[n] = 0;
            }
            T(direct_tiles)[mr - 1](kc, a, d->offsets + k0, &p, g->ldc, d->to->col_stride, k0 > 0, bias);
            n = 0;
        }
}

static void T(direct_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    T(direct) *d = ctx;
    int64_t plane = task / d->bands, top = task % d->bands * d->band_rows;
    int64_t image = plane / d->groups->count, group = plane % d->groups->count;
    int64_t rows = lesser(d->band_rows, d->to->rows - top);
    /* A vector at the end of the last row reads past it. */
    REAL *copy = rt_workspace(RT_WORKSPACE_TASK, (size_t)(d->channels * d->plane + VL) * sizeof *copy);
    if (!copy) {
        d->status = RT_OUT_OF_MEMORY;
        return;
    }
    const REAL *x = d->x->data + image * d->x->at.image_stride + group * d->groups->x;
    int64_t step = d->x->at.h.stride;
    T(copy_band)(d, x, top * step, (rows - 1) * step + 1 + d->reach, copy);
    REAL *c = d->g->c + image * d->to->image_stride + group * d->groups->out + top * d->to->row_stride;
    for (int64_t k0 = 0; k0 < d->g->k; k0 += T(DIRECT_DEPTH))
        for (int64_t panel = 0; panel < d->panels; panel++)
            T(direct_panel)(d, group, panel, k0, rows, copy, c);
}

static void T(pack_weights)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const T(direct) *d = ctx;
    int64_t group = task / d->panels, i0 = task % d->panels * d->height, m = d->g->m, k = d->g->k;
    T(weights) a;
    T(find_weights)(d->g, d->groups, group, &a);
    for (int64_t k0 = 0; k0 < k; k0 += T(DIRECT_DEPTH)) {
        int64_t kc = lesser(T(DIRECT_DEPTH), k - k0), rows = lesser(d->height, m - i0);
        T(pack_panel)(&a.operand, i0, rows, k0, kc, rows, d->weights + (group * k + k0) * m + i0 * kc);
    }
}

static void T(find_offsets)(const T(direct) *d) {
    const conv_axis *h = &d->x->at.h, *w = &d->x->at.w;
    int64_t *to = d->offsets;
    for (int64_t c = 0; c < d->channels; c++)
        for (int64_t r = 0; r < h->taps; r++)
            for (int64_t s = 0; s < w->taps; s++) {
                int64_t row = h->first + r * h->step - d->low_h, column = w->first + s * w->step - d->low_w;
                *to++ = c * d->plane + row * d->width + column % w->stride * d->run + column / w->stride;
            }
}

/* Where the leftmost tap of pixel 0 looks, and how much further the rightmost one. */
RT_INLINE int64_t T(lowest)(const conv_axis *x) { return x->first + lesser(0, (x->taps - 1) * x->step); }
RT_INLINE int64_t T(span)(const conv_axis *x) { return (x->taps - 1) * (x->step < 0 ? -x->step : x->step); }

/* Columns of the copy that have the same remainder by the step of pixels. */
RT_INLINE int64_t T(run_length)(const conv_axis *x) { return x->grid + T(span)(x) / x->stride; }

static bool T(prefers_direct)(const T(rt_gemm) *g, const T(patches) *x, const T(groups) *groups) {
    const conv_axis *h = &x->at.h, *w = &x->at.w;
    int64_t lost = g->m * (round_up(w->grid, VL) - w->grid), taps = h->taps * w->taps;
    int64_t cache = rt_cache_bytes(RT_CACHE_L2) / 2 / (int64_t)sizeof(REAL);
    bool fits = g->k / taps * T(run_length)(w) * w->stride * (3 * h->stride + 1 + T(span)(h)) <= cache;
    if (!fits)
        return false;
    bool depthwise = groups->count > 1 && (g->m == 1 || g->k == taps); /* a product per channel is no way */
    return depthwise || (taps > 1 && lost <= T(PATCH_COST) *w->grid);
}

static int T(direct_run)(const T(rt_gemm) *g, const T(patches) *x, const conv_grid *to, const T(groups) *groups) {
    const conv_axis *h = &x->at.h, *w = &x->at.w;
    T(direct) d = {.g = g, .x = x, .to = to, .groups = groups, .channels = g->k / (h->taps * w->taps)};
    d.low_h = T(lowest)(h);
    d.low_w = T(lowest)(w);
    d.reach = T(span)(h);
    d.run = T(run_length)(w);
    d.width = d.run * w->stride;
    int64_t planes = g->n / (to->rows * to->cols) * groups->count,
            cache = rt_cache_bytes(RT_CACHE_L2) / 2 / (int64_t)sizeof(REAL);
    int64_t most = (cache / (d.channels * d.width) - d.reach - 1) / h->stride + 1; /* rows whose copy fits */
    d.band_rows = lesser(most, ceil_div(to->rows, ceil_div(T(DIRECT_TASKS), planes)));
    d.bands = ceil_div(to->rows, d.band_rows);
    d.plane = ((d.band_rows - 1) * h->stride + 1 + d.reach) * d.width;
    d.panels = ceil_div(g->m, MR);
    d.height = ceil_div(g->m, d.panels);
    d.panels = ceil_div(g->m, d.height);
    d.offsets = rt_workspace(RT_WORKSPACE_SHARED,
                             (size_t)g->k * (sizeof(int64_t) + (size_t)(g->m * groups->count) * sizeof(REAL)));
    if (!d.offsets)
        return RT_OUT_OF_MEMORY;
    d.weights = (REAL *)(d.offsets + g->k);
    T(find_offsets)(&d);
    grouped_for(groups->count * d.panels, d.height * g->k, T(pack_weights), &d);
    grouped_for(planes * d.bands, d.channels * d.plane + g->m * g->k * d.band_rows * to->cols / VL, T(direct_task), &d);
    return d.status;
}
