/* Products of bfloat16 matrices by AVX-512 BF16, where the processor has it. */
#pragma once
#include "isa/target.h"
#include <stdbool.h>

/* Whether the product of m rows is faster so than widened. */
bool RT_LOCAL(rt_multiplies_pairs)(int64_t m);

/* c = a b (+ bias), c float and contiguous, m x n; strides in elements; bias, of n floats, may be NULL. */
int RT_LOCAL(rt_multiply_pairs)(int64_t m, int64_t n, int64_t k, const uint16_t *a, int64_t a_row, int64_t a_col,
                                const uint16_t *b, int64_t b_row, int64_t b_col, float *c, const float *bias);
