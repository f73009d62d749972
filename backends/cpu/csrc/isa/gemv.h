/* Products with few rows: nothing is packed, B is read once, as it lies.  Included once per type. */

/* Rows up to which dot products are quicker than packing B, measured: the more registers the packed product's tile
 * has, the more rows it takes to fill it. */
enum { T(MANY_DOTS) = MR >= 12 ? 32 : 12 };

/* B's columns lie along the inner dimension, like the rows of A: every result is a dot product. */
enum { T(DOT_ROWS) = 4, T(DOT_COLS) = 4 };

RT_INLINE void T(dot_step)(int rows, int cols, int64_t lanes, const REAL *const *a, int64_t p, const REAL *b,
                           int64_t ldb, V sum[T(DOT_ROWS)][T(DOT_COLS)]) {
    V x[T(DOT_ROWS)];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
        x[i] = lanes == VL ? v(load)(a[i] + p) : v(load_n)(a[i] + p, lanes);
#pragma GCC unroll 4
    for (int j = 0; j < cols; j++) {
        V y = lanes == VL ? v(load)(b + j * ldb + p) : v(load_n)(b + j * ldb + p, lanes);
#pragma GCC unroll 4
        for (int i = 0; i < rows; i++)
            sum[i][j] = T(add_product)(x[i], y, sum[i][j]);
    }
}

RT_INLINE void T(dots)(int rows, int cols, int64_t k, const REAL *const *a, const REAL *b, int64_t ldb,
                       REAL out[T(DOT_ROWS)][T(DOT_COLS)]) {
    V sum[T(DOT_ROWS)][T(DOT_COLS)];
#pragma GCC unroll 4
    for (int i = 0; i < T(DOT_ROWS); i++)
#pragma GCC unroll 4
        for (int j = 0; j < T(DOT_COLS); j++)
            sum[i][j] = (V){0};
    int64_t p = 0;
    for (; p + VL <= k; p += VL)
        T(dot_step)(rows, cols, VL, a, p, b, ldb, sum);
    if (p < k)
        T(dot_step)(rows, cols, k - p, a, p, b, ldb, sum);
#pragma GCC unroll 8
    for (int at = 0; at < T(DOT_ROWS) *T(DOT_COLS); at += VL)
        v(store)(&out[0][0] + at, T(totals)(&sum[0][0] + at));
}

/* Two or three rows cost as much as four: the last one is repeated. */
static void T(dot_block)(int64_t rows, int64_t cols, int64_t k, const REAL *a, int64_t lda, const REAL *b, int64_t ldb,
                         REAL out[T(DOT_ROWS)][T(DOT_COLS)]) {
    const REAL *row[T(DOT_ROWS)];
    for (int64_t i = 0; i < T(DOT_ROWS); i++)
        row[i] = a + lesser(i, rows - 1) * lda;
    if (rows == 1 && cols == T(DOT_COLS)) {
        T(dots)(1, T(DOT_COLS), k, row, b, ldb, out);
    } else if (cols == T(DOT_COLS)) {
        T(dots)(T(DOT_ROWS), T(DOT_COLS), k, row, b, ldb, out);
    } else {
        for (int64_t j = 0; j < cols; j++) {
            REAL column[T(DOT_ROWS)][T(DOT_COLS)];
            T(dots)(T(DOT_ROWS), 1, k, row, b + j * ldb, ldb, column);
            for (int64_t i = 0; i < rows; i++)
                out[i][j] = column[i][0];
        }
    }
}

/* A product whose inner dimension is contiguous on both sides.  Tasks are groups of B's columns. */
typedef struct {
    const T(rt_gemm) *g;
    int64_t group;
} T(dot_product);

static void T(dot_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const T(dot_product) *d = ctx;
    const T(rt_gemm) *g = d->g;
    int64_t end = lesser(g->n, (task + 1) * d->group);
    for (int64_t j = task * d->group; j < end; j += T(DOT_COLS)) {
        int64_t cols = lesser(end - j, T(DOT_COLS));
        for (int64_t i = 0; i < g->m; i += T(DOT_ROWS)) {
            int64_t rows = lesser(g->m - i, T(DOT_ROWS));
            REAL out[T(DOT_ROWS)][T(DOT_COLS)];
            T(dot_block)(rows, cols, g->k, g->a.data + i * g->a.stride, g->a.stride, g->b.data + j * g->b.stride,
                         g->b.stride, out);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t s = 0; s < cols; s++) {
                    REAL *c = g->c + (i + r) * g->ldc + j + s, x = out[r][s];
                    if (g->bias)
                        x += g->bias[(i + r) * g->bias_row + (j + s) * g->bias_col];
                    *c = g->accumulate ? *c + x : x;
                }
        }
    }
    int64_t j0 = task * d->group;
    if (g->finish)
        g->finish(g->finish_ctx, 0, g->m, j0, end - j0, g->c + j0, g->ldc);
}

static void T(run_dots)(const T(rt_gemm) *g) {
    T(dot_product) d = {g, round_up(ceil_div(1 << 17, g->m * g->k + 1), T(DOT_COLS))};
    rt_parallel_for(ceil_div(g->n, d.group), T(dot_task), &d);
}

/* B's rows lie across the inner dimension: rows of B, scaled, add up in a row of C. */
enum { T(AXPY_ROWS) = 8, T(AXPY_COLS) = 512 };

RT_INLINE void T(axpy_rows)(int rows, int64_t cols, const REAL *a, int64_t a_step, const REAL *b, int64_t ldb,
                            REAL *c) {
    V scale[T(AXPY_ROWS)];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
        scale[r] = T(spread)(a + r * a_step);
    for (int64_t j = 0; j < cols; j += VL) {
        int64_t left = lesser(cols - j, VL);
        V sum = left == VL ? v(load)(c + j) : v(load_n)(c + j, left);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            const REAL *from = b + r * ldb + j;
            sum = T(add_product)(scale[r], left == VL ? v(load)(from) : v(load_n)(from, left), sum);
        }
        if (left == VL)
            v(store)(c + j, sum);
        else
            v(store_n)(c + j, sum, left);
    }
}

static void T(axpy_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const T(rt_gemm) *g = ctx;
    int64_t j0 = task * T(AXPY_COLS), cols = lesser(g->n - j0, T(AXPY_COLS)), p = 0;
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = j0; j < j0 + cols; j++) {
            REAL *c = g->c + i * g->ldc + j, bias = g->bias ? g->bias[i * g->bias_row + j * g->bias_col] : 0;
            *c = g->accumulate ? *c + bias : bias;
        }
    for (; p < g->k; p += T(AXPY_ROWS))
        for (int64_t i = 0; i < g->m; i++) {
            const REAL *a = g->a.data + i * g->a.stride + p * g->a.k_stride, *b = g->b.data + p * g->b.k_stride + j0;
            REAL *c = g->c + i * g->ldc + j0;
            if (p + T(AXPY_ROWS) <= g->k)
                T(axpy_rows)(T(AXPY_ROWS), cols, a, g->a.k_stride, b, g->b.k_stride, c);
            else
                for (int64_t q = p; q < g->k; q++, a += g->a.k_stride, b += g->b.k_stride)
                    T(axpy_rows)(1, cols, a, 0, b, 0, c);
        }
    if (g->finish)
        g->finish(g->finish_ctx, 0, g->m, j0, cols, g->c + j0, g->ldc);
}

/* B lies in panels and A is one row: the columns of a tile are summed in several phases of the inner dimension, so that
 * eight sums are in flight. */
enum { T(PHASES) = 8 / NV };

RT_INLINE void T(panel_columns)(int64_t k, const REAL *a, int64_t a_step, const REAL *b, int64_t b_step, V sum[NV]) {
    V part[T(PHASES)][NV];
#pragma GCC unroll 8
    for (int i = 0; i < T(PHASES) *NV; i++)
        part[i / NV][i % NV] = (V){0};
    int64_t p = 0;
    for (; p + T(PHASES) <= k; p += T(PHASES), a += T(PHASES) *a_step, b += T(PHASES) *b_step)
#pragma GCC unroll 8
        for (int i = 0; i < T(PHASES) *NV; i++) {
            V x = v(load)(b + i / NV * b_step + i % NV * VL);
            part[i / NV][i % NV] = T(add_product)(T(spread)(a + i / NV * a_step), x, part[i / NV][i % NV]);
        }
    for (; p < k; p++, a += a_step, b += b_step)
#pragma GCC unroll 4
        for (int j = 0; j < NV; j++)
            part[0][j] = T(add_product)(T(spread)(a), v(load)(b + j * VL), part[0][j]);
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) {
        sum[j] = part[0][j];
#pragma GCC unroll 8
        for (int phase = 1; phase < T(PHASES); phase++)
            sum[j] += part[phase][j];
    }
}

typedef struct {
    const T(rt_gemm) *g;
    int64_t columns; /* per task, whole tiles */
} T(panel_product);

static void T(panel_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const T(panel_product) *d = ctx;
    const T(rt_gemm) *g = d->g;
    int64_t j0 = task * d->columns, end = lesser(g->n, j0 + d->columns), panel = g->b.panel;
    for (int64_t j = j0; j < end; j += NR) {
        V sum[NV];
        T(panel_columns)(g->k, g->a.data, g->a.k_stride, g->b.data + j / panel * g->b.panel_step + j % panel, panel,
                         sum);
        for (int64_t i = 0; i < NV && j + i * VL < end; i++) {
            REAL *c = g->c + j + i * VL;
            int64_t n = lesser(VL, end - j - i * VL);
            T(put_part)(c, g->accumulate ? sum[i] + T(get_part)(c, n) : sum[i], n);
        }
    }
    T(complete)(g, 0, 1, j0, end - j0, g->c + j0, g->ldc);
}

static void T(run_panels)(const T(rt_gemm) *g) {
    T(panel_product) d = {g, round_up(ceil_div(1 << 17, g->k + 1), NR)};
    rt_parallel_for(ceil_div(g->n, d.columns), T(panel_task), &d);
}

static int T(run_strided)(const T(rt_gemm) *g) {
    if (g->n == 0 || g->k == 0 || g->a.pack || g->b.pack) /* what is below reads in place */
        return T(rt_gemm_run)(g);
    /* Dot products end with sums across lanes, a fixed cost that transposing B into panels must exceed. */
    bool along_k = g->a.k_stride == 1 && g->b.k_stride == 1, few = g->m <= 4 || (g->m <= T(MANY_DOTS) &&g->k >= 256);
    if (g->b.panel) {
        if (g->m != 1 || g->b.panel % NR)
            return T(rt_gemm_run)(g);
        T(run_panels)(g);
    } else if (along_k && few)
        T(run_dots)(g);
    else if (g->b.stride == 1 && g->m == 1)
        rt_parallel_for(ceil_div(g->n, T(AXPY_COLS)), T(axpy_task), (void *)g);
    else
        return T(rt_gemm_run)(g);
    return RT_OK;
}

int T(rt_gemm_strided)(const T(rt_gemm) *g) {
    if (g->n != 1 || g->ldc != 1 || g->b.panel)
        return T(run_strided)(g);
    T(rt_gemm) t = *g; /* a matrix times a vector: the same as the vector times the transpose */
    t.m = 1, t.n = g->m;
    t.a = g->b, t.b = g->a;
    t.ldc = t.n;
    t.bias_row = g->bias_col, t.bias_col = g->bias_row;
    t.finish = NULL;
    int status = T(run_strided)(&t);
    if (g->finish && !status)
        g->finish(g->finish_ctx, 0, g->m, 0, 1, g->c, 1);
    return status;
}
