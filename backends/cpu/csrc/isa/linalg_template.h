/* The product in a type that the fast core knows; included by linalg.c once per type. */

static int T(product)(const product *p) {
    T(rt_gemm) g = {
        .m = p->m,
        .n = p->n,
        .k = p->k,
        .a = {.data = (const REAL *)p->a, .stride = p->a_row, .k_stride = p->a_col},
        .b = {.data = (const REAL *)p->b, .stride = p->b_col, .k_stride = p->b_row},
        .c = (REAL *)p->c,
        .ldc = p->n,
        .bias = (const REAL *)p->bias,
        .bias_col = 1,
    };
    return T(rt_gemm_strided)(&g);
}
