/* Copying strided memory into panels.  Included once per type. */

#undef LOW
#undef HIGH
#if RT_VEC_BYTES * 8 / RT_REAL_BITS == 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif RT_VEC_BYTES * 8 / RT_REAL_BITS == 8
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#elif RT_VEC_BYTES * 8 / RT_REAL_BITS == 4
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#else
#define LOW 0, 2
#define HIGH 1, 3
#endif

/* Rows of a square become columns.  One perfect shuffle rotates the bits of (register, lane) by one. */
RT_INLINE void T(transpose)(V *x) {
    for (int bit = 1; bit < VL; bit *= 2) {
        V y[VL];
#pragma GCC unroll 8
        for (int i = 0; i < VL / 2; i++) {
            y[2 * i] = __builtin_shufflevector(x[i], x[i + VL / 2], LOW);
            y[2 * i + 1] = __builtin_shufflevector(x[i], x[i + VL / 2], HIGH);
        }
#pragma GCC unroll 16
        for (int i = 0; i < VL; i++)
            x[i] = y[i];
    }
}

/* Panel whose numbers lie along the inner dimension: transposes in registers. */
static void T(pack_transposed)(const REAL *src, int64_t stride, int64_t width, int64_t kc, int64_t lanes, REAL *out) {
    int64_t whole = kc / VL * VL;
    for (int64_t p = 0; p < whole; p += VL) {
        /* A store may spill over the panel's right edge into rows below, which are written later: hence
         * the last group first.  Past the panel's end lies a neighbour's memory. */
        for (int64_t i0 = (lanes - 1) / VL * VL; i0 >= 0; i0 -= VL) {
            V x[VL];
#pragma GCC unroll 16
            for (int i = 0; i < VL; i++)
                x[i] = i0 + i < width ? v(load)(src + (i0 + i) * stride + p) : (V){0};
            T(transpose)(x);
#pragma GCC unroll 16
            for (int q = 0; q < VL; q++) {
                int64_t at = (p + q) * lanes + i0;
                if (at + VL <= kc * lanes)
                    v(store)(out + at, x[q]);
                else
                    v(put_head)(out + at, x[q], lanes - i0);
            }
        }
    }
    for (int64_t p = whole; p < kc; p++)
        for (int64_t i = 0; i < lanes; i++)
            out[p * lanes + i] = i < width ? src[i * stride + p] : 0;
}

/* Panel whose numbers lie across it: copies rows. */
static void T(pack_rows)(const REAL *src, int64_t k_stride, int64_t width, int64_t kc, int64_t lanes, REAL *out) {
    if (width == NV * VL && lanes == width) {
        for (int64_t p = 0; p < kc; p++, src += k_stride, out += NV * VL)
#pragma GCC unroll 4
            for (int j = 0; j < NV; j++)
                v(store)(out + j * VL, v(load)(src + j * VL));
        return;
    }
    for (int64_t p = 0; p < kc; p++, src += k_stride, out += lanes) {
        int64_t i = 0;
        for (; i + VL <= width; i += VL)
            v(store)(out + i, v(load)(src + i));
        for (int64_t left = width - i; i < lanes; i += VL, left = 0) /* the rest, then zeros */
            v(put_head)(out + i, v(head)(src + i, left), lesser(lanes - i, VL));
    }
}

static void T(pack_panel)(const T(rt_operand) *x, int64_t i0, int64_t width, int64_t k0, int64_t kc, int64_t lanes,
                          REAL *out) {
    if (x->pack) {
        x->pack(x->ctx, i0, width, k0, kc, lanes, out);
        return;
    }
    const REAL *src = x->data + i0 * x->stride + k0 * x->k_stride;
    if (x->stride == 1)
        T(pack_rows)(src, x->k_stride, width, kc, lanes, out);
    else if (x->k_stride == 1)
        T(pack_transposed)(src, x->stride, width, kc, lanes, out);
    else
        for (int64_t p = 0; p < kc; p++)
            for (int64_t i = 0; i < lanes; i++)
                out[p * lanes + i] = i < width ? src[i * x->stride + p * x->k_stride] : 0;
}
