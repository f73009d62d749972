/* Copying strided memory into panels.  Included once per type. */

/* Panel whose numbers lie along the inner dimension: transposes in registers. */
static void T(pack_transposed)(const REAL *src, int64_t stride, int64_t width, int64_t kc, int64_t lanes, REAL *out) {
    int64_t whole = kc / VL * VL;
    for (int64_t p = 0; p < whole; p += VL) {
        /* A store may spill over the panel's right edge into rows below, which are written later: hence
         * the last group first.  Past the panel's end lies a neighbour's memory. */
        for (int64_t i0 = (lanes - 1) / VL * VL; i0 >= 0; i0 -= VL) {
            V x[VL];
            const REAL *row = src + i0 * stride + p;
#pragma GCC unroll 16
            for (int i = 0; i < VL; i++) {
                x[i] = v(load)(row);
                row += i0 + i + 1 < width ? stride : 0; /* lanes past the width repeat the last row */
            }
            T(transpose)(x);
            REAL *to = out + p * lanes + i0;
            if ((p + VL - 1) * lanes + i0 + VL <= kc * lanes)
#pragma GCC unroll 16
                for (int q = 0; q < VL; q++, to += lanes)
                    v(store)(to, x[q]);
            else
                for (int q = 0; q < VL; q++, to += lanes)
                    v(store_n)(to, x[q], lanes - i0);
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
        for (int64_t left = width - i; i < lanes; i += VL, left = 0) { /* the rest, then zeros */
            V x = v(load_n)(src + i, left);
            if (p * lanes + i + VL <= kc * lanes) /* may spill over into the next rows, which are written later */
                v(store)(out + i, x);
            else
                v(store_n)(out + i, x, lesser(lanes - i, VL));
        }
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
