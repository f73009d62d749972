#pragma once
#include <stdint.h>

/* Along the middle dim of contiguous (outer, n, inner) tensors. */
int rt_cumsum(int dtype, uintptr_t out, uintptr_t x, int64_t outer, int64_t n, int64_t inner);
/* Stable; NaN is the largest; indices are int64. */
int rt_sort(int dtype, uintptr_t values, uintptr_t indices, uintptr_t x, int64_t outer, int64_t n, int64_t inner,
            int descending);
