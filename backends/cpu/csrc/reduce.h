/* The driver shared by all reductions.
 *
 * The input is seen as K results times R elements each.  An op supplies loops over dense rows and
 * accumulators, which may be wider than the elements (floats are summed in double). */
#pragma once
#include "elementwise.h"

typedef struct {
    int64_t acc_size; /* bytes of an accumulator */
    void (*init)(int64_t n, void *acc);
    /* `count` rows of n elements, `step` elements from one row to the next. */
    void (*rows)(int64_t count, int64_t n, const void *x, int64_t step, void *acc);    /* a row per accumulator */
    void (*columns)(int64_t count, int64_t n, const void *x, int64_t step, void *acc); /* n accumulators for all */
    void (*merge)(int64_t n, const void *other, void *acc);                            /* n accumulators into n */
    void (*finish)(int64_t n, const void *acc, void *out); /* n accumulators to n elements */
} rt_reducer;

typedef struct {
    const rt_reducer *reducer;
    const rt_half_conversion *half; /* not NULL: elements are stored in this format, computed as float */
    int64_t itemsize;               /* of an element in memory */
    uintptr_t out, x;
} rt_reduce_call;

/* dims: ndim sizes of x, its strides, and the strides of out; bit d of `reduced` marks dim d. */
int rt_reduce_run(const rt_reduce_call *call, int ndim, const int64_t *dims, uint64_t reduced);
