/* Copying strided memory into panels.  Included once per type. */

RT_INLINE V T(read_vector)(const char *p) { return v(load)((const REAL *)p); }

/* Panel whose numbers lie along the inner dimension: transposes in registers what `read` makes of `size` bytes, VL
 * steps at a time.  `stride` is in bytes, too.  Returns how many steps those are; fewer than VL are left. */
RT_INLINE int64_t T(pack_transposed)(V (*read)(const char *), int64_t size, const char *src, int64_t stride,
                                     int64_t width, int64_t kc, int64_t lanes, REAL *out) {
    int64_t p = 0;
    for (; p + VL <= kc; p += VL, src += size) {
        /* A store may spill over the panel's right edge into rows below, which are written later: hence
         * the last group first.  Past the panel's end lies a neighbour's memory. */
        for (int64_t i0 = (lanes - 1) / VL * VL; i0 >= 0; i0 -= VL) {
            V x[VL];
            const char *row = src + i0 * stride;
#pragma GCC unroll 16
            for (int i = 0; i < VL; i++) {
                x[i] = read(row);
                __builtin_prefetch(row + 256);          /* rows are too many for the processor to foresee them all */
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
    return p;
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
    if (x->panel) { /* of a width that suits another instruction set */
        for (int64_t p = 0; p < kc; p++)
            for (int64_t i = 0; i < lanes; i++) {
                int64_t j = i0 + i, at = j / x->panel * x->panel_step + (k0 + p) * x->panel + j % x->panel;
                out[p * lanes + i] = i < width ? x->data[at] : 0;
            }
        return;
    }
    const REAL *src = x->data + i0 * x->stride + k0 * x->k_stride;
    if (x->stride == 1) {
        T(pack_rows)(src, x->k_stride, width, kc, lanes, out);
        return;
    }
    enum { ITEM = sizeof(REAL) };
    int64_t p = 0;
    if (x->k_stride == 1)
        p = T(pack_transposed)(T(read_vector), VL * ITEM, (const char *)src, x->stride * ITEM, width, kc, lanes, out);
    for (; p < kc; p++)
        for (int64_t i = 0; i < lanes; i++)
            out[p * lanes + i] = i < width ? src[i * x->stride + p * x->k_stride] : 0;
}
