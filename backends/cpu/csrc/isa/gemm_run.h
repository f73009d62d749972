/* Blocking, packing and threads around the tile.  Included once per type.
 *
 * The caches hold what the analytical model of BLIS asks for (Low et al., "Analytical modeling is enough for
 * high-performance BLIS", TOMS 2016), with the roles of A and B exchanged because C lies in rows:
 *
 *     steps of KC of the inner dimension     a panel of A, MR x KC, stays in the first-level cache
 *       strips of columns                    a packed strip of B, KC x strip, stays in the second-level cache
 *         panels of rows                     packed when their turn comes
 *           tiles                            neighbours in a row of C, so that its pages are walked once
 *
 * A thread packs what it multiplies.  To share packed panels costs more than to pack them twice: a line that
 * another core has just written arrives some five times slower than it is packed. */
enum {
    T(MAX_STRIP) = 32,        /* panels */
    T(LEAST_STRIP) = 256,     /* columns for which A is packed, at the expense of KC */
    T(THREAD_WORK) = 1 << 18, /* multiplications that are worth another thread */
    T(CHUNK_WORK) = 1 << 17,  /* and those worth a claim */
    T(SPLIT_STEP) = 384,      /* of the inner dimension, half of the least share */
    T(SPLIT_WORK) = 1 << 20,
    T(PACK_GRAIN) = 1 << 13, /* numbers that are worth a task of packing */
    T(ADD_GRAIN) = 1 << 15,  /* and one of adding */
    T(FEW_USES) = 4,         /* of a panel of A, for which it is not packed */
    T(SHARED_ROWS) = 7,      /* of A that find room in one place of the first-level cache */
};

/* One step of the inner dimension.  C is cut into `row_parts` x `strips` homes; a thread works on one home until it
 * is done, in chunks of panels of A, and helps the others when no home is left. */
typedef struct {
    _Atomic int64_t next;
    char own_line[56];
} T(home);

typedef struct {
    const T(rt_gemm) *g;
    int64_t k0, kc;
    bool first, last;                              /* C holds nothing yet; C is complete afterwards */
    bool direct_a, direct_b;                       /* read in place instead of packed */
    int64_t height, a_panels, b_panels;            /* rows of a panel of A; counts */
    int64_t row_parts, part, strips, strip, chunk; /* panels of A per part and per chunk, of B per strip */
    REAL *packed_a;                                /* all of A; NULL: panel by panel, by each thread */
    T(home) *homes;
    _Atomic int64_t opened;
    _Atomic int status;
} T(block);

/* Neighbouring columns of a panel that are neighbours in C, too. */
typedef struct {
    int64_t column, offset, count;
} T(run);

/* Where a panel's columns lie in a row of C. */
typedef struct {
    T(run) runs[NR];
    int64_t run_count, count;
} T(target);

static void T(find_columns)(const T(rt_gemm) *g, int64_t j0, int64_t count, T(target) *t) {
    t->count = count;
    t->run_count = 1;
    t->runs[0] = (T(run)){0, j0, count};
    if (!g->columns)
        return;
    int64_t offsets[NR];
    g->columns(g->columns_ctx, j0, count, offsets);
    t->runs[0] = (T(run)){0, offsets[0], 1};
    for (int64_t j = 1; j < count; j++)
        if (offsets[j] == offsets[j - 1] + 1)
            t->runs[t->run_count - 1].count++;
        else
            t->runs[t->run_count++] = (T(run)){j, offsets[j], 1};
}

RT_INLINE void T(copy_numbers)(REAL *to, const REAL *from, int64_t n) {
    if (n == 1) {
        *to = *from;
        return;
    }
    for (int64_t i = 0; i < n; i += VL)
        v(store_n)(to + i, v(load_n)(from + i, lesser(n - i, VL)), lesser(n - i, VL));
}

static void T(add_bias)(const T(rt_gemm) *g, int64_t i0, int64_t rows, int64_t j0, int64_t cols, REAL *c, int64_t ldc) {
    if (g->bias_col > 1) {
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++)
                c[i * ldc + j] += g->bias[(i0 + i) * g->bias_row + (j0 + j) * g->bias_col];
        return;
    }
    for (int64_t i = 0; i < rows; i++, c += ldc)
        for (int64_t j = 0; j < cols; j += VL) {
            const REAL *bias = g->bias + (i0 + i) * g->bias_row + (j0 + j) * g->bias_col;
            int64_t n = lesser(cols - j, VL);
            V x = g->bias_col ? T(get_part)(bias, n) : v(set1)(*bias);
            T(put_part)(c + j, T(get_part)(c + j, n) + x, n);
        }
}

/* Rows i0 .. and columns j0 .. of C, at c, hold their whole sums. */
static void T(complete)(const T(rt_gemm) *g, int64_t i0, int64_t rows, int64_t j0, int64_t cols, REAL *c, int64_t ldc) {
    if (g->bias)
        T(add_bias)(g, i0, rows, j0, cols, c, ldc);
    if (g->finish)
        g->finish(g->finish_ctx, i0, rows, j0, cols, c, ldc);
}

/* A thread's place of work: one strip of B and one panel of A. */
typedef struct {
    REAL *packed_b, *packed_a;
    int64_t j0, panels; /* first column, count */
    T(target) targets[T(MAX_STRIP)];
} T(bench);

/* Tile through a buffer: its columns are scattered. */
static void T(scattered_tile)(const T(block) *b, T(tile_fn) tile, const REAL *pa, const REAL *pb, int64_t ldb,
                              int64_t i0, int64_t rows, int64_t j0, const T(target) *t) {
    const T(rt_gemm) *g = b->g;
    REAL buffer[MR * NR] __attribute__((aligned(64)));
    REAL *c = g->c + i0 * g->ldc;
    if (!b->first)
        for (const T(run) *run = t->runs; run < t->runs + t->run_count; run++)
            for (int64_t i = 0; i < rows; i++)
                T(copy_numbers)(buffer + i * NR + run->column, c + i * g->ldc + run->offset, run->count);
    tile(b->kc, pa, g->a.stride, g->a.k_stride, pb, ldb, buffer, NR, (t->count - 1) % VL + 1, !b->first);
    if (b->last)
        T(complete)(g, i0, rows, j0, t->count, buffer, NR);
    for (const T(run) *run = t->runs; run < t->runs + t->run_count; run++)
        for (int64_t i = 0; i < rows; i++)
            T(copy_numbers)(c + i * g->ldc + run->offset, buffer + i * NR + run->column, run->count);
}

static void T(compute_tile)(const T(block) *b, const REAL *pa, int64_t i, int64_t rows, const T(bench) *w,
                            int64_t panel) {
    const T(rt_gemm) *g = b->g;
    const T(target) *t = &w->targets[panel];
    int64_t j = w->j0 + panel * NR, nv = ceil_div(t->count, VL), ldb = nv * VL;
    const REAL *pb = w->packed_b + panel * NR * b->kc;
    if (b->direct_b && (t->count == nv * VL || g->b.panel)) {
        ldb = g->b.k_stride;
        pb = g->b.data + b->k0 * ldb + (g->b.panel ? j / g->b.panel * g->b.panel_step + j % g->b.panel : j);
    }
    T(tile_fn) tile = T(tile_of)(!b->direct_a, rows, nv);
    if (t->run_count > 1) {
        T(scattered_tile)(b, tile, pa, pb, ldb, i, rows, j, t);
        return;
    }
    REAL *c = g->c + i * g->ldc + t->runs[0].offset;
    tile(b->kc, pa, g->a.stride, g->a.k_stride, pb, ldb, c, g->ldc, t->count - (nv - 1) * VL, !b->first);
    if (b->last)
        T(complete)(g, i, rows, j, t->count, c, g->ldc);
}

static void T(pack_a_panel)(const T(block) *b, int64_t panel, REAL *out) {
    int64_t row = panel * b->height, rows = lesser(b->g->m - row, b->height);
    T(pack_panel)(&b->g->a, row, rows, b->k0, b->kc, rows, out);
}

static void T(pack_a_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const T(block) *b = ctx;
    int64_t group = ceil_div(T(PACK_GRAIN), b->height * b->kc), end = lesser(b->a_panels, (task + 1) * group);
    for (int64_t panel = task * group; panel < end; panel++)
        T(pack_a_panel)(b, panel, b->packed_a + panel * b->height * b->kc);
}

/* Where rows of B are contiguous a few rows are copied to all panels in turn: long stretches of memory instead of a
 * short one per page.  What is read in place needs no copy, but for columns that do not fill a vector. */
static void T(pack_strip)(const T(block) *b, const T(bench) *w) {
    int64_t step = b->g->b.stride == 1 && !b->g->b.pack ? 8 : b->kc, panel = 0;
    if (b->direct_b)
        panel = w->targets[w->panels - 1].count % VL && !b->g->b.panel ? w->panels - 1 : w->panels;
    for (int64_t begin = panel, p = 0; p < b->kc; p += step)
        for (panel = begin; panel < w->panels; panel++) {
            int64_t cols = w->targets[panel].count, lanes = round_up(cols, VL);
            T(pack_panel)(&b->g->b, w->j0 + panel * NR, cols, b->k0 + p, lesser(step, b->kc - p), lanes,
                          w->packed_b + panel * NR * b->kc + p * lanes);
        }
}

static void T(compute_panel)(const T(block) *b, const T(bench) *w, int64_t panel) {
    const T(rt_gemm) *g = b->g;
    int64_t i = panel * b->height, rows = lesser(g->m - i, b->height);
    const REAL *pa = w->packed_a;
    if (b->direct_a)
        pa = g->a.data + i * g->a.stride + b->k0 * g->a.k_stride;
    else if (b->packed_a)
        pa = b->packed_a + i * b->kc;
    else
        T(pack_a_panel)(b, panel, w->packed_a);
    for (int64_t j = 0; j < w->panels; j++)
        T(compute_tile)(b, pa, i, rows, w, j);
}

/* Chunks of one home until none is left; the strip is packed if there is one. */
static void T(work_on)(T(block) *b, int64_t home) {
    int64_t first = home / b->strips * b->part, end = lesser(b->a_panels, first + b->part);
    int64_t begin = first + atomic_fetch_add(&b->homes[home].next, b->chunk);
    if (begin >= end)
        return;
    T(bench) w; /* large: not to be cleared */
    w.j0 = home % b->strips * b->strip * NR;
    w.panels = lesser(b->strip, b->b_panels - home % b->strips * b->strip);
    int64_t room = round_up(w.panels * NR * b->kc, VL * 4);
    w.packed_b = rt_workspace(RT_WORKSPACE_PACK, (size_t)(room + b->height * b->kc) * sizeof(REAL));
    if (!w.packed_b) {
        b->status = RT_OUT_OF_MEMORY;
        return;
    }
    w.packed_a = w.packed_b + room;
    for (int64_t j = 0; j < w.panels; j++)
        T(find_columns)(b->g, w.j0 + j * NR, lesser(b->g->n - w.j0 - j * NR, NR), &w.targets[j]);
    T(pack_strip)(b, &w);
    for (; begin < end; begin = first + atomic_fetch_add(&b->homes[home].next, b->chunk))
        for (int64_t panel = begin; panel < lesser(end, begin + b->chunk); panel++)
            T(compute_panel)(b, &w, panel);
}

static void T(home_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    T(block) *b = ctx;
    int64_t homes = b->row_parts * b->strips;
    bool last = atomic_fetch_add(&b->opened, 1) >= homes - rt_num_threads();
    T(work_on)(b, task);
    for (int64_t other = 1; other < homes && last && b->opened == homes; other++)
        T(work_on)(b, (task + other) % homes);
}

/* Rows of A that are pages apart share one place of the first-level cache, which has room for eight lines: with
 * seven rows, for one of B. */
static bool T(shares_a_place)(const T(rt_operand) *a) {
    return !a->pack && a->k_stride == 1 && a->stride * (int64_t)sizeof(REAL) % 4096 == 0;
}

/* Rows of a panel of A.  Few rows keep too few sums in flight to hide the latency of one: better equal shares than a
 * low rest. */
static int64_t T(panel_height)(const T(rt_gemm) *g) {
    int64_t most = T(shares_a_place)(&g->a) && g->n <= T(FEW_USES) *NR ? lesser(MR, T(SHARED_ROWS)) : MR;
    return g->m % most * NV < 8 ? ceil_div(g->m, ceil_div(g->m, most)) : most;
}

/* Packing pays once a panel is used often, or if reading in place would thrash the cache. */
static bool T(reads_a_in_place)(const T(block) *b, int64_t uses) {
    const T(rt_operand) *a = &b->g->a;
    int64_t stride = a->k_stride == 1 ? a->stride : a->k_stride, bytes = stride * (int64_t)sizeof(REAL);
    bool thrashes = bytes % 2048 == 0 || stride > 1024;
    if (a->pack)
        return false;
    if (a->k_stride != 1)
        return uses <= (thrashes ? bytes % 4096 == 0 && MR > T(SHARED_ROWS) ? 0 : 2 : 8);
    return !thrashes || (uses <= T(FEW_USES) &&(b->height <= T(SHARED_ROWS) || !T(shares_a_place)(a)));
}

/* Rows of B stream well, until they are used often.  Those that are a multiple of half a page apart share so few
 * places in the caches that the second panel of A finds none of them there. */
static bool T(reads_b_in_place)(const T(rt_operand) *b, int64_t uses) {
    if (b->panel)
        return b->panel % NR == 0;
    bool thrashes = b->k_stride * (int64_t)sizeof(REAL) % 2048 == 0;
    return b->stride == 1 && !b->pack && uses <= (thrashes ? 2 : 40);
}

/* Cut C for `threads` threads: the split of its two dimensions that packs least.  In units of half a cycle per step
 * of the inner dimension: a tile takes height * NV, packing one number 1.  Among splits of nearly the same cost that
 * into the most parts of rows: where threads share the rows of C, each one's processor fetches ahead the lines that
 * the other writes (512 x 64 x 512: 1.15). */
static void T(cut)(T(block) *b, int64_t threads, int64_t most) {
    int64_t best = INT64_MAX / 2;
    for (int64_t rows = 1; rows <= lesser(threads, b->a_panels); rows++) {
        int64_t part = ceil_div(b->a_panels, rows), width = ceil_div(b->b_panels, threads / rows);
        int64_t strips = ceil_div(width, most),
                cost = part * width * b->height * NV + width * NR + part * b->height * strips;
        if (cost >= best + best / 25)
            continue;
        best = lesser(best, cost);
        b->part = part;
        b->strip = ceil_div(width, strips);
    }
    b->row_parts = ceil_div(b->a_panels, b->part);
    b->strips = ceil_div(b->b_panels, b->strip);
}

static void T(plan)(T(block) *b) {
    const T(rt_gemm) *g = b->g;
    b->height = T(panel_height)(g);
    b->a_panels = ceil_div(g->m, b->height);
    b->b_panels = ceil_div(g->n, NR);
    int64_t work = g->m * g->n * b->kc, threads = lesser(rt_num_threads(), work / T(THREAD_WORK));
    int64_t most = rt_cache_bytes(RT_CACHE_L2) / 2 / (b->kc * NR * (int64_t)sizeof(REAL));
    T(cut)(b, threads > 1 ? threads : 1, most < 4 ? 4 : lesser(most, T(MAX_STRIP)));
    int64_t worth = T(CHUNK_WORK) / (b->height * b->strip * NR * b->kc) + 1, quarter = ceil_div(b->part, 4);
    b->chunk = threads <= 1 ? b->part : quarter > worth ? quarter : worth;
    b->direct_a = T(reads_a_in_place)(b, b->strip);
    b->direct_b = T(reads_b_in_place)(&g->b, b->part);
}

static int T(run_block)(T(block) *b) {
    int64_t homes = b->row_parts * b->strips;
    /* Panels of A are packed once per strip, by all threads together if strips are many or packing is work. */
    bool shared = !b->direct_a && (b->g->a.pack ? b->strips > 1 : b->strips > 4 * rt_num_threads());
    size_t size_a = shared ? (size_t)(b->g->m * b->kc) * sizeof(REAL) : 0;
    b->homes = rt_workspace(RT_WORKSPACE_SHARED, (size_t)homes * sizeof *b->homes + size_a);
    if (!b->homes)
        return RT_OUT_OF_MEMORY;
    for (int64_t home = 0; home < homes; home++)
        b->homes[home].next = 0;
    b->opened = 0;
    b->packed_a = shared ? (REAL *)(b->homes + homes) : NULL;
    if (shared)
        rt_parallel_for(ceil_div(b->a_panels, ceil_div(T(PACK_GRAIN), b->height * b->kc)), T(pack_a_task), b);
    rt_parallel_for(homes, T(home_task), b);
    return b->status;
}

static int T(run_range)(const T(rt_gemm) *g, int64_t k_begin, int64_t k_end) {
    int64_t k = k_end - k_begin, most = rt_cache_bytes(RT_CACHE_L1) * 7 / 8 / (MR * (int64_t)sizeof(REAL));
    int64_t strip = rt_cache_bytes(RT_CACHE_L2) / 2 / (T(LEAST_STRIP) *(int64_t)sizeof(REAL));
    most = lesser(lesser(most, strip), 512);
    int64_t kc = round_up(ceil_div(k, ceil_div(k, most)), VL); /* equal shares */
    T(block) b = {.g = g, .kc = lesser(k, kc)};
    T(plan)(&b);
    int status = RT_OK;
    for (b.k0 = k_begin; b.k0 < k_end && !status; b.k0 += kc) {
        b.kc = lesser(k_end - b.k0, kc);
        b.first = b.k0 == k_begin && !g->accumulate;
        b.last = b.k0 + b.kc == k_end;
        status = T(run_block)(&b);
    }
    return status;
}

/* No inner dimension: C is the bias, or zero, or unchanged. */
static int T(run_empty)(const T(rt_gemm) *g) {
    for (int64_t j = 0; j < g->n; j++) {
        int64_t at = j;
        if (g->columns)
            g->columns(g->columns_ctx, j, 1, &at);
        for (int64_t i = 0; i < g->m; i++) {
            REAL *c = g->c + i * g->ldc + at, bias = g->bias ? g->bias[i * g->bias_row + j * g->bias_col] : 0;
            *c = g->accumulate ? *c + bias : bias;
            if (g->finish)
                g->finish(g->finish_ctx, i, 1, j, 1, c, g->ldc);
        }
    }
    return RT_OK;
}

/* With few tiles and a long inner dimension, as in weight gradients, ranges of it are the tasks: each
 * sums into its own copy of C.  Their number depends on sizes only, so that results do not on threads. */
static int64_t T(splits)(const T(rt_gemm) *g) {
    int64_t area = round_up(g->m, MR) * round_up(g->n, NR);
    if (g->columns || area * T(SPLIT_STEP) > 16 * T(SPLIT_WORK))
        return 1;
    return lesser(lesser(16, g->k / (2 * T(SPLIT_STEP))), area * g->k / (2 * T(SPLIT_WORK)));
}

typedef struct {
    const T(rt_gemm) *g;
    int64_t share, count, rows; /* of the inner dimension; of such shares; that a task adds */
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
    part.finish = NULL;
    int64_t end = lesser(part.k, (task + 1) * s->share);
    int status = T(run_range)(&part, task * s->share, end);
    if (status)
        s->status = status;
}

static void T(add_splits)(void *ctx, int64_t task, int thread) {
    (void)thread;
    const T(split) *s = ctx;
    const T(rt_gemm) *g = s->g;
    int64_t begin = task * s->rows, end = lesser(g->m, begin + s->rows);
    for (int64_t i = begin; i < end; i++)
        for (int64_t j = 0; j < g->n; j += VL) {
            REAL *to = g->c + i * g->ldc + j;
            int64_t lanes = lesser(g->n - j, VL);
            V sum = g->accumulate ? T(get_part)(to, lanes) : v(set1)(0);
            for (int64_t part = 0; part < s->count; part++)
                sum = sum + T(get_part)(s->sums + (part * g->m + i) * g->n + j, lanes);
            T(put_part)(to, sum, lanes);
        }
    T(complete)(g, begin, end - begin, 0, g->n, g->c + begin * g->ldc, g->ldc);
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
    s.rows = ceil_div(T(ADD_GRAIN), splits * g->n);
    s.count = splits;
    rt_parallel_for(ceil_div(g->m, s.rows), T(add_splits), &s);
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
