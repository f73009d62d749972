/* Layer and batch normalisation for one float type.  Sums are taken in double, the variance in a
 * second pass over the data, which is then in cache. */

ROW_SUM(norm_sum, (int64_t n, const REAL *x), AT(x))
ROW_SUM(norm_squares, (int64_t n, const REAL *x, V mean), ({
            V d = AT(x) - mean;
            d *d;
        }))
ROW_EACH(normalize_affine, (int64_t n, REAL *y, const REAL *x, V mean, V rstd, const REAL *w, const REAL *b),
         PUT(y, (AT(x) - mean) * rstd * (w ? AT(w) : v(set1)(1)) + (b ? AT(b) : v(set1)(0))))

static void T(layer_norm_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const norm_job *j = ctx;
    int64_t n = j->n;
    for (int64_t r = task * j->per_task; r < j->rows && r < (task + 1) * j->per_task; r++) {
        const REAL *x = (const REAL *)j->x + r * n;
        REAL mean = (REAL)(T(norm_sum)(n, x) / (double)n);
        REAL rstd = (REAL)(1 / sqrt(T(norm_squares)(n, x, v(set1)(mean)) / (double)n + j->eps));
        ((REAL *)j->mean)[r] = mean;
        ((REAL *)j->rstd)[r] = rstd;
        T(normalize_affine)(n, (REAL *)j->y + r * n, x, v(set1)(mean), v(set1)(rstd), (const REAL *)j->weight,
                            (const REAL *)j->bias);
    }
}

/* With h = (x - mean) rstd and a = g w:  dx = rstd (a - mean(a) - h mean(a h)). */
ROW_SUM(sum_gw, (int64_t n, const REAL *g, const REAL *w), AT(g) * (w ? AT(w) : v(set1)(1)))
ROW_SUM(sum_gwh, (int64_t n, const REAL *g, const REAL *w, const REAL *x, V mean, V rstd),
        AT(g) * (w ? AT(w) : v(set1)(1)) * ((AT(x) - mean) * rstd))
ROW_EACH(layer_norm_dx,
         (int64_t n, REAL *dx, const REAL *g, const REAL *w, const REAL *x, V mean, V rstd, V mean_a, V mean_ah), {
             V h = (AT(x) - mean) * rstd;
             PUT(dx, rstd * (AT(g) * (w ? AT(w) : v(set1)(1)) - mean_a - h * mean_ah));
         })
ROW_EACH(add_dw_db, (int64_t n, REAL *dw, REAL *db, const REAL *g, const REAL *x, V mean, V rstd), {
    PUT(dw, AT(dw) + AT(g) * ((AT(x) - mean) * rstd));
    PUT(db, AT(db) + AT(g));
})
ROW_EACH(add_row, (int64_t n, REAL *y, const REAL *x), PUT(y, AT(y) + AT(x)))

/* Each task sums dw and db of its rows in its own place; the places are added afterwards. */
static void T(layer_norm_backward_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const norm_job *j = ctx;
    int64_t n = j->n;
    REAL *dw = (REAL *)j->partial + task * 2 * n, *db = dw + n;
    memset(dw, 0, (size_t)(2 * n) * sizeof(REAL));
    for (int64_t r = task * j->per_task; r < j->rows && r < (task + 1) * j->per_task; r++) {
        const REAL *g = (const REAL *)j->g + r * n, *x = (const REAL *)j->x + r * n, *w = (const REAL *)j->weight;
        V mean = v(set1)(((const REAL *)j->mean)[r]), rstd = v(set1)(((const REAL *)j->rstd)[r]);
        V mean_a = v(set1)((REAL)(T(sum_gw)(n, g, w) / (double)n));
        V mean_ah = v(set1)((REAL)(T(sum_gwh)(n, g, w, x, mean, rstd) / (double)n));
        T(add_dw_db)(n, dw, db, g, x, mean, rstd);
        T(layer_norm_dx)(n, (REAL *)j->y + r * n, g, w, x, mean, rstd, mean_a, mean_ah);
    }
}

static void T(layer_norm_merge)(const norm_job *j, int64_t tasks) {
    REAL *total = (REAL *)j->partial;
    for (int64_t step = 1; step < tasks; step *= 2)
        for (int64_t t = 0; t + step < tasks; t += 2 * step)
            T(add_row)(2 * j->n, total + t * 2 * j->n, total + (t + step) * 2 * j->n);
    memcpy((REAL *)j->dw, total, (size_t)j->n * sizeof(REAL));
    memcpy((REAL *)j->db, total + j->n, (size_t)j->n * sizeof(REAL));
}

ROW_EACH(copy_row, (int64_t n, REAL *y, const REAL *x), PUT(y, AT(x)))
ROW_EACH(scale_shift, (int64_t n, REAL *y, const REAL *x, V mean, V scale, V shift),
         PUT(y, (AT(x) - mean) * scale + shift))
ROW_SUM(sum_g, (int64_t n, const REAL *g), AT(g))
ROW_SUM(sum_g_centred, (int64_t n, const REAL *g, const REAL *x, V mean), AT(g) * (AT(x) - mean))
/* dx = scale (g - mean(g) - h mean(g h)), as slope (x - mean) + scale g + shift. */
ROW_EACH(batch_norm_dx, (int64_t n, REAL *dx, const REAL *g, const REAL *x, V mean, V scale, V slope, V shift),
         PUT(dx, v(fma)(AT(x) - mean, slope, v(fma)(AT(g), scale, shift))))

/* The elements of one channel as some dense rows. */
typedef struct {
    REAL *first;
    int64_t rows, step, n;
} T(channel);

static T(channel) T(channel_of)(const norm_job *j, uintptr_t base, int64_t c) {
    return (T(channel)){(REAL *)base + c * j->spatial, j->batch, j->channels * j->spatial, j->spatial};
}

/* Short rows cost more than what is in them: those of a channel are copied into one. */
static T(channel) T(gathered)(T(channel) c, REAL *memory) {
    for (int64_t b = 0; b < c.rows; b++)
        T(copy_row)(c.n, memory + b * c.n, c.first + b * c.step);
    return (T(channel)){memory, 1, 0, c.rows * c.n};
}

static void T(scatter_channel)(T(channel) c, const REAL *memory) {
    for (int64_t b = 0; b < c.rows; b++)
        T(copy_row)(c.n, c.first + b * c.step, memory + b * c.n);
}

#define EACH_ROW(channel) for (int64_t b = 0; b < (channel).rows; b++)
#define ROW(channel) ((channel).first + b * (channel).step)

static void T(batch_norm_channel)(const norm_job *j, int64_t c, REAL *memory) {
    T(channel) y = T(channel_of)(j, j->y, c), x = T(channel_of)(j, j->x, c), result = y;
    if (memory)
        result = x = T(gathered)(x, memory);
    double sum = 0, squares = 0, count = (double)(j->batch * j->spatial);
    EACH_ROW(x) sum += T(norm_sum)(x.n, ROW(x));
    REAL mean = (REAL)(sum / count);
    EACH_ROW(x) squares += T(norm_squares)(x.n, ROW(x), v(set1)(mean));
    REAL rstd = (REAL)(1 / sqrt(squares / count + j->eps));
    ((REAL *)j->mean)[c] = mean;
    ((REAL *)j->rstd)[c] = rstd;
    V scale = v(set1)(j->weight ? rstd * ((const REAL *)j->weight)[c] : rstd);
    V shift = v(set1)(j->bias ? ((const REAL *)j->bias)[c] : 0);
    EACH_ROW(x) T(scale_shift)(x.n, ROW(result), ROW(x), v(set1)(mean), scale, shift);
    if (memory)
        T(scatter_channel)(y, memory);
}

static void T(batch_norm_backward_channel)(const norm_job *j, int64_t c, REAL *memory) {
    T(channel) dx = T(channel_of)(j, j->y, c), g = T(channel_of)(j, j->g, c), x = T(channel_of)(j, j->x, c),
               result = dx;
    if (memory) {
        result = g = T(gathered)(g, memory);
        x = T(gathered)(x, memory + j->batch * j->spatial);
    }
    REAL r = ((const REAL *)j->rstd)[c];
    V mean = v(set1)(((const REAL *)j->mean)[c]);
    double db = 0, dw = 0, count = (double)(j->batch * j->spatial);
    EACH_ROW(x) {
        db += T(sum_g)(x.n, ROW(g));
        dw += T(sum_g_centred)(x.n, ROW(g), ROW(x), mean);
    }
    dw *= (double)r;
    ((REAL *)j->db)[c] = (REAL)db;
    ((REAL *)j->dw)[c] = (REAL)dw;
    double scale = (double)r * (j->weight ? (double)((const REAL *)j->weight)[c] : 1);
    V slope = v(set1)((REAL)(-scale * (double)r * dw / count)), shift = v(set1)((REAL)(-scale * db / count));
    EACH_ROW(x) T(batch_norm_dx)(x.n, ROW(result), ROW(g), ROW(x), mean, v(set1)((REAL)scale), slope, shift);
    if (memory)
        T(scatter_channel)(dx, memory);
}
#undef EACH_ROW
#undef ROW

/* Memory for the rows of `operands` tensors, if a channel is to be gathered and there is memory. */
static REAL *T(channel_memory)(const norm_job *j, int operands) {
    if (j->spatial >= SHORT_ROW)
        return NULL;
    return rt_workspace(RT_WORKSPACE_TASK, (size_t)(operands * j->batch * j->spatial) * sizeof(REAL));
}

static void T(batch_norm_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const norm_job *j = ctx;
    REAL *memory = T(channel_memory)(j, 1);
    for (int64_t c = task * j->per_task; c < j->channels && c < (task + 1) * j->per_task; c++)
        T(batch_norm_channel)(j, c, memory);
}

static void T(batch_norm_backward_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const norm_job *j = ctx;
    REAL *memory = T(channel_memory)(j, 2);
    for (int64_t c = task * j->per_task; c < j->channels && c < (task + 1) * j->per_task; c++)
        T(batch_norm_backward_channel)(j, c, memory);
}

/* One position per channel (dense features): the same, for a block of channels across the batch. */
static void T(batch_norm_features_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const norm_job *j = ctx;
    int64_t c0 = task * FEATURES, n = j->channels - c0 < FEATURES ? j->channels - c0 : FEATURES;
    const REAL *x = (const REAL *)j->x + c0, *w = (const REAL *)j->weight, *bias = (const REAL *)j->bias;
    REAL *y = (REAL *)j->y + c0, mean[FEATURES], scale[FEATURES], shift[FEATURES];
    double sum[FEATURES] = {0}, squares[FEATURES] = {0};
    for (int64_t b = 0; b < j->batch; b++)
        for (int64_t c = 0; c < n; c++)
            sum[c] += (double)x[b * j->channels + c];
    for (int64_t c = 0; c < n; c++)
        mean[c] = (REAL)(sum[c] / (double)j->batch);
    for (int64_t b = 0; b < j->batch; b++)
        for (int64_t c = 0; c < n; c++) {
            double d = (double)x[b * j->channels + c] - (double)mean[c];
            squares[c] += d * d;
        }
    for (int64_t c = 0; c < n; c++) {
        REAL rstd = (REAL)(1 / sqrt(squares[c] / (double)j->batch + j->eps));
        ((REAL *)j->mean)[c0 + c] = mean[c];
        ((REAL *)j->rstd)[c0 + c] = rstd;
        scale[c] = w ? rstd * w[c0 + c] : rstd;
        shift[c] = bias ? bias[c0 + c] : 0;
    }
    for (int64_t b = 0; b < j->batch; b++)
        for (int64_t c = 0; c < n; c++)
            y[b * j->channels + c] = (x[b * j->channels + c] - mean[c]) * scale[c] + shift[c];
}

static void T(batch_norm_features_backward_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const norm_job *j = ctx;
    int64_t c0 = task * FEATURES, n = j->channels - c0 < FEATURES ? j->channels - c0 : FEATURES;
    const REAL *g = (const REAL *)j->g + c0, *x = (const REAL *)j->x + c0, *w = (const REAL *)j->weight;
    const REAL *mean = (const REAL *)j->mean + c0, *rstd = (const REAL *)j->rstd + c0;
    REAL *dx = (REAL *)j->y + c0, mean_g[FEATURES], mean_gh[FEATURES], scale[FEATURES];
    double dw[FEATURES] = {0}, db[FEATURES] = {0};
    for (int64_t b = 0; b < j->batch; b++)
        for (int64_t c = 0; c < n; c++) {
            int64_t i = b * j->channels + c;
            db[c] += (double)g[i];
            dw[c] += (double)(g[i] * ((x[i] - mean[c]) * rstd[c]));
        }
    for (int64_t c = 0; c < n; c++) {
        ((REAL *)j->dw)[c0 + c] = (REAL)dw[c];
        ((REAL *)j->db)[c0 + c] = (REAL)db[c];
        mean_g[c] = (REAL)(db[c] / (double)j->batch);
        mean_gh[c] = (REAL)(dw[c] / (double)j->batch);
        scale[c] = w ? rstd[c] * w[c0 + c] : rstd[c];
    }
    for (int64_t b = 0; b < j->batch; b++)
        for (int64_t c = 0; c < n; c++) {
            int64_t i = b * j->channels + c;
            dx[i] = scale[c] * (g[i] - mean_g[c] - (x[i] - mean[c]) * rstd[c] * mean_gh[c]);
        }
}

ROW_EACH(affine_row, (int64_t n, REAL *y, const REAL *x, const REAL *w, const REAL *b),
         PUT(y, v(fma)(AT(x), AT(w), AT(b))))
ROW_EACH(affine_plane, (int64_t n, REAL *y, const REAL *x, V w, V b), PUT(y, v(fma)(AT(x), w, b)))

/* A row is a plane, or all channels of a sample where planes are single elements. */
static void T(channel_affine_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const norm_job *j = ctx;
    const REAL *w = (const REAL *)j->weight, *b = (const REAL *)j->bias;
    for (int64_t r = task * j->per_task; r < j->rows && r < (task + 1) * j->per_task; r++) {
        REAL *y = (REAL *)j->y + r * j->n;
        const REAL *x = (const REAL *)j->x + r * j->n;
        int64_t c = r % j->channels;
        if (j->spatial == 1)
            T(affine_row)(j->n, y, x, w, b);
        else
            T(affine_plane)(j->n, y, x, v(set1)(w[c]), v(set1)(b[c]));
    }
}
