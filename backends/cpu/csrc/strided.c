#include "strided.h"
#include <string.h>

rt_walk rt_walk_make(uintptr_t base, int64_t itemsize, int ndim, const int64_t *shape, const int64_t *strides) {
    rt_walk w;
    w.base = (char *)base;
    w.itemsize = itemsize;
    w.ndim = 0;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] == 1)
            continue;
        int last = w.ndim - 1;
        if (last >= 0 && w.strides[last] == strides[d] * shape[d]) {
            w.shape[last] *= shape[d];
            w.strides[last] = strides[d];
        } else {
            w.shape[w.ndim] = shape[d];
            w.strides[w.ndim++] = strides[d];
        }
    }
    if (w.ndim == 0) {
        w.ndim = 1;
        w.shape[0] = w.strides[0] = 1;
    }
    return w;
}

/* One row between strided and dense memory.  Sizes are fixed so that each move is one instruction, and so are the
 * strides of broadcast, reversed and every second element, so that vectors move. */
#define GATHER_BY(T, step)                                                                               \
    for (int64_t i = 0; i < n; i++)                                                                      \
        ((T *restrict)dst)[i] = ((const T *restrict)src)[i * (step)];                                    \
    return
#define GATHER(T)                                                                                        \
    switch (stride) {                                                                                    \
    case 0: GATHER_BY(T, 0);                                                                             \
    case -1: GATHER_BY(T, -1);                                                                           \
    case 2: GATHER_BY(T, 2);                                                                             \
    default: GATHER_BY(T, stride);                                                                       \
    }
#define SCATTER(T)                                                                                       \
    for (int64_t i = 0; i < n; i++)                                                                      \
        ((T *)dst)[i * stride] = ((const T *)src)[i];                                                    \
    return

typedef struct {
    uint64_t half[2];
} sixteen_bytes;

static void gather_row(char *dst, const char *src, int64_t n, int64_t stride, int64_t itemsize) {
    if (stride == 1) {
        memcpy(dst, src, (size_t)(n * itemsize));
        return;
    }
    switch (itemsize) {
    case 1: GATHER(uint8_t)
    case 2: GATHER(uint16_t)
    case 4: GATHER(uint32_t)
    case 8: GATHER(uint64_t)
    default: GATHER(sixteen_bytes)
    }
}

static void scatter_row(char *dst, const char *src, int64_t n, int64_t stride, int64_t itemsize) {
    if (stride == 1) {
        memcpy(dst, src, (size_t)(n * itemsize));
        return;
    }
    switch (itemsize) {
    case 1: SCATTER(uint8_t);
    case 2: SCATTER(uint16_t);
    case 4: SCATTER(uint32_t);
    case 8: SCATTER(uint64_t);
    default: SCATTER(sixteen_bytes);
    }
}

/* A position in the walk: the index of every dimension and the element offset that it amounts to. */
typedef struct {
    int64_t index[RT_MAX_DIMS];
    int64_t offset;
} position;

static void seek(const rt_walk *w, int64_t start, position *p) {
    p->offset = 0;
    for (int d = w->ndim - 1; d > 0; d--) {
        p->index[d] = start % w->shape[d];
        p->offset += p->index[d] * w->strides[d];
        start /= w->shape[d];
    }
    p->index[0] = start;
    p->offset += start * w->strides[0];
}

char *rt_walk_at(const rt_walk *w, int64_t index) {
    int64_t offset = 0;
    for (int d = w->ndim - 1; d > 0; d--) {
        offset += index % w->shape[d] * w->strides[d];
        index /= w->shape[d];
    }
    return w->base + (offset + index * w->strides[0]) * w->itemsize;
}

/* Advance by `step` elements of the innermost dimension, which ends there at the latest. */
static void advance(const rt_walk *w, position *p, int64_t step) {
    int d = w->ndim - 1;
    p->index[d] += step;
    p->offset += step * w->strides[d];
    for (; d > 0 && p->index[d] == w->shape[d]; d--) {
        p->offset += w->strides[d - 1] - w->shape[d] * w->strides[d];
        p->index[d] = 0;
        p->index[d - 1]++;
    }
}

static void move(const rt_walk *w, int64_t start, int64_t n, char *dense, bool gather) {
    int inner = w->ndim - 1;
    position p;
    seek(w, start, &p);
    while (n > 0) {
        int64_t row = w->shape[inner] - p.index[inner];
        row = row < n ? row : n;
        char *at = w->base + p.offset * w->itemsize;
        if (gather)
            gather_row(dense, at, row, w->strides[inner], w->itemsize);
        else
            scatter_row(at, dense, row, w->strides[inner], w->itemsize);
        advance(w, &p, row);
        dense += row * w->itemsize;
        n -= row;
    }
}

void rt_walk_gather(const rt_walk *w, int64_t start, int64_t n, void *dst) { move(w, start, n, dst, true); }

void rt_walk_scatter(const rt_walk *w, int64_t start, int64_t n, const void *src) {
    move(w, start, n, (char *)src, false);
}

void *rt_walk_direct(const rt_walk *w, int64_t start, int64_t n) {
    int inner = w->ndim - 1;
    if (w->strides[inner] != 1)
        return NULL;
    if (inner == 0)
        return w->base + start * w->itemsize;
    position p;
    seek(w, start, &p);
    return p.index[inner] + n <= w->shape[inner] ? w->base + p.offset * w->itemsize : NULL;
}

const void *rt_walk_read(const rt_walk *w, int64_t start, int64_t n, void *tmp) {
    const void *direct = rt_walk_direct(w, start, n);
    if (direct)
        return direct;
    rt_walk_gather(w, start, n, tmp);
    return tmp;
}

typedef uint32_t four_words __attribute__((vector_size(16)));
typedef uint64_t two_words __attribute__((vector_size(16)));

/* Blocks of a tile whose columns are dense: 4x4 or 2x2 elements, transposed in registers. */
static void transpose_4(const uint32_t *src, int64_t src_step, uint32_t *dst, int64_t dst_step) {
    four_words x[4];
    for (int i = 0; i < 4; i++)
        memcpy(&x[i], src + i * src_step, sizeof x[i]);
    four_words a = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5), b = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
    four_words c = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7), d = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
    x[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    x[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    x[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    x[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
    for (int i = 0; i < 4; i++)
        memcpy(dst + i * dst_step, &x[i], sizeof x[i]);
}

static void transpose_2(const uint64_t *src, int64_t src_step, uint64_t *dst, int64_t dst_step) {
    two_words x, y;
    memcpy(&x, src, sizeof x);
    memcpy(&y, src + src_step, sizeof y);
    two_words a = __builtin_shufflevector(x, y, 0, 2), b = __builtin_shufflevector(x, y, 1, 3);
    memcpy(dst, &a, sizeof a);
    memcpy(dst + dst_step, &b, sizeof b);
}

#define TRANSPOSE_TILE(T, block)                                                                         \
    do {                                                                                                 \
        const T *src = (const T *)t->base;                                                               \
        T *to = dst;                                                                                     \
        int64_t step = t->column_stride, rows = t->rows / block * block, columns = t->columns / block * block; \
        for (int64_t i = 0; i < rows; i += block)                                                        \
            for (int64_t j = 0; j < columns; j += block)                                                 \
                transpose_##block(src + j * step + i, step, to + i * t->columns + j, t->columns);        \
        for (int64_t i = 0; i < t->rows; i++)                                                            \
            for (int64_t j = i < rows ? columns : 0; j < t->columns; j++)                                \
                to[i * t->columns + j] = src[j * step + i];                                              \
        return;                                                                                          \
    } while (0)

void rt_tile_gather(const rt_tile *t, void *dst) {
    if (t->row_stride == 1 && t->column_stride != 1) {
        if (t->itemsize == 4)
            TRANSPOSE_TILE(uint32_t, 4);
        if (t->itemsize == 8)
            TRANSPOSE_TILE(uint64_t, 2);
    }
    for (int64_t i = 0; i < t->rows; i++)
        gather_row((char *)dst + i * t->columns * t->itemsize, t->base + i * t->row_stride * t->itemsize, t->columns,
                   t->column_stride, t->itemsize);
}

void rt_tile_scatter(const rt_tile *t, const void *src) {
    for (int64_t i = 0; i < t->rows; i++)
        scatter_row(t->base + i * t->row_stride * t->itemsize, (const char *)src + i * t->columns * t->itemsize,
                    t->columns, t->column_stride, t->itemsize);
}

static int64_t magnitude(int64_t stride) { return stride < 0 ? -stride : stride; }

void rt_tile_prefetch(const rt_tile *t) {
    bool crosswise = t->row_stride == 1;
    int64_t runs = crosswise ? t->columns : t->rows, length = (crosswise ? t->rows : t->columns) * t->itemsize;
    int64_t step = (crosswise ? t->column_stride : t->row_stride) * t->itemsize;
    for (const char *run = t->base; runs > 0; runs--, run += step)
        for (int64_t i = 0; i < length; i += 64)
            __builtin_prefetch(run + i);
}

static void swap_dims(int i, int j, int64_t *shape, int lists, int64_t *const *strides) {
    int64_t t = shape[i];
    shape[i] = shape[j];
    shape[j] = t;
    for (int k = 0; k < lists; k++) {
        t = strides[k][i];
        strides[k][i] = strides[k][j];
        strides[k][j] = t;
    }
}

void rt_sort_dims(int ndim, int64_t *shape, int lists, int64_t *const *strides) {
    for (int i = 1; i < ndim; i++)
        for (int j = i; j > 0 && magnitude(strides[0][j]) > magnitude(strides[0][j - 1]); j--)
            swap_dims(j, j - 1, shape, lists, strides);
}

void rt_move_dim(int from, int to, int64_t *shape, int lists, int64_t *const *strides) {
    for (int d = from; d < to; d++)
        swap_dims(d, d + 1, shape, lists, strides);
    for (int d = from; d > to; d--)
        swap_dims(d, d - 1, shape, lists, strides);
}

int rt_merge_dims(int ndim, int64_t *shape, int lists, int64_t *const *strides) {
    int kept = 0;
    for (int d = 0; d < ndim; d++) {
        int64_t size = shape[d];
        if (size == 1)
            continue;
        bool even = kept > 0;
        for (int k = 0; k < lists; k++)
            even = even && strides[k][kept - 1] == strides[k][d] * size;
        if (!even)
            shape[kept++] = 1;
        shape[kept - 1] *= size;
        for (int k = 0; k < lists; k++)
            strides[k][kept - 1] = strides[k][d];
    }
    if (kept > 0)
        return kept;
    shape[0] = 1;
    for (int k = 0; k < lists; k++)
        strides[k][0] = 1;
    return 1;
}
