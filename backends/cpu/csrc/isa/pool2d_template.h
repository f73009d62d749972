/* The four poolings of one plane, row by row and tap by tap, so that a row of windows is one loop.
 * Included once per type. */

typedef struct {
    const struct rt_pool2d *p;
    conv_axis h, w;
    REAL *out;
    int64_t *indices;
    const REAL *in;
    _Atomic int status;
} T(pool_job);

/* Windows t .. t + count of a row: maxima, and where in the plane they are (-1: nowhere). */
typedef struct {
    V best;
    v(mask) offset, none; /* from the window's first tap; lanes that have seen no pixel */
} T(maxima);

/* Comparisons with a NaN are false: one that was found stays, as do the first of equal maxima. */
RT_INLINE void T(meet_tap)(T(maxima) *m, V value, int64_t lo, int64_t hi, int64_t offset) {
    v(mask) take = T(between)(lo, hi) & ((value > m->best) | (value != value) | m->none);
    m->best = v(select)(take, value, m->best);
    m->offset = (take & (v(lane))offset) | (~take & m->offset);
    m->none &= ~take;
}

static void T(max_pool_row)(const T(pool_job) *j, int64_t row, const REAL *x, REAL *best, int64_t *index) {
    const conv_axis *h = &j->h, *w = &j->w;
    int64_t stride = w->stride, top = row * h->stride + h->first;
    for (int64_t t = 0; t < w->grid; t += VL) {
        int64_t count = w->grid - t < VL ? w->grid - t : VL, corner = top * w->source + t * stride + w->first;
        T(maxima) m = {v(set1)(-(REAL)INFINITY), {0}, ~(v(mask)){0}};
        for (int64_t r = 0; r < h->taps; r++) {
            int64_t y = top + r * h->step;
            for (int64_t s = 0; s < w->taps && y >= 0 && y < h->source; s++) {
                int64_t lo, hi, offset = r * h->step * w->source + s * w->step;
                conv_clip(w, t, count, w->first + s * w->step, &lo, &hi);
                T(meet_tap)(&m, T(see)(x + corner + offset, stride, lo, hi), lo, hi, offset);
            }
        }
        v(store_n)(best + t, m.best, count);
        v(lane) offset[VL], none[VL];
        memcpy(offset, &m.offset, sizeof offset);
        memcpy(none, &m.none, sizeof none);
        for (int64_t i = 0; i < count; i++)
            index[t + i] = none[i] ? -1 : corner + i * stride + offset[i];
    }
}

static void T(max_pool_plane)(void *ctx, int64_t plane, int thread) {
    (void)thread;
    const T(pool_job) *j = ctx;
    const struct rt_pool2d *p = j->p;
    const REAL *x = j->in + plane * p->h * p->w;
    for (int64_t row = 0; row < p->oh; row++) {
        int64_t at = (plane * p->oh + row) * p->ow;
        T(max_pool_row)(j, row, x, j->out + at, j->indices + at);
    }
}

static void T(max_pool_backward_plane)(void *ctx, int64_t plane, int thread) {
    (void)thread;
    const T(pool_job) *j = ctx;
    int64_t size = j->p->h * j->p->w, windows = j->p->oh * j->p->ow;
    REAL *out = j->out + plane * size;
    const REAL *g = j->in + plane * windows;
    const int64_t *indices = j->indices + plane * windows;
    memset(out, 0, (size_t)size * sizeof *out);
    for (int64_t i = 0; i < windows; i++)
        if (indices[i] >= 0 && indices[i] < size) /* they came from a caller */
            out[indices[i]] += g[i];
}

static void T(avg_pool_plane)(void *ctx, int64_t plane, int thread) {
    (void)thread;
    const T(pool_job) *j = ctx;
    const struct rt_pool2d *p = j->p;
    const REAL *x = j->in + plane * p->h * p->w;
    REAL *sum = j->out + plane * p->oh * p->ow;
    for (int64_t row = 0; row < p->oh; row++, sum += p->ow) {
        memset(sum, 0, (size_t)p->ow * sizeof *sum);
        for (int64_t r = 0; r < p->kh; r++)
            for (int64_t s = 0; s < p->kw; s++) {
                pool_tap tap = pool_find(&j->h, &j->w, row, r, s);
                for (int64_t i = tap.lo; i < tap.hi; i++)
                    sum[i] += x[tap.from + (i - tap.lo) * p->stride_w];
            }
        for (int64_t i = 0; i < p->ow; i++) {
            int64_t divisor = window_divisor(p, row, i);
            sum[i] = divisor ? sum[i] / (REAL)divisor : 0;
        }
    }
}

static void T(avg_pool_backward_plane)(void *ctx, int64_t plane, int thread) {
    (void)thread;
    T(pool_job) *j = ctx;
    const struct rt_pool2d *p = j->p;
    REAL *out = j->out + plane * p->h * p->w, *share = rt_workspace(RT_WORKSPACE_TASK, (size_t)p->ow * sizeof *share);
    const REAL *g = j->in + plane * p->oh * p->ow;
    if (!share) {
        j->status = RT_OUT_OF_MEMORY;
        return;
    }
    memset(out, 0, (size_t)(p->h * p->w) * sizeof *out);
    for (int64_t row = 0; row < p->oh; row++, g += p->ow) {
        for (int64_t i = 0; i < p->ow; i++) {
            int64_t divisor = window_divisor(p, row, i);
            share[i] = divisor ? g[i] / (REAL)divisor : 0;
        }
        for (int64_t r = 0; r < p->kh; r++)
            for (int64_t s = 0; s < p->kw; s++) {
                pool_tap tap = pool_find(&j->h, &j->w, row, r, s);
                for (int64_t i = tap.lo; i < tap.hi; i++)
                    out[tap.from + (i - tap.lo) * p->stride_w] += share[i];
            }
    }
}

#define POOLING(name)                                                                                                  \
    static int T(name)(const struct rt_pool2d *p, REAL *out, int64_t *indices, const REAL *in) {                       \
        T(pool_job) job = {p, pool_rows(p), pool_cols(p), out, indices, in, RT_OK};                                    \
        grouped_for(p->planes, p->oh * p->ow * p->kh * p->kw + p->h * p->w, T(name##_plane), &job);                    \
        return job.status;                                                                                             \
    }
POOLING(max_pool)
POOLING(max_pool_backward)
POOLING(avg_pool)
POOLING(avg_pool_backward)
#undef POOLING
