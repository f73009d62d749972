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
}

int T(rt_gemm_strided)(const T(rt_gemm) *g) {
    T(rt_gemm) t = *g;
    if (t.n == 1 && t.ldc == 1) { /* a matrix times a vector: the same as the vector times the transpose */
        t.m = 1, t.n = g->m;
        t.a = g->b, t.b = g->a;
        t.ldc = t.n;
        t.bias_row = g->bias_col, t.bias_col = g->bias_row;
    }
    /* Dot products end with sums across lanes, a fixed cost that transposing B into panels must exceed. */
    bool along_k = t.a.k_stride == 1 && t.b.k_stride == 1, few = t.m <= 4 || (t.m <= T(MANY_DOTS) &&t.k >= 256);
    if (t.n == 0 || t.k == 0)
        return T(rt_gemm_run)(&t);
    if (along_k && few)
        T(run_dots)(&t);
    else if (t.b.stride == 1 && t.m == 1)
        rt_parallel_for(ceil_div(t.n, T(AXPY_COLS)), T(axpy_task), &t);
    else
        return T(rt_gemm_run)(&t);
    return RT_OK;
}
