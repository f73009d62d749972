/* The product of every time step with the same weights.  Included once per type.
 *
 * Weights are packed once for all steps, in blocks of units that lie as the tile reads them.  A task
 * is a block for some samples: it multiplies, and then finishes its units, so that a step needs one
 * barrier.  Each thread prefers its own blocks, which stay in its second-level cache from step to
 * step, and helps the others when it has none left. */

/* Registers: STEP_ROWS x 4 sums, 4 vectors of weights and one broadcast. */
#undef STEP_ROWS
#if defined(RT_ISA_AVX512) || defined(RT_ISA_NEON)
#define STEP_ROWS 6
#else
#define STEP_ROWS 2
#endif

/* sums[rows][nv * VL] = A B over k steps; B is a packed block. */
RT_INLINE void T(step_tile)(int rows, int nv, int64_t k, const REAL *a, int64_t lda, const REAL *b, REAL *sums) {
    V sum[STEP_ROWS][4];
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++)
            sum[i][j] = (V){0};
    for (int64_t p = 0; p < k; p++, b += nv * VL) {
        V row[4];
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++) {
            row[j] = v(load)(b + j * VL);
            __builtin_prefetch(b + (8 * nv + j) * VL);
        }
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
            for (int j = 0; j < nv; j++)
                sum[i][j] = v(fma)(v(set1)(a[i * lda + p]), row[j], sum[i][j]);
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++)
            v(store)(sums + (i * nv + j) * VL, sum[i][j]);
}

typedef void (*T(step_tile_fn))(int64_t k, const REAL *a, int64_t lda, const REAL *b, REAL *sums);

#define STEP_TILE(rows, nv)                                                                                            \
    static void T(step_tile_##rows##x##nv)(int64_t k, const REAL *a, int64_t lda, const REAL *b, REAL *sums) {         \
        T(step_tile)(rows, nv, k, a, lda, b, sums);                                                                    \
    }
#define STEP_ENTRY(rows, nv) T(step_tile_##rows##x##nv),
#if STEP_ROWS == 6
#define STEP_EACH(X, nv) X(1, nv) X(2, nv) X(3, nv) X(4, nv) X(5, nv) X(6, nv)
#else
#define STEP_EACH(X, nv) X(1, nv) X(2, nv)
#endif
STEP_EACH(STEP_TILE, 1)
STEP_EACH(STEP_TILE, 2)
STEP_EACH(STEP_TILE, 3)
STEP_EACH(STEP_TILE, 4)

/* Indexed by [vectors - 1][rows - 1]. */
static const T(step_tile_fn) T(step_tiles)[4][STEP_ROWS] = {
    {STEP_EACH(STEP_ENTRY, 1)},
    {STEP_EACH(STEP_ENTRY, 2)},
    {STEP_EACH(STEP_ENTRY, 3)},
    {STEP_EACH(STEP_ENTRY, 4)},
};
#undef STEP_EACH
#undef STEP_ENTRY
#undef STEP_TILE

/* Element (p, column) of the weights is at data[p * k_stride + column * stride]; a unit has one column per gate,
 * `units` apart. */
typedef struct {
    const REAL *data;
    int64_t stride, k_stride, k, units, gates;
    REAL *packed;
} T(step_weights);

/* Vectors of a whole block, and the units that they hold: those of one vector, if these have gates. */
RT_INLINE int64_t T(block_vectors)(const T(step_weights) *w) { return w->gates > 1 ? w->gates : 4; }
RT_INLINE int64_t T(block_units)(const T(step_weights) *w) { return w->gates > 1 ? VL : 4 * VL; }
RT_INLINE int64_t T(step_blocks)(const T(step_weights) *w) { return ceil_div(w->units, T(block_units)(w)); }

/* One vector's columns, the first `count` of which exist: out[p * step] holds step p. */
static void T(pack_lanes)(const T(step_weights) *w, const REAL *from, int64_t count, int64_t step, REAL *out) {
    int64_t p = 0;
    if (w->k_stride == 1)
        for (; p + VL <= w->k; p += VL) {
            V x[VL];
#pragma GCC unroll 16
            for (int i = 0; i < VL; i++)
                x[i] = i < count ? v(load)(from + i * w->stride + p) : (V){0};
            T(transpose)(x);
#pragma GCC unroll 16
            for (int q = 0; q < VL; q++)
                v(store)(out + (p + q) * step, x[q]);
        }
    for (; p < w->k; p++)
        if (w->stride == 1)
            v(store)(out + p * step, v(load_n)(from + p * w->k_stride, count));
        else
            for (int64_t i = 0; i < VL; i++)
                out[p * step + i] = i < count ? from[i * w->stride + p * w->k_stride] : 0;
}

static void T(pack_block)(void *ctx, int64_t block, int thread) {
    (void)thread;
    const T(step_weights) *w = ctx;
    int64_t unit = block * T(block_units)(w), units = lesser(w->units - unit, T(block_units)(w));
    int64_t vectors = w->gates > 1 ? w->gates : ceil_div(units, VL);
    REAL *out = w->packed + block * T(block_vectors)(w) * VL * w->k;
    for (int64_t j = 0; j < vectors; j++) {
        int64_t column = w->gates > 1 ? j * w->units + unit : unit + j * VL;
        T(pack_lanes)(w, w->data + column * w->stride, lesser(VL, w->gates > 1 ? units : units - j * VL), vectors * VL,
                      out + j * VL);
    }
}

static int T(pack_weights)(T(step_weights) *w) {
    int64_t blocks = T(step_blocks)(w), size = T(block_vectors)(w) * VL * w->k;
    w->packed = rt_workspace(RT_WORKSPACE_KERNEL, (size_t)(blocks * size) * sizeof(REAL));
    if (!w->packed)
        return RT_OUT_OF_MEMORY;
    grouped_for(blocks, size, T(pack_block), w);
    return RT_OK;
}

/* Do what follows the product for units unit .. unit+count of a sample.  `sums` holds the product, gates VL apart;
 * NULL where there is none. */
typedef void (*T(finish_units))(const void *ctx, int64_t row, int64_t unit, int64_t count, const REAL *sums);

enum { T(STEP_SHARES) = 64, T(STEP_WORK) = 1 << 17 /* multiplications that are worth a task */ };

typedef struct {
    const T(step_weights) *weights;
    T(finish_units) finish;
    const void *ctx;
    const REAL *a;          /* samples by k */
    int64_t products, rows; /* the first samples have a product; all of them are finished */
    int64_t blocks, row_groups, group, shares;
    _Atomic int32_t claimed[T(STEP_SHARES)];
} T(step);

static void T(step_rows)(const T(step) *s, int64_t block, int64_t begin, int64_t end) {
    const T(step_weights) *w = s->weights;
    int64_t unit = block * T(block_units)(w), units = lesser(w->units - unit, T(block_units)(w));
    int64_t nv = w->gates > 1 ? w->gates : ceil_div(units, VL);
    const REAL *b = w->packed + block * T(block_vectors)(w) * VL * w->k;
    REAL sums[STEP_ROWS * 4 * VL] __attribute__((aligned(64)));
    int64_t row = begin, last = lesser(end, s->products), tiles = ceil_div(last - row, STEP_ROWS);
    for (; row < last; tiles--) { /* tiles of about equal height: a low one wastes most of the arithmetic units */
        int64_t height = ceil_div(last - row, tiles);
        T(step_tiles)[nv - 1][height - 1](w->k, s->a + row * w->k, w->k, b, sums);
        for (int64_t i = 0; i < height; i++)
            s->finish(s->ctx, row + i, unit, units, sums + i * nv * VL);
        row += height;
    }
    for (; row < end; row++)
        s->finish(s->ctx, row, unit, units, NULL);
}

/* The next task of a thread's share, or of another one's.  There are as many calls as tasks, so one is found. */
static int64_t T(claim)(T(step) *s, int thread) {
    int64_t tasks = s->blocks * s->row_groups;
    for (int64_t i = 0;; i++) {
        int64_t share = (thread + i) % s->shares, begin = tasks * share / s->shares;
        int64_t task = begin + s->claimed[share]++;
        if (task < tasks * (share + 1) / s->shares)
            return task;
    }
}

static void T(step_task)(void *ctx, int64_t task, int thread) {
    T(step) *s = ctx;
    task = T(claim)(s, thread);
    int64_t begin = task % s->row_groups * s->group;
    T(step_rows)(s, task / s->row_groups, begin, lesser(s->rows, begin + s->group));
}

/* One time step: samples in groups if the blocks alone are too few for the threads. */
static void T(run_step)(T(step) *s, int64_t products) {
    const T(step_weights) *w = s->weights;
    s->products = products;
    s->blocks = T(step_blocks)(w);
    int64_t wanted = lesser(4 * rt_num_threads(), s->rows * w->k * w->units * w->gates / T(STEP_WORK));
    s->row_groups = s->blocks < wanted ? lesser(ceil_div(wanted, s->blocks), ceil_div(s->rows, STEP_ROWS)) : 1;
    s->group = round_up(ceil_div(s->rows, s->row_groups), STEP_ROWS);
    s->row_groups = ceil_div(s->rows, s->group);
    s->shares = lesser(rt_num_threads(), T(STEP_SHARES));
    memset((void *)s->claimed, 0, sizeof s->claimed);
    if (wanted > 1)
        rt_parallel_for(s->blocks * s->row_groups, T(step_task), s);
    else
        for (int64_t block = 0; block < s->blocks; block++)
            T(step_rows)(s, block, 0, s->rows);
}
