/* The driver shared by all elementwise ops: chunks, staging, half precision, threads.
 *
 * An op supplies one loop over contiguous elements.  `out` may be the same memory as an input. */
#pragma once
#include "dtype.h"
#include "status.h"
#include <stdbool.h>
#include <stdint.h>

enum { RT_MAX_INPUTS = 3 };

typedef int (*rt_loop)(int64_t n, void *out, const void *const *in, const double *params);

/* One op for one dtype. */
typedef struct {
    const char *name;
    int8_t dtype;     /* that the op is looked up by */
    int8_t out_dtype; /* RT_BOOL for predicates */
    int8_t in_dtype[RT_MAX_INPUTS];
    int8_t inputs;
    int8_t cost; /* of one element, roughly: 1 for an addition */
    rt_loop loop;
    rt_loop by_number; /* NULL, or the loop for a second operand that is one number */
} rt_op;

/* Conversions between half-precision memory and float loops, of the instruction set in use. */
typedef struct {
    void (*widen)(int64_t n, float *dst, const uint16_t *src);
    void (*narrow)(int64_t n, uint16_t *dst, const float *src);
} rt_half_conversion;

typedef struct {
    const rt_op *op;
    const rt_half_conversion *half_in, *half_out; /* not NULL: float operands are stored in this format */
    uintptr_t out;
    uintptr_t in[RT_MAX_INPUTS];
    double params[2];
    bool converts; /* the whole work is to widen, to narrow or both: the op is not run */
} rt_elementwise_call;

/* All operands contiguous with n elements. */
int rt_elementwise_flat(const rt_elementwise_call *call, int64_t n);
/* dims: shape, then the strides of out and of each input, ndim numbers each. */
int rt_elementwise_strided(const rt_elementwise_call *call, int ndim, const int64_t *dims);
