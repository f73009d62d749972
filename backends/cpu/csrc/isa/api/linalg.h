#pragma once
#include <stdint.h>

/* out[b] = a[b] @ x[b] (+ bias) for b over the batch: out is contiguous, (batch..., m, n); strides in
 * elements.  `bias`, of n numbers, may be 0.  Addresses are passed as integers. */
int rt_matmul(int dtype, uintptr_t out, uintptr_t a, uintptr_t b, uintptr_t bias, int64_t m, int64_t n, int64_t k,
              int64_t a_row, int64_t a_col, int64_t b_row, int64_t b_col);
int rt_matmul_batched(int dtype, uintptr_t out, uintptr_t a, uintptr_t b, int64_t m, int64_t n, int64_t k,
                      int64_t a_row, int64_t a_col, int64_t b_row, int64_t b_col, int ndim, const int64_t *batch,
                      const int64_t *a_batch, const int64_t *b_batch);
