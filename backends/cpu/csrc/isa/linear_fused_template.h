/* Activation and residual of complete parts of a product; included by linear_fused.c once per type. */

enum { T(panel_width) = NR };

/* What is added after the activation, laid out as the whole result; NULL for nothing. */
typedef struct {
    const REAL *data;
    int64_t ld;
} T(residual);

RT_INLINE V T(same)(V x) { return x; }
/* As the elementwise op: NaN stays. */
RT_INLINE V T(relu)(V x) { return v(select)(x <= 0, v(set1)(0), x); }

RT_INLINE void T(finish)(V (*act)(V), const T(residual) *r, int64_t i0, int64_t rows, int64_t j0, int64_t cols, REAL *c,
                         int64_t ldc) {
    if (cols == ldc && ldc == r->ld) /* whole rows are one long one */
        cols *= rows, rows = 1;
    for (int64_t i = 0; i < rows; i++, c += ldc) {
        const REAL *more = r->data ? r->data + (i0 + i) * r->ld + j0 : NULL;
        for (int64_t j = 0; j < cols; j += VL) {
            int64_t n = lesser(VL, cols - j);
            V x = act(n == VL ? v(load)(c + j) : v(load_n)(c + j, n));
            if (more)
                x += n == VL ? v(load)(more + j) : v(load_n)(more + j, n);
            if (n == VL)
                v(store)(c + j, x);
            else
                v(store_n)(c + j, x, n);
        }
    }
}

#define FINISH(name, act)                                                                                              \
    static void T(finish_##name)(const void *ctx, int64_t i0, int64_t rows, int64_t j0, int64_t cols, REAL *c,         \
                                 int64_t ldc) {                                                                        \
        T(finish)(act, ctx, i0, rows, j0, cols, c, ldc);                                                               \
    }
FINISH(none, T(same))
FINISH(relu, T(relu))
FINISH(gelu, v(gelu))
FINISH(gelu_tanh, v(gelu_tanh))
FINISH(silu, v(silu))
FINISH(tanh, v(tanh))
FINISH(sigmoid, v(sigmoid))
#undef FINISH

static int T(linear_fused)(uintptr_t out, uintptr_t x, uintptr_t weight, uintptr_t bias, uintptr_t residual, int64_t m,
                           int64_t n, int64_t k, int64_t panel, int activation) {
    static void (*const finishes[RT_ACTIVATION_COUNT])(const void *, int64_t, int64_t, int64_t, int64_t, REAL *,
                                                       int64_t) = {
        [RT_ACT_NONE] = T(finish_none),           [RT_ACT_RELU] = T(finish_relu), [RT_ACT_GELU] = T(finish_gelu),
        [RT_ACT_GELU_TANH] = T(finish_gelu_tanh), [RT_ACT_SILU] = T(finish_silu), [RT_ACT_TANH] = T(finish_tanh),
        [RT_ACT_SIGMOID] = T(finish_sigmoid),
    };
    T(residual) more = {(const REAL *)residual, n};
    bool plain = activation == RT_ACT_NONE && !residual;
    T(rt_gemm) g = {
        .m = m,
        .n = n,
        .k = k,
        .a = {.data = (const REAL *)x, .stride = k, .k_stride = 1},
        .b = {.data = (const REAL *)weight,
              .stride = panel ? 1 : k,
              .k_stride = panel ? panel : 1,
              .panel = panel,
              .panel_step = panel * k},
        .c = (REAL *)out,
        .ldc = n,
        .bias = (const REAL *)bias,
        .bias_col = 1,
        .finish = plain ? NULL : finishes[activation],
        .finish_ctx = &more,
    };
    return T(rt_gemm_strided)(&g);
}
