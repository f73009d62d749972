/* The innermost kernel: a tile of C in registers.  Included once per type. */

/* C[mr][nv * VL] (+)= A B over k steps: element (i, p) of A at a[i * a_row + p * a_step], row p of B at
 * b + p * b_step.  All of mr, nv and where possible a_row are constants after inlining. */
RT_INLINE void T(tile)(int mr, int nv, int64_t k, const REAL *a, int64_t a_row, int64_t a_step, const REAL *b,
                       int64_t b_step, REAL *c, int64_t ldc, bool accumulate) {
    V sum[MR][NV];
    /* C is needed last: its lines, a page apart in a large matrix, arrive while the sums run. */
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++) {
            __builtin_prefetch(c + i * ldc + j * VL, 1);
            sum[i][j] = (V){0};
        }
    for (int64_t p = 0; p < k; p++, a += a_step, b += b_step) {
        V row[NV];
        __builtin_prefetch(a + 16 * a_step); /* the panels together exceed the first-level cache */
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++) {
            row[j] = v(load)(b + j * VL);
            __builtin_prefetch(b + 8 * b_step + j * VL);
        }
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++)
#pragma GCC unroll 4
            for (int j = 0; j < nv; j++)
                sum[i][j] = v(fma)(v(set1)(a[i * a_row]), row[j], sum[i][j]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++) {
            REAL *to = c + i * ldc + j * VL;
            v(store)(to, accumulate ? sum[i][j] + v(load)(to) : sum[i][j]);
        }
}

typedef void (*T(tile_fn))(int64_t k, const REAL *a, int64_t a_row, int64_t a_step, const REAL *b, int64_t b_step,
                           REAL *c, int64_t ldc, bool accumulate);

/* One function per tile height and width: edges cost what they compute.  `packed` knows A's strides. */
#define TILE(mr, nv)                                                                                               \
    static void T(packed_##mr##x##nv)(int64_t k, const REAL *a, int64_t a_row, int64_t a_step, const REAL *b,      \
                                      int64_t b_step, REAL *c, int64_t ldc, bool accumulate) {                     \
        (void)a_row, (void)a_step;                                                                                 \
        T(tile)(mr, nv, k, a, 1, mr, b, b_step, c, ldc, accumulate);                                               \
    }                                                                                                              \
    static void T(direct_##mr##x##nv)(int64_t k, const REAL *a, int64_t a_row, int64_t a_step, const REAL *b,      \
                                      int64_t b_step, REAL *c, int64_t ldc, bool accumulate) {                     \
        T(tile)(mr, nv, k, a, a_row, a_step, b, b_step, c, ldc, accumulate);                                       \
    }
#if MR >= 14
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif MR >= 12
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#else
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif
#define TILE_BOTH(mr) TILE(mr, 1) TILE(mr, 2)
TILE_ROWS(TILE_BOTH)
#undef TILE_BOTH
#undef TILE

/* Indexed by [A is packed][height - 1][width - 1]. */
static const T(tile_fn) T(tiles)[2][MR][NV] = {
#define TILE_ENTRY(mr) {T(direct_##mr##x1), T(direct_##mr##x2)},
    {TILE_ROWS(TILE_ENTRY)},
#undef TILE_ENTRY
#define TILE_ENTRY(mr) {T(packed_##mr##x1), T(packed_##mr##x2)},
    {TILE_ROWS(TILE_ENTRY)},
#undef TILE_ENTRY
};
#undef TILE_ROWS
