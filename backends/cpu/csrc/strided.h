/* Walking an N-dimensional operand in the row-major order of a shape, a chunk of elements at a time.
 *
 * Kernels only ever see contiguous chunks.  An operand that is laid out otherwise is gathered into
 * a small staging buffer that stays in the first-level cache; a result is scattered from one. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    RT_MAX_DIMS = 32,
    RT_CHUNK = 1024 /* elements per staging buffer */
};

typedef struct {
    char *base;
    int64_t itemsize;
    int ndim; /* after collapsing; at least 1 */
    int64_t shape[RT_MAX_DIMS];
    int64_t strides[RT_MAX_DIMS]; /* in elements */
} rt_walk;

/* Describe an operand; neighbouring dimensions that step evenly are merged, those of size 1 dropped. */
rt_walk rt_walk_make(uintptr_t base, int64_t itemsize, int ndim, const int64_t *shape, const int64_t *strides);

static inline bool rt_walk_contiguous(const rt_walk *w) { return w->ndim == 1 && w->strides[0] == 1; }

/* Elements [start, start + n) as contiguous memory: in place where they lie so, else gathered into tmp. */
const void *rt_walk_read(const rt_walk *w, int64_t start, int64_t n, void *tmp);
/* The address of [start, start + n) if it is contiguous there, else NULL. */
void *rt_walk_direct(const rt_walk *w, int64_t start, int64_t n);
/* The address of element `index`. */
char *rt_walk_at(const rt_walk *w, int64_t index);
void rt_walk_gather(const rt_walk *w, int64_t start, int64_t n, void *dst);
void rt_walk_scatter(const rt_walk *w, int64_t start, int64_t n, const void *src);

/* A rectangle of a strided operand, between it and dense rows.  Where a column is dense it is transposed block by
 * block, so that no line of memory is visited twice. */
typedef struct {
    char *base;
    int64_t itemsize, rows, columns;
    int64_t row_stride, column_stride; /* in elements, from row to row and from column to column */
} rt_tile;
void rt_tile_gather(const rt_tile *t, void *dst);
void rt_tile_scatter(const rt_tile *t, const void *src);
/* Ask for a tile's lines: its runs are too short for the processor to foresee them. */
void rt_tile_prefetch(const rt_tile *t);

/* Permute the dimensions of several stride lists alike, so that the first list falls from outside to
 * inside: results are then written in memory order.  Valid where the order of visits is free. */
void rt_sort_dims(int ndim, int64_t *shape, int lists, int64_t *const *strides);
/* Move a dimension to another place in all lists. */
void rt_move_dim(int from, int to, int64_t *shape, int lists, int64_t *const *strides);
/* Merge neighbouring dimensions that step evenly in all lists, drop those of size 1; return how many are left,
 * at least one. */
int rt_merge_dims(int ndim, int64_t *shape, int lists, int64_t *const *strides);
