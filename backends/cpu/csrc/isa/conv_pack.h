/* Panels of patches, cut out of the images on the fly.  Included once per type. */

typedef struct {
    conv_patches at;
    const REAL *data; /* the group's first channel of the first image */
} T(patches);

/* The index along channels x taps x taps of a patch, counted up without divisions. */
typedef struct {
    int64_t channel, tap_h, tap_w;
} T(patch_index);

RT_INLINE T(patch_index) T(split_index)(const conv_patches *at, int64_t k) {
    int64_t taps = at->h.taps * at->w.taps;
    return (T(patch_index)){k / taps, k % taps / at->w.taps, k % at->w.taps};
}

RT_INLINE void T(next_index)(const conv_patches *at, T(patch_index) *k) {
    if (++k->tap_w < at->w.taps)
        return;
    k->tap_w = 0;
    if (++k->tap_h < at->h.taps)
        return;
    k->tap_h = 0;
    k->channel++;
}

/* Address and existing part of what a run of pixels sees through one tap of one channel. */
typedef struct {
    const REAL *from;
    int64_t lo, hi;
} T(sight);

RT_INLINE T(sight) T(look)(const T(patches) *x, const conv_run *run, const T(patch_index) *k) {
    const conv_axis *h = &x->at.h, *w = &x->at.w;
    int64_t row = run->row * h->stride + h->first + k->tap_h * h->step, offset = w->first + k->tap_w * w->step;
    T(sight) s = {x->data, 0, 0};
    if (row < 0 || row >= h->source)
        return s;
    conv_clip(w, run->col, run->count, offset, &s.lo, &s.hi);
    s.from +=
        run->image * x->at.image_stride + (k->channel * h->source + row) * w->source + run->col * w->stride + offset;
    return s;
}

/* Columns are pixels, the inner dimension is the patch: forward and input gradient.  What a run sees through a tap
 * is the same in every channel but for the address, so channels are the innermost loop. */
static void T(pack_pixels)(const void *ctx, int64_t j0, int64_t width, int64_t k0, int64_t kc, int64_t lanes,
                           REAL *out) {
    const T(patches) *x = ctx;
    int64_t taps = x->at.h.taps * x->at.w.taps, stride = x->at.w.stride, plane = x->at.h.source * x->at.w.source;
    for (int64_t done = 0; done < width;) {
        conv_run run = conv_first_run(j0 + done, width - done, x->at.h.grid, x->at.w.grid);
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t channel = k0 > tap ? ceil_div(k0 - tap, taps) : 0, first = channel * taps + tap - k0;
            T(patch_index) k = {channel, tap / x->at.w.taps, tap % x->at.w.taps};
            T(sight) s = T(look)(x, &run, &k);
            for (int64_t t = 0; t < run.count; t += VL) {
                int64_t count = lesser(run.count - t, VL), hi = lesser(s.hi - t, VL), lo = s.lo > t ? s.lo - t : 0;
                const REAL *from = s.from + t * stride;
                hi = hi > 0 ? hi : 0;
                lo = lesser(lo, hi);
                for (int64_t p = first; p < kc; p += taps, from += plane)
                    v(store_n)(out + p * lanes + done + t, T(see)(from, stride, lo, hi), count);
            }
        }
        done += run.count;
    }
    for (int64_t p = 0; p < kc && width < lanes; p++)
        v(store_n)(out + p * lanes + width, (V){0}, lanes - width);
}

/* Columns are places in the patch, the inner dimension is pixels: weight gradient. */
static void T(pack_taps)(const void *ctx, int64_t j0, int64_t width, int64_t k0, int64_t kc, int64_t lanes, REAL *out) {
    const T(patches) *x = ctx;
    for (int64_t i0 = 0; i0 < lanes; i0 += VL) {
        T(patch_index) index[VL];
        index[0] = T(split_index)(&x->at, j0 + i0);
        for (int64_t i = 1; i < VL; i++) {
            index[i] = index[i - 1];
            T(next_index)(&x->at, &index[i]);
        }
        for (int64_t done = 0; done < kc;) {
            conv_run run = conv_first_run(k0 + done, lesser(VL, kc - done), x->at.h.grid, x->at.w.grid);
            V block[VL];
            for (int64_t i = 0; i < VL; i++) {
                block[i] = (V){0};
                if (i0 + i < width) {
                    T(sight) s = T(look)(x, &run, &index[i]);
                    block[i] = T(see)(s.from, x->at.w.stride, s.lo, s.hi);
                }
            }
            T(transpose)(block);
            for (int64_t t = 0; t < run.count; t++)
                v(store)(out + (done + t) * lanes + i0, block[t]);
            done += run.count;
        }
    }
}

/* Rows are channels of g, the inner dimension is its pixels, image after image. */
typedef struct {
    const REAL *data;
    int64_t pixels, image_stride;
} T(channels);

static void T(pack_channels)(const void *ctx, int64_t i0, int64_t width, int64_t k0, int64_t kc, int64_t lanes,
                             REAL *out) {
    const T(channels) *g = ctx;
    for (int64_t done = 0; done < kc;) {
        int64_t image = (k0 + done) / g->pixels, pixel = (k0 + done) % g->pixels;
        int64_t count = lesser(kc - done, g->pixels - pixel), p = 0;
        const REAL *from = g->data + image * g->image_stride + i0 * g->pixels + pixel;
        for (; p < count; p += VL) {
            int64_t left = lesser(VL, count - p);
            for (int64_t i = 0; i < width; i += VL) {
                V block[VL];
                for (int64_t r = 0; r < VL; r++)
                    block[r] = i + r < width ? v(load_n)(from + (i + r) * g->pixels + p, left) : (V){0};
                T(transpose)(block);
                for (int64_t t = 0; t < left; t++)
                    v(store_n)(out + (done + p + t) * lanes + i, block[t], lesser(VL, lanes - i));
            }
        }
        done += count;
    }
}

/* Rows are channels of the input, the inner dimension is (output channel, tap, tap): every `step`-th tap. */
typedef struct {
    const REAL *data;
    int64_t channels, kh, kw;
    int64_t first_h, step_h, taps_h, first_w, step_w, taps_w;
} T(flipped);

static void T(pack_flipped)(const void *ctx, int64_t i0, int64_t width, int64_t k0, int64_t kc, int64_t lanes,
                            REAL *out) {
    const T(flipped) *f = ctx;
    int64_t taps = f->taps_h * f->taps_w;
    for (int64_t p = 0; p < kc; p++) {
        int64_t o = (k0 + p) / taps, h = (k0 + p) % taps / f->taps_w, w = (k0 + p) % f->taps_w;
        const REAL *from = f->data + ((o * f->channels + i0) * f->kh + f->first_h + h * f->step_h) * f->kw +
                           f->first_w + w * f->step_w;
        for (int64_t i = 0; i < lanes; i++)
            out[p * lanes + i] = i < width ? from[i * f->kh * f->kw] : 0;
    }
}
