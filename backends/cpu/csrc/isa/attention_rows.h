/* One row of a block of scores.  Included once per type. */

typedef struct {
    const struct rt_attention *a;
    REAL *out, *lse;    /* forward */
    REAL *dq, *dk, *dv; /* backward */
    const REAL *g, *q, *k, *v, *mask, *known_out, *known_lse;
    _Atomic int status;
} T(attention_job);

ROW_EACH(attention_scale, (int64_t n, REAL *s, REAL scale), PUT(s, AT(s) * scale))
ROW_EACH(attention_add_mask, (int64_t n, REAL *s, const REAL *mask), PUT(s, AT(s) + AT(mask)))

/* exp(scale s - shift) replaces the scores s; returns the sum. */
ROW_SUM(attention_exp, (int64_t n, REAL *scores, REAL scale, REAL shift), ({
            V e = v_exp(v(fma)(AT(scores), v(set1)(scale), v(set1)(-shift)));
            PUT(scores, e);
            e;
        }))

ROW_SUM(attention_dot, (int64_t n, const REAL *x, const REAL *y), AT(x) * AT(y))

/* The scores' gradient replaces that of the probabilities p. */
ROW_EACH(attention_score_gradient, (int64_t n, REAL *d, const REAL *p, REAL mean, REAL scale),
         PUT(d, AT(p) * (AT(d) - mean) * scale))

/* Scores of query i against n keys from j0 on.  Without a mask they stay as they are, and the scale that is left for
 * the exponentials to apply is returned: that saves a pass over them. */
static REAL T(finish_scores)(const T(attention_job) *job, const REAL *mask, int64_t i, int64_t j0, int64_t n, REAL *s) {
    REAL scale = (REAL)job->a->scale;
    if (!mask && scale > 0) /* so that the largest score stays the largest */
        return scale;
    T(attention_scale)(n, s, scale);
    if (!mask)
        return 1;
    const int64_t *stride = job->a->mask;
    mask += i * stride[2] + j0 * stride[3];
    if (stride[3] == 1)
        T(attention_add_mask)(n, s, mask);
    else
        for (int64_t j = 0; j < n; j++)
            s[j] += mask[j * stride[3]];
    return 1;
}

/* c (+)= a b for strided operands. */
static int T(attention_product)(int64_t m, int64_t n, int64_t k, const REAL *a, int64_t a_row, int64_t a_col,
                                const REAL *b, int64_t b_row, int64_t b_col, REAL *c, int64_t ldc, bool accumulate) {
    T(rt_gemm) g = {
        .m = m,
        .n = n,
        .k = k,
        .a = {.data = a, .stride = a_row, .k_stride = a_col},
        .b = {.data = b, .stride = b_col, .k_stride = b_row},
        .c = c,
        .ldc = ldc,
        .accumulate = accumulate,
    };
    return T(rt_gemm_run)(&g);
}
