/* The driver of kernels along one dim: tensors seen as (outer, n, inner), one dense row at a time.
 *
 * Where inner is not 1 some neighbouring rows are gathered into scratch memory and their results scattered
 * back. */
#pragma once
#include <stdint.h>

enum { RT_ROW_OPERANDS = 2 };

typedef struct rt_rows rt_rows;

/* One row of n elements; returns a status. */
typedef int (*rt_row_kernel)(const rt_rows *rows, void *const *out, const void *const *in);

struct rt_rows {
    rt_row_kernel kernel;
    int64_t outer, n, inner;
    uintptr_t out[RT_ROW_OPERANDS], in[RT_ROW_OPERANDS];         /* 0: not used */
    int64_t out_size[RT_ROW_OPERANDS], in_size[RT_ROW_OPERANDS]; /* bytes per element */
    int cost;                                                    /* of one element, relative to an addition */
    int option;                                                  /* for the kernel */
};

int rt_rows_run(const rt_rows *rows);
