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

static int64_t magnitude(int64_t stride) { return stride < 0 ? -stride : stride; }

void rt_sort_dims(int ndim, int64_t *shape, int lists, int64_t *const *strides) {
    for (int i = 1; i < ndim; i++)
        for (int j = i; j > 0 && magnitude(strides[0][j]) > magnitude(strides[0][j - 1]); j--) {
            int64_t t = shape[j];
            shape[j] = shape[j - 1];
            shape[j - 1] = t;
            for (int k = 0; k < lists; k++) {
                t = strides[k][j];
                strides[k][j] = strides[k][j - 1];
                strides[k][j - 1] = t;
            }
        }
}
