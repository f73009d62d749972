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

/* Comparisons with a NaN are false: one that was found stays, as do the first of equal maxima. */
static void T(max_pool_plane)(void *ctx, int64_t plane, int thread) {
    (void)thread;
    const T(pool_job) *j = ctx;
    const struct rt_pool2d *p = j->p;
    const REAL *x = j->in + plane * p->h * p->w;
    REAL *best = j->out + plane * p->oh * p->ow;
    int64_t *index = j->indices + plane * p->oh * p->ow, stride = p->stride_w;
    for (int64_t row = 0; row < p->oh; row++, best += p->ow, index += p->ow) {
        for (int64_t i = 0; i < p->ow; i++)
            best[i] = -(REAL)INFINITY, index[i] = -1;
        for (int64_t r = 0; r < p->kh; r++)
            for (int64_t s = 0; s < p->kw; s++) {
                pool_tap tap = pool_find(&j->h, &j->w, row, r, s);
                for (int64_t i = tap.lo, at = tap.from; i < tap.hi; i++, at += stride) {
                    REAL value = x[at], b = best[i];
                    int64_t k = index[i];
                    bool take = (value > b) | (value != value) | (k < 0);
                    best[i] = take ? value : b;
                    index[i] = take ? at : k;
                }
            }
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
