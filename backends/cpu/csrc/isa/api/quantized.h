#pragma once
#include <stdint.h>

/* out = a @ b of int8 matrices, summed in int32, which wraps: out is contiguous, m x n; strides in elements. */
int rt_int_mm(uintptr_t out, uintptr_t a, uintptr_t b, int64_t m, int64_t n, int64_t k, int64_t a_row, int64_t a_col,
              int64_t b_row, int64_t b_col);

/* out = x @ weight.T (+ bias) by int8 products: x, m x k, is quantized row by row; weight, n x k, has been, by
 * `weight_scale`, of n floats.  `bias`, of n floats, may be 0.  All contiguous, all but the weight float32. */
int rt_quantized_linear(uintptr_t out, uintptr_t x, uintptr_t weight, uintptr_t weight_scale, uintptr_t bias, int64_t m,
                        int64_t n, int64_t k);
