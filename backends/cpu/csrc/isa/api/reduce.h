#pragma once
#include <stdint.h>

enum rt_reduction { RT_SUM, RT_PROD, RT_AMAX, RT_AMIN, RT_SUM_SQUARES, RT_REDUCTIONS };

/* dims: ndim sizes of x, its strides, the strides of out; bit d of `reduced` marks dim d as reduced. */
int rt_reduce(int op, int dtype, uintptr_t out, uintptr_t x, int ndim, const int64_t *dims, uint64_t reduced);
/* x seen as (outer, n, inner), out as (outer, inner), both contiguous. */
int rt_reduce_dense(int op, int dtype, uintptr_t out, uintptr_t x, int64_t outer, int64_t n, int64_t inner);
/* Whether there is such a reduction. */
int rt_reduce_supported(int op, int dtype);

/* x seen as (outer, n, inner), contiguous; out is (outer, inner) of int64: index of the first largest
 * (sign = 1) or smallest (sign = -1) element, where NaN counts as more extreme than any number. */
int rt_arg_extreme(int sign, int dtype, uintptr_t out, uintptr_t x, int64_t outer, int64_t n, int64_t inner);
