/* Blocking, packing and threads around the tile.  Included once per type.
 *
 * Loops from outside: blocks of NC columns, KC steps of the inner dimension, MC rows.  Per block all
 * threads pack first, then compute; both phases claim small tasks dynamically. */
enum {
    T(KC) = 384, /* a tile's panels of A and B pass through the first-level cache */
    T(MC) = 256 * MR,
    T(NC) = 128 * NR,
    T(PACK_GRAIN) = 1 << 15, /* numbers that are worth a task of packing */
    T(TASK_WORK) = 1 << 20,  /* multiplications that are worth a task of computing */
};

/* One packed block and the grid of tasks that computes it. */
typedef struct {
    const T(rt_gemm) *g;
    int64_t i0, m, j0, n, k0, kc;
    bool first; /* C holds nothing yet */
    REAL *packed_a, *packed_b;
    bool direct_a, direct_b;           /* read in place instead of packed */
    int64_t a_panels, b_panels;        /* of the block */
    int64_t a_packed, b_packed;        /* the first that is to be packed */
    int64_t pack_group, a_tasks;       /* panels per packing task; tasks that pack A */
    int64_t a_group, b_group, b_tasks; /* panels per computing task; tasks along n */
} T(block);

static void T(pack_a_panel)(const T(block) *b, int64_t panel) {
    int64_t row = panel * MR, rows = lesser(b->m - row, MR);
    T(pack_panel)(&b->g->a, b->i0 + row, rows, b->k0, b->kc, rows, b->packed_a + row * b->kc);
}

/* Panels begin .. end.  Where rows of B are contiguous a few rows are copied to all panels in turn:
 * long stretches of memory instead of a short one per page. */
static void T(pack_b_panels)(const T(block) *b, int64_t begin, int64_t end) {
    int64_t step = b->g->b.stride == 1 && !b->g->b.pack ? 8 : b->kc;
    for (int64_t p = 0; p < b->kc; p += step)
        for (int64_t panel = begin; panel < end; panel++) {
            int64_t col = panel * NR, cols = lesser(b->n - col, NR), lanes = round_up(cols, VL);
            T(pack_panel)(&b->g->b, b->j0 + col, cols, b->k0 + p, lesser(step, b->kc - p), lanes,
                          b->packed_b + col * b->kc + p * lanes);
        }
}

/* Tasks are the groups of A's panels, then those of B's; what is not packed comes first in either. */
static void T(pack_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const T(block) *b = ctx;
    int64_t begin = b->a_packed + task * b->pack_group;
    if (begin < b->a_panels) {
        for (int64_t end = lesser(b->a_panels, begin + b->pack_group); begin < end; begin++)
            T(pack_a_panel)(b, begin);
        return;
    }
    begin = b->b_packed + (task - b->a_tasks) * b->pack_group;
    T(pack_b_panels)(b, begin, lesser(b->b_panels, begin + b->pack_group));
}

/* Neighbouring columns of a panel that are neighbours in C, too. */
typedef struct {
    int64_t column, offset, count;
} T(run);

/* Where a panel's columns lie in a row of C; `whole` if its tiles can be written in place. */
typedef struct {
    T(run) runs[NR];
    int64_t run_count, count;
    bool whole;
} T(target);

static void T(find_columns)(const T(rt_gemm) *g, int64_t j0, int64_t count, T(target) *t) {
    t->count = count;
    t->run_count = 1;
    t->runs[0] = (T(run)){0, j0, count};
    if (g->columns) {
        int64_t offsets[NR];
        g->columns(g->columns_ctx, j0, count, offsets);
        t->runs[0] = (T(run)){0, offsets[0], 1};
        for (int64_t j = 1; j < count; j++)
            if (offsets[j] == offsets[j - 1] + 1)
                t->runs[t->run_count - 1].count++;
            else
                t->runs[t->run_count++] = (T(run)){j, offsets[j], 1};
    }
    t->whole = count % VL == 0 && t->run_count == 1;
}

RT_INLINE void T(copy_numbers)(REAL *to, const REAL *from, int64_t n) {
    if (n == 1) {
        *to = *from;
        return;
    }
    for (int64_t i = 0; i < n; i += VL)
        v(put_head)(to + i, v(head)(from + i, lesser(n - i, VL)), lesser(n - i, VL));
}

static void T(fill_bias)(const T(rt_gemm) *g, int64_t i0, int rows, int64_t j0, int64_t cols, REAL *c, int64_t ldc) {
    for (int i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            c[i * ldc + j] = g->bias[(i0 + i) * g->bias_row + (j0 + j) * g->bias_col];
}

/* Tile through a buffer: its columns are cut off or scattered. */
static void T(edge_tile)(const T(rt_gemm) *g, T(tile_fn) tile, int64_t kc, const REAL *a, const REAL *b, int64_t ldb,
                         int64_t i0, int rows, int64_t j0, const T(target) *t, bool first) {
    REAL buffer[MR * NR] __attribute__((aligned(64)));
    REAL *c = g->c + i0 * g->ldc;
    bool accumulate = !first || g->bias;
    if (accumulate)
        memset(buffer, 0, sizeof buffer);
    if (!first)
        for (const T(run) *run = t->runs; run < t->runs + t->run_count; run++)
            for (int i = 0; i < rows; i++)
                T(copy_numbers)(buffer + i * NR + run->column, c + i * g->ldc + run->offset, run->count);
    else if (g->bias)
        T(fill_bias)(g, i0, rows, j0, t->count, buffer, NR);
    tile(kc, a, g->a.stride, g->a.k_stride, b, ldb, buffer, NR, accumulate);
    for (const T(run) *run = t->runs; run < t->runs + t->run_count; run++)
        for (int i = 0; i < rows; i++)
            T(copy_numbers)(c + i * g->ldc + run->offset, buffer + i * NR + run->column, run->count);
}

static void T(compute_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    T(block) *b = ctx;
    const T(rt_gemm) *g = b->g;
    int64_t i_begin = task / b->b_tasks * b->a_group * MR, i_end = lesser(i_begin + b->a_group * MR, b->m);
    int64_t j_begin = task % b->b_tasks * b->b_group * NR, j_end = lesser(j_begin + b->b_group * NR, b->n);
    bool first = b->first;
    for (int64_t j = j_begin; j < j_end; j += NR) {
        T(target) target;
        T(find_columns)(g, b->j0 + j, lesser(j_end - j, NR), &target);
        int64_t nv = ceil_div(target.count, VL), ldb = nv * VL;
        const REAL *pb = b->packed_b + j * b->kc;
        if (b->direct_b && target.count == NR) {
            ldb = g->b.k_stride;
            pb = g->b.data + b->k0 * ldb + b->j0 + j;
        }
        for (int64_t i = i_begin; i < i_end; i += MR) {
            int rows = (int)lesser(i_end - i, MR);
            const REAL *pa =
                b->direct_a ? g->a.data + (b->i0 + i) * g->a.stride + b->k0 * g->a.k_stride : b->packed_a + i * b->kc;
            T(tile_fn) tile = T(tiles)[!b->direct_a][rows - 1][nv - 1];
            if (!target.whole) {
                T(edge_tile)(g, tile, b->kc, pa, pb, ldb, b->i0 + i, rows, b->j0 + j, &target, first);
                continue;
            }
            REAL *c = g->c + (b->i0 + i) * g->ldc + target.runs[0].offset;
            if (first && g->bias)
                T(fill_bias)(g, b->i0 + i, rows, b->j0 + j, target.count, c, g->ldc);
            tile(b->kc, pa, g->a.stride, g->a.k_stride, pb, ldb, c, g->ldc, !first || g->bias);
        }
    }
}

/* Split the block into tasks: enough for dynamic claiming, each worth its claim. */
static int64_t T(plan_tasks)(T(block) *b) {
    int64_t tiles = b->a_panels * b->b_panels, work = MR * NR * b->kc;
    int64_t wanted = lesser(4 * rt_num_threads(), tiles * work / T(TASK_WORK));
    b->a_group = lesser(b->a_panels, 16); /* rows of A that stay in the second-level cache */
    b->b_group = b->b_panels;
    while (b->b_group > 1 && ceil_div(b->a_panels, b->a_group) * ceil_div(b->b_panels, b->b_group) < wanted)
        b->b_group = ceil_div(b->b_group, 2);
    while (b->a_group > 1 && ceil_div(b->a_panels, b->a_group) * ceil_div(b->b_panels, b->b_group) < wanted)
        b->a_group = ceil_div(b->a_group, 2);
    b->b_tasks = ceil_div(b->b_panels, b->b_group);
    return ceil_div(b->a_panels, b->a_group) * b->b_tasks;
}

static void T(run_block)(T(block) *b, bool pack_b) {
    b->a_panels = ceil_div(b->m, MR);
    b->b_panels = ceil_div(b->n, NR);
    b->a_packed = b->direct_a ? b->a_panels : 0;
    b->b_packed = !pack_b ? b->b_panels : b->direct_b ? b->n / NR : 0;
    b->pack_group = ceil_div(T(PACK_GRAIN), NR * b->kc);
    b->a_tasks = ceil_div(b->a_panels - b->a_packed, b->pack_group);
    rt_parallel_for(b->a_tasks + ceil_div(b->b_panels - b->b_packed, b->pack_group), T(pack_task), b);
    rt_parallel_for(T(plan_tasks)(b), T(compute_task), b);
}

/* Packing pays once a panel is used often enough, or if reading in place would thrash the cache. */
static bool T(reads_in_place)(const T(rt_operand) *x, int64_t uses, int64_t few, int64_t stride) {
    if (x->pack)
        return false;
    bool thrashes = stride * (int64_t)sizeof(REAL) % 2048 == 0 || stride > 1024;
    return uses <= 2 || (uses <= few && !thrashes);
}

static int T(run_range)(const T(rt_gemm) *g, int64_t k_begin, int64_t k_end) {
    int64_t mc = lesser(T(MC), g->m), nc = lesser(T(NC), g->n), k = k_end - k_begin;
    int64_t kc = round_up(ceil_div(k, ceil_div(k, T(KC))), VL); /* equal shares */
    int64_t size_a = round_up(mc * kc, VL * 4);
    REAL *space = rt_workspace(RT_WORKSPACE_PACK, (size_t)(size_a + round_up(nc, VL) * kc) * sizeof(REAL));
    if (!space)
        return RT_OUT_OF_MEMORY;
    T(block) b = {.g = g, .packed_a = space, .packed_b = space + size_a};
    b.direct_a = T(reads_in_place)(&g->a, ceil_div(g->n, NR), 8, g->a.k_stride == 1 ? g->a.stride : g->a.k_stride);
    b.direct_b = g->b.stride == 1 && T(reads_in_place)(&g->b, ceil_div(g->m, MR), 10, g->b.k_stride);
    for (b.j0 = 0; b.j0 < g->n; b.j0 += T(NC)) {
        b.n = lesser(g->n - b.j0, T(NC));
        for (b.k0 = k_begin; b.k0 < k_end; b.k0 += kc) {
            b.kc = lesser(k_end - b.k0, kc);
            b.first = b.k0 == k_begin && !g->accumulate;
            for (b.i0 = 0; b.i0 < g->m; b.i0 += T(MC)) {
                b.m = lesser(g->m - b.i0, T(MC));
                T(run_block)(&b, b.i0 == 0);
            }
        }
    }
    return RT_OK;
}

/* No inner dimension: C is the bias, or zero, or unchanged. */
static int T(run_empty)(const T(rt_gemm) *g) {
    for (int64_t j = 0; j < g->n && !g->accumulate; j++) {
        int64_t at = j;
        if (g->columns)
            g->columns(g->columns_ctx, j, 1, &at);
        for (int64_t i = 0; i < g->m; i++)
            g->c[i * g->ldc + at] = g->bias ? g->bias[i * g->bias_row + j * g->bias_col] : 0;
    }
    return RT_OK;
}

/* With few tiles and a long inner dimension, as in weight gradients, ranges of it are the tasks: each
 * sums into its own copy of C.  Their number depends on sizes only, so that results do not on threads. */
static int64_t T(splits)(const T(rt_gemm) *g) {
    int64_t area = round_up(g->m, MR) * round_up(g->n, NR);
    if (g->columns || area * T(KC) > 16 * T(TASK_WORK))
        return 1;
    return lesser(lesser(16, g->k / (2 * T(KC))), area * g->k / (2 * T(TASK_WORK)));
}

typedef struct {
    const T(rt_gemm) *g;
    int64_t share;
    REAL *sums;
    _Atomic int status;
} T(split);

static void T(split_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    T(split) *s = ctx;
    T(rt_gemm) part = *s->g;
    part.c = s->sums + task * part.m * part.n;
    part.ldc = part.n;
    part.accumulate = false;
    part.bias = NULL;
    int64_t end = lesser(part.k, (task + 1) * s->share);
    int status = T(run_range)(&part, task * s->share, end);
    if (status)
        s->status = status;
}

static int T(run_split)(const T(rt_gemm) *g, int64_t splits) {
    T(split) s = {.g = g, .share = round_up(ceil_div(g->k, splits), VL)};
    splits = ceil_div(g->k, s.share);
    s.sums = rt_workspace(RT_WORKSPACE_PARTIAL, (size_t)(splits * g->m * g->n) * sizeof(REAL));
    if (!s.sums)
        return RT_OUT_OF_MEMORY;
    rt_parallel_for(splits, T(split_task), &s);
    if (s.status)
        return s.status;
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            REAL *c = g->c + i * g->ldc + j, sum = g->bias ? g->bias[i * g->bias_row + j * g->bias_col] : 0;
            for (int64_t part = 0; part < splits; part++)
                sum += s.sums[(part * g->m + i) * g->n + j];
            *c = g->accumulate ? *c + sum : sum;
        }
    return RT_OK;
}

int T(rt_gemm_run)(const T(rt_gemm) *g) {
    if (g->m == 0 || g->n == 0)
        return RT_OK;
    if (g->k == 0)
        return T(run_empty)(g);
    int64_t splits = T(splits)(g);
    return splits > 1 ? T(run_split)(g, splits) : T(run_range)(g, 0, g->k);
}
