/* Products of int8 matrices with sums in int32, which wrap. */
#pragma once
#include "isa/target.h"

/* c = a b, c contiguous, m x n; strides in elements. */
int RT_LOCAL(rt_multiply_int8)(int64_t m, int64_t n, int64_t k, const int8_t *a, int64_t a_row, int64_t a_col,
                               const int8_t *b, int64_t b_row, int64_t b_col, int32_t *c);

/* The same by the instructions of AVX-512 VNNI; only where the processor has them. */
int RT_LOCAL(rt_multiply_int8_vnni)(int64_t m, int64_t n, int64_t k, const int8_t *a, int64_t a_row, int64_t a_col,
                                    const int8_t *b, int64_t b_row, int64_t b_col, int32_t *c);
