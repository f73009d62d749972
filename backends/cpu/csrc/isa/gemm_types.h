/* The records of one matrix product; included by gemm.h, once per type. */
#include "isa/real.h"

/* Writes out[p * lanes + i] = X(i0 + i, k0 + p) for i < width, 0 for width <= i < lanes, all p < kc;
 * i counts the rows of A or the columns of B. */
typedef void (*T(rt_pack))(const void *ctx, int64_t i0, int64_t width, int64_t k0, int64_t kc, int64_t lanes,
                           REAL *out);

typedef struct {
    const REAL *data;
    int64_t stride, k_stride; /* from row to row of A or column to column of B; along the inner dimension */
    T(rt_pack) pack;          /* NULL: the strided memory above */
    const void *ctx;
    /* 0, or the width of the panels that B was packed in beforehand: number (p, j) at
     * data[j / panel * panel_step + p * panel + j % panel], the last panel padded; the strides are 1 and `panel`. */
    int64_t panel, panel_step;
} T(rt_operand);

typedef struct {
    int64_t m, n, k;
    T(rt_operand) a, b;
    REAL *c;
    int64_t ldc;
    bool accumulate;
    const REAL *bias; /* NULL, or added once: bias[i * bias_row + j * bias_col] */
    int64_t bias_row, bias_col;
    /* NULL, or where the columns lie in a row of C: offsets of columns j0 .. j0+count, ascending. */
    void (*columns)(const void *ctx, int64_t j0, int64_t count, int64_t *offsets);
    const void *columns_ctx;
    /* NULL, or called once for every number of C when it is complete: rows i0 .. i0+rows, columns j0 .. j0+cols
     * lie at c. */
    void (*finish)(const void *ctx, int64_t i0, int64_t rows, int64_t j0, int64_t cols, REAL *c, int64_t ldc);
    const void *finish_ctx;
} T(rt_gemm);

/* Run one product, on all threads unless already inside a task. */
int T(rt_gemm_run)(const T(rt_gemm) *g);

/* Strided products without further wishes: picks matrix-vector routines where they are faster. */
int T(rt_gemm_strided)(const T(rt_gemm) *g);
