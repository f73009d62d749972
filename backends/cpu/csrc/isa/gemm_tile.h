/* The innermost kernel: a tile of C in registers.  Included once per type. */

/* What an element of A, in all lanes, does to elements of B, and to a sum.  Lanes that hold several numbers bring
 * their own. */
#if !defined(RT_OWN_PRODUCT)
RT_INLINE V T(spread)(const REAL *p) { return v(set1)(*p); }
RT_INLINE V T(add_product)(V a, V b, V sum) { return v(fma)(a, b, sum); }
#endif

/* The first `lanes` of a vector.  A mask costs nothing where there are mask registers. */
RT_INLINE V T(get_part)(const REAL *p, int64_t lanes) {
#if !defined(RT_ISA_AVX512)
    if (lanes == VL)
        return v(load)(p);
#endif
    return v(load_n)(p, lanes);
}

RT_INLINE void T(put_part)(REAL *p, V x, int64_t lanes) {
#if !defined(RT_ISA_AVX512)
    if (lanes == VL) {
        v(store)(p, x);
        return;
    }
#endif
    v(store_n)(p, x, lanes);
}

/* The lines that hold n numbers. */
RT_INLINE void T(prefetch)(const REAL *p, int64_t n) {
#pragma GCC unroll 4
    for (int64_t i = 0; i < n; i += 64 / (int64_t)sizeof(REAL))
        __builtin_prefetch(p + i);
    __builtin_prefetch(p + n - 1);
}

/* sum += the column of A at a, times the row of B at b. */
RT_INLINE void T(step)(int mr, int nv, const REAL *a, int64_t a_row, int64_t a_step, const REAL *b, int64_t b_step,
                       V sum[MR][NV]) {
    V row[NV];
    __builtin_prefetch(a + 16 * a_step); /* the panels together exceed the first-level cache */
    T(prefetch)(b + 8 * b_step, nv * VL);
#pragma GCC unroll 4
    for (int j = 0; j < nv; j++)
        row[j] = v(load)(b + j * VL);
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++)
            sum[i][j] = T(add_product)(T(spread)(a + i * a_row), row[j], sum[i][j]);
}

/* C[mr][nv * VL] (+)= A B over k steps: element (i, p) of A at a[i * a_row + p * a_step], row p of B at
 * b + p * b_step; the last vector of a row of C has `tail` lanes.  All of mr, nv and where possible a_row
 * are constants after inlining. */
RT_INLINE void T(tile)(int mr, int nv, int64_t k, const REAL *a, int64_t a_row, int64_t a_step, const REAL *b,
                       int64_t b_step, REAL *c, int64_t ldc, int64_t tail, bool accumulate) {
    V sum[MR][NV];
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++)
            sum[i][j] = (V){0};
    /* C is needed last: its lines arrive while the sums run, a row per step, lest they hold up those of A. */
    int64_t p = 0;
    for (; p < lesser(k, mr); p++, a += a_step, b += b_step) {
        T(prefetch)(c + p * ldc, nv * VL);
        T(step)(mr, nv, a, a_row, a_step, b, b_step, sum);
    }
    for (; p < k; p++, a += a_step, b += b_step)
        T(step)(mr, nv, a, a_row, a_step, b, b_step, sum);
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 4
        for (int j = 0; j < nv; j++) {
            REAL *to = c + i * ldc + j * VL;
            int64_t lanes = j == nv - 1 ? tail : VL;
            T(put_part)(to, accumulate ? sum[i][j] + T(get_part)(to, lanes) : sum[i][j], lanes);
        }
}

typedef void (*T(tile_fn))(int64_t k, const REAL *a, int64_t a_row, int64_t a_step, const REAL *b, int64_t b_step,
                           REAL *c, int64_t ldc, int64_t tail, bool accumulate);

/* One function per tile height and width: edges cost what they compute.  `packed` knows A's strides.  RT_ALWAYS_PACKED
 * says that A is never read in place. */
#define PACKED_TILE(mr, nv)                                                                                            \
    static void T(packed_##mr##x##nv)(int64_t k, const REAL *a, int64_t a_row, int64_t a_step, const REAL *b,          \
                                      int64_t b_step, REAL *c, int64_t ldc, int64_t tail, bool accumulate) {           \
        (void)a_row, (void)a_step;                                                                                     \
        T(tile)(mr, nv, k, a, 1, mr, b, b_step, c, ldc, tail, accumulate);                                             \
    }
#define DIRECT_TILE(mr, nv)                                                                                            \
    static void T(direct_##mr##x##nv)(int64_t k, const REAL *a, int64_t a_row, int64_t a_step, const REAL *b,          \
                                      int64_t b_step, REAL *c, int64_t ldc, int64_t tail, bool accumulate) {           \
        T(tile)(mr, nv, k, a, a_row, a_step, b, b_step, c, ldc, tail, accumulate);                                     \
    }
#if MR >= 14
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif MR >= 12
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#else
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif
#define TILE_BOTH(mr) PACKED_TILE(mr, 1) PACKED_TILE(mr, 2)
TILE_ROWS(TILE_BOTH)
#undef TILE_BOTH

/* Indexed by [height - 1][width - 1]. */
static const T(tile_fn) T(packed_tiles)[MR][NV] = {
#define TILE_ENTRY(mr) {T(packed_##mr##x1), T(packed_##mr##x2)},
    TILE_ROWS(TILE_ENTRY)
#undef TILE_ENTRY
};
#if defined(RT_ALWAYS_PACKED)
RT_INLINE T(tile_fn) T(tile_of)(bool packed, int64_t rows, int64_t vectors) {
    (void)packed;
    return T(packed_tiles)[rows - 1][vectors - 1];
}
#else
#define TILE_BOTH(mr) DIRECT_TILE(mr, 1) DIRECT_TILE(mr, 2)
TILE_ROWS(TILE_BOTH)
#undef TILE_BOTH
static const T(tile_fn) T(direct_tiles_of_a)[MR][NV] = {
#define TILE_ENTRY(mr) {T(direct_##mr##x1), T(direct_##mr##x2)},
    TILE_ROWS(TILE_ENTRY)
#undef TILE_ENTRY
};
RT_INLINE T(tile_fn) T(tile_of)(bool packed, int64_t rows, int64_t vectors) {
    return (packed ? T(packed_tiles) : T(direct_tiles_of_a))[rows - 1][vectors - 1];
}
#endif
#undef PACKED_TILE
#undef DIRECT_TILE
#undef TILE_ROWS
