/* Backward: a task is one head.  Included once per type.
 *
 *     p = exp(scores - lse)      dv = p^T g      dp = g v^T      ds = p (dp - rowsum(g out)) scale
 *     dq = ds k                  dk = ds^T q                                                          */

/* Probabilities of one block, computed again from the saved denominators; what is not visible is 0. */
static void T(probabilities)(const T(attention_job) *job, const REAL *mask, const REAL *lse, int64_t i0, int64_t rows,
                             int64_t j0, int64_t count, REAL *p) {
    for (int64_t r = 0; r < rows; r++, p += KEY_BLOCK) {
        int64_t seen = lse[r] == -(REAL)INFINITY ? 0 : visible_keys(job->a, i0 + r, j0, count);
        REAL scale = T(finish_scores)(job, mask, i0 + r, j0, seen, p);
        T(attention_exp)(seen, p, scale, lse[r]);
        memset(p + seen, 0, (size_t)(count - seen) * sizeof *p);
    }
}

/* One head's part of the operands: first elements. */
typedef struct {
    const REAL *g, *q, *k, *v, *mask, *out, *lse;
    REAL *dq, *dk, *dv;
    REAL *p, *d; /* scratch: a block of probabilities and of gradients */
} T(head_operands);

static int T(backward_block)(const T(attention_job) *job, const T(head_operands) *h, const REAL *mean, int64_t i0,
                             int64_t rows, int64_t j0, int64_t count) {
    const struct rt_attention *a = job->a;
    const REAL *q = h->q + i0 * a->q[2], *k = h->k + j0 * a->k[2], *value = h->v + j0 * a->v[2],
               *g = h->g + i0 * a->g[2];
    int64_t n = KEY_BLOCK;
    int status = T(attention_product)(rows, count, a->width, q, a->q[2], a->q[3], k, a->k[3], a->k[2], h->p, n, false);
    if (status)
        return status;
    T(probabilities)(job, h->mask, h->lse + i0, i0, rows, j0, count, h->p);
    status = T(attention_product)(count, a->value_width, rows, h->p, 1, n, g, a->g[2], a->g[3],
                                  h->dv + j0 * a->value_width, a->value_width, true);
    if (status)
        return status;
    status =
        T(attention_product)(rows, count, a->value_width, g, a->g[2], a->g[3], value, a->v[3], a->v[2], h->d, n, false);
    if (status)
        return status;
    for (int64_t r = 0; r < rows; r++)
        T(attention_score_gradient)(count, h->d + r * n, h->p + r * n, mean[r], (REAL)a->scale);
    status = T(attention_product)(rows, a->width, count, h->d, n, 1, k, a->k[2], a->k[3], h->dq + i0 * a->width,
                                  a->width, true);
    if (status)
        return status;
    return T(attention_product)(count, a->width, rows, h->d, 1, n, q, a->q[2], a->q[3], h->dk + j0 * a->width, a->width,
                                true);
}

/* Sum of g * out over a row: the mean of dp under the row's probabilities. */
static REAL T(mean_gradient)(const struct rt_attention *a, const REAL *g, const REAL *out) {
    if (a->g[3] == 1 && a->out[3] == 1)
        return (REAL)T(attention_dot)(a->value_width, g, out);
    double sum = 0;
    for (int64_t d = 0; d < a->value_width; d++)
        sum += (double)g[d * a->g[3]] * (double)out[d * a->out[3]];
    return (REAL)sum;
}

static int T(backward_head)(const T(attention_job) *job, const T(head_operands) *h) {
    const struct rt_attention *a = job->a;
    memset(h->dq, 0, (size_t)(a->queries * a->width) * sizeof *h->dq);
    memset(h->dk, 0, (size_t)(a->keys * a->width) * sizeof *h->dk);
    memset(h->dv, 0, (size_t)(a->keys * a->value_width) * sizeof *h->dv);
    for (int64_t i0 = 0; i0 < a->queries; i0 += query_block(a)) {
        int64_t rows = lesser(query_block(a), a->queries - i0), keys = visible_keys(a, i0 + rows - 1, 0, a->keys);
        REAL mean[QUERY_BLOCK];
        for (int64_t r = 0; r < rows; r++)
            mean[r] = T(mean_gradient)(a, h->g + (i0 + r) * a->g[2], h->out + (i0 + r) * a->out[2]);
        for (int64_t j0 = 0; j0 < keys; j0 += KEY_BLOCK) {
            int status = T(backward_block)(job, h, mean, i0, rows, j0, lesser(KEY_BLOCK, keys - j0));
            if (status)
                return status;
        }
    }
    return RT_OK;
}

static void T(attention_backward_task)(void *ctx, int64_t task, int thread) {
    (void)thread;
    T(attention_job) *job = ctx;
    const struct rt_attention *a = job->a;
    int64_t batch = task / a->heads, head = task % a->heads;
    REAL *scratch = rt_workspace(RT_WORKSPACE_TASK, 2 * QUERY_BLOCK * KEY_BLOCK * sizeof *scratch);
    if (!scratch) {
        job->status = RT_OUT_OF_MEMORY;
        return;
    }
    T(head_operands) h = {
        .g = job->g + at_head(a->g, batch, head),
        .q = job->q + at_head(a->q, batch, head),
        .k = job->k + at_head(a->k, batch, head),
        .v = job->v + at_head(a->v, batch, head),
        .mask = job->mask ? job->mask + at_head(a->mask, batch, head) : NULL,
        .out = job->known_out + at_head(a->out, batch, head),
        .lse = job->known_lse + task * a->queries,
        .dq = job->dq + task * a->queries * a->width,
        .dk = job->dk + task * a->keys * a->width,
        .dv = job->dv + task * a->keys * a->value_width,
        .p = scratch,
        .d = scratch + QUERY_BLOCK * KEY_BLOCK,
    };
    int status = T(backward_head)(job, &h);
    if (status)
        job->status = status;
}

static int T(attention_backward)(const struct rt_attention *a, REAL *dq, REAL *dk, REAL *dv, const REAL *g,
                                 const REAL *q, const REAL *k, const REAL *value, const REAL *out, const REAL *lse,
                                 const REAL *mask) {
    T(attention_job) job = {.a = a,
                            .dq = dq,
                            .dk = dk,
                            .dv = dv,
                            .g = g,
                            .q = q,
                            .k = k,
                            .v = value,
                            .mask = mask,
                            .known_out = out,
                            .known_lse = lse};
    rt_parallel_for(a->batch * a->heads, T(attention_backward_task), &job);
    return job.status;
}
