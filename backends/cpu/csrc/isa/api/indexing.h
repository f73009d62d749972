#pragma once
#include <stdint.h>

enum rt_scatter_mode { RT_SCATTER_SET, RT_SCATTER_ADD, RT_SCATTER_MAX };

/* out[i, j, k] = x[i, index[i, j, k], k].  dims: ndim sizes of index (and out), then the strides of x. */
int rt_gather(int64_t itemsize, uintptr_t out, uintptr_t x, uintptr_t index, int dim, int64_t size, int ndim,
              const int64_t *dims);
/* out[i, index[i, j, k], k] (=, +=, max=) src[i, j, k], in row-major order.  dims: ndim sizes of index, strides of out,
 * of src. */
int rt_scatter(int mode, int dtype, uintptr_t out, uintptr_t index, uintptr_t src, int dim, int64_t size, int ndim,
               const int64_t *dims);

/* x is (outer, n, inner), out or src (outer, count, inner), index (count,). */
int rt_index_select(int64_t itemsize, uintptr_t out, uintptr_t x, uintptr_t index, int64_t outer, int64_t n,
                    int64_t inner, int64_t count);
int rt_index_add(int dtype, uintptr_t out, uintptr_t index, uintptr_t src, int64_t outer, int64_t n, int64_t inner,
                 int64_t count);
