/* Forward: a task is a block of queries of one head.  Included once per type. */

/* What a query knows after some keys: the largest score and the sum of exponentials relative to it. */
typedef struct {
    REAL largest;
    double sum;
} T(normalizer);

/* Turn a row of scores, times `scale`, into probabilities (still to be divided by the sum) and rescale what was
 * summed before. */
static void T(absorb_row)(T(normalizer) *z, REAL *s, REAL scale, int64_t seen, int64_t count, REAL *out,
                          int64_t width) {
    REAL best = T(row_max)(seen, s) * scale, before = z->largest;
    REAL largest = best > before || best != best ? best : before;
    memset(s + seen, 0, (size_t)(count - seen) * sizeof *s);
    if (largest == -(REAL)INFINITY) { /* nothing visible so far */
        memset(s, 0, (size_t)seen * sizeof *s);
        return;
    }
    REAL shrink = (REAL)exp((double)before - (double)largest);
    z->sum = z->sum * (double)shrink + T(attention_exp)(seen, s, scale, largest);
    z->largest = largest;
    if (shrink != 1)
        T(attention_scale)(width, out, shrink);
}

static int T(attend)(const T(attention_job) *job, int64_t batch, int64_t head, int64_t i0, int64_t rows, REAL *scores) {
    const struct rt_attention *a = job->a;
    const REAL *q = job->q + at_head(a->q, batch, head) + i0 * a->q[2], *k = job->k + at_head(a->k, batch, head);
    const REAL *value = job->v + at_head(a->v, batch, head),
               *mask = job->mask ? job->mask + at_head(a->mask, batch, head) : NULL;
    int64_t first = (batch * a->heads + head) * a->queries + i0, width = a->value_width;
    REAL *out = job->out + first * width;
    T(normalizer) z[QUERY_BLOCK];
    for (int64_t r = 0; r < rows; r++)
        z[r] = (T(normalizer)){-(REAL)INFINITY, 0};
    memset(out, 0, (size_t)(rows * width) * sizeof *out);
    int64_t keys = visible_keys(a, i0 + rows - 1, 0, a->keys);
    for (int64_t j0 = 0; j0 < keys; j0 += KEY_BLOCK) {
        int64_t count = lesser(KEY_BLOCK, keys - j0);
        int status = T(attention_product)(rows, count, a->width, q, a->q[2], a->q[3], k + j0 * a->k[2], a->k[3],
                                          a->k[2], scores, KEY_BLOCK, false);
        if (status)
            return status;
        for (int64_t r = 0; r < rows; r++) {
            int64_t seen = visible_keys(a, i0 + r, j0, count);
            REAL *s = scores + r * KEY_BLOCK;
            REAL scale = T(finish_scores)(job, mask, i0 + r, j0, seen, s);
            T(absorb_row)(&z[r], s, scale, seen, count, out + r * width, width);
        }
        status = T(attention_product)(rows, width, count, scores, KEY_BLOCK, 1, value + j0 * a->v[2], a->v[2], a->v[3],
                                      out, width, true);
        if (status)
            return status;
    }
    for (int64_t r = 0; r < rows; r++) {
        bool blind = z[r].largest == -(REAL)INFINITY;
        T(attention_scale)(width, out + r * width, blind ? 0 : (REAL)(1 / z[r].sum));
        job->lse[first + r] = blind ? -(REAL)INFINITY : (REAL)((double)z[r].largest + log(z[r].sum));
    }
    return RT_OK;
}

static void T(attention_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    T(attention_job) *job = ctx;
    int64_t block = query_block(job->a), blocks = ceil_div(job->a->queries, block), head = task / blocks;
    int64_t i0 = (blocks - 1 - task % blocks) * block; /* with a causal mask the last ones are the longest */
    REAL *scores = rt_workspace(RT_WORKSPACE_TASK, QUERY_BLOCK * KEY_BLOCK * sizeof *scores);
    int status = RT_OUT_OF_MEMORY;
    if (scores)
        status =
            T(attend)(job, head / job->a->heads, head % job->a->heads, i0, lesser(block, job->a->queries - i0), scores);
    if (status)
        job->status = status;
}

static int T(attention_forward)(const struct rt_attention *a, REAL *out, REAL *lse, const REAL *q, const REAL *k,
                                const REAL *value, const REAL *mask) {
    T(attention_job) job = {.a = a, .out = out, .lse = lse, .q = q, .k = k, .v = value, .mask = mask};
    rt_parallel_for(a->batch * a->heads * ceil_div(a->queries, query_block(a)), T(attention_task), &job);
    return job.status;
}
