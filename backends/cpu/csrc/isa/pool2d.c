/* Maxima and means of windows, plane by plane. */
#include "isa/api/pool2d.h"
#include "isa/conv_geometry.h"
#include "isa/grouped.h"
#include "workspace.h"

static conv_axis pool_rows(const struct rt_pool2d *p) {
    return (conv_axis){p->oh, p->h, p->stride_h, -p->pad_h, p->dilation_h, p->kh};
}

static conv_axis pool_cols(const struct rt_pool2d *p) {
    return (conv_axis){p->ow, p->w, p->stride_w, -p->pad_w, p->dilation_w, p->kw};
}

/* Windows lo .. hi of row `row` that have a pixel under tap (r, s); `from` is the first one's position. */
typedef struct {
    int64_t lo, hi, from;
} pool_tap;

static pool_tap pool_find(const conv_axis *h, const conv_axis *w, int64_t row, int64_t r, int64_t s) {
    pool_tap tap = {0};
    int64_t y = row * h->stride + h->first + r * h->step, offset = w->first + s * w->step;
    if (y < 0 || y >= h->source)
        return tap;
    conv_clip(w, 0, w->grid, offset, &tap.lo, &tap.hi);
    tap.from = y * w->source + tap.lo * w->stride + offset;
    return tap;
}

/* Pixels of window q along one axis, counted with the padding or without. */
static int64_t window_size(int64_t q, int64_t stride, int64_t pad, int64_t taps, int64_t size, bool count_padding) {
    int64_t begin = q * stride - pad, end = begin + taps < size + pad ? begin + taps : size + pad;
    if (!count_padding) {
        begin = begin > 0 ? begin : 0;
        end = end < size ? end : size;
    }
    return end > begin ? end - begin : 0;
}

static int64_t window_divisor(const struct rt_pool2d *p, int64_t row, int64_t col) {
    if (p->divisor)
        return p->divisor;
    return window_size(row, p->stride_h, p->pad_h, p->kh, p->h, p->count_padding) *
           window_size(col, p->stride_w, p->pad_w, p->kw, p->w, p->count_padding);
}

#define RT_REAL_BITS 32
#include "isa/real.h"
#include "isa/lanes.h"
#include "isa/pool2d_template.h"
#undef RT_REAL_BITS
#define RT_REAL_BITS 64
#include "isa/real.h"
#include "isa/lanes.h"
#include "isa/pool2d_template.h"
#undef RT_REAL_BITS

int rt_max_pool2d(int dtype, uintptr_t out, uintptr_t indices, uintptr_t x, const struct rt_pool2d *pool) {
    return RT_BY_REAL(dtype, max_pool, pool, (void *)out, (void *)indices, (void *)x);
}

int rt_max_pool2d_backward(int dtype, uintptr_t out, uintptr_t g, uintptr_t indices, const struct rt_pool2d *pool) {
    return RT_BY_REAL(dtype, max_pool_backward, pool, (void *)out, (void *)indices, (void *)g);
}

int rt_avg_pool2d(int dtype, uintptr_t out, uintptr_t x, const struct rt_pool2d *pool) {
    return RT_BY_REAL(dtype, avg_pool, pool, (void *)out, NULL, (void *)x);
}

int rt_avg_pool2d_backward(int dtype, uintptr_t out, uintptr_t g, const struct rt_pool2d *pool) {
    return RT_BY_REAL(dtype, avg_pool_backward, pool, (void *)out, NULL, (void *)g);
}
