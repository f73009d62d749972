/* Scratch memory of the calling thread: kept between calls, so that kernels allocate nothing. */
#pragma once
#include <stddef.h>

/* Kernels that call one another use different slots. */
enum rt_workspace_slot {
    RT_WORKSPACE_PACK,    /* panels that this thread packed for the matrix product */
    RT_WORKSPACE_SHARED,  /* what all threads of a matrix product use */
    RT_WORKSPACE_PARTIAL, /* its partial sums, when the inner dimension is split */
    RT_WORKSPACE_CONVERT, /* operands of another dtype, converted */
    RT_WORKSPACE_KERNEL,  /* of the kernel that calls the matrix product */
    RT_WORKSPACE_TASK,    /* of one task of that kernel */
    RT_WORKSPACE_ROWS,    /* rows of a strided dim, gathered */
    RT_WORKSPACE_SORT,    /* of the sort of one row */
    RT_WORKSPACE_SLOTS
};

/* At least `bytes` bytes, 64-byte aligned, with undefined contents and valid until the thread's next
 * call with the same slot; NULL if memory is short. */
void *rt_workspace(enum rt_workspace_slot slot, size_t bytes);
