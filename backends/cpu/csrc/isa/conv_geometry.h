/* Which pixels of which images take part in a product; knows no element type. */
#pragma once
#include "isa/target.h"
#include <stdbool.h>

/* One axis of a convolution: pixel q of the grid meets pixel q * stride + first + tap * step of the source. */
typedef struct {
    int64_t grid, source, stride, first, step, taps;
} conv_axis;

/* Patches of a batch of images: one per pixel of the grid, of `channels` x taps x taps numbers. */
typedef struct {
    conv_axis h, w;
    int64_t image_stride; /* elements from image to image; a channel has h.source * w.source */
} conv_patches;

/* Where the pixels of a grid lie in a batch of images. */
typedef struct {
    int64_t rows, cols;
    int64_t image_stride, row_stride, col_stride;
} conv_grid;

/* A run of neighbouring pixels in one row of the grid. */
typedef struct {
    int64_t image, row, col, count;
} conv_run;

/* The first run of pixels begin .. begin+limit, where pixels are numbered image by image, row by row. */
RT_INLINE conv_run conv_first_run(int64_t begin, int64_t limit, int64_t rows, int64_t cols) {
    int64_t line = begin / cols, col = begin % cols;
    int64_t left = cols - col;
    return (conv_run){line / rows, line % rows, col, left < limit ? left : limit};
}

/* The part [lo, hi) of `count` grid pixels from `col` on whose partner at `offset` exists in the source. */
RT_INLINE void conv_clip(const conv_axis *axis, int64_t col, int64_t count, int64_t offset, int64_t *lo, int64_t *hi) {
    int64_t first = col * axis->stride + offset, room = axis->source - first; /* from the first pixel's partner */
    if (axis->stride == 1) {                                                  /* the usual case needs no division */
        *lo = first >= 0 ? 0 : -first;
        *hi = room > 0 ? room : 0;
    } else {
        *lo = first >= 0 ? 0 : (-first + axis->stride - 1) / axis->stride;
        *hi = room > 0 ? (room - 1) / axis->stride + 1 : 0;
    }
    *hi = *hi < count ? *hi : count;
    *lo = *lo < *hi ? *lo : *hi;
}

static inline void conv_columns(const void *ctx, int64_t j0, int64_t count, int64_t *offsets) {
    const conv_grid *g = ctx;
    for (int64_t done = 0; done < count;) {
        conv_run run = conv_first_run(j0 + done, count - done, g->rows, g->cols);
        int64_t at = run.image * g->image_stride + run.row * g->row_stride + run.col * g->col_stride;
        for (int64_t i = 0; i < run.count; i++)
            offsets[done++] = at + i * g->col_stride;
    }
}
