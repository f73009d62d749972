#pragma once
#include <stdint.h>

/* Id of an elementwise op for a dtype, or -1 if there is none; the same in every instruction set. */
int rt_op_find(const char *name, int dtype);
/* Number of tensor operands of an op, not counting the result. */
int rt_op_inputs(int op);

/* All operands contiguous with n elements; addresses of the first element. */
int rt_map1(int op, uintptr_t out, uintptr_t a, int64_t n);
int rt_map2(int op, uintptr_t out, uintptr_t a, uintptr_t b, int64_t n);
int rt_map3(int op, uintptr_t out, uintptr_t a, uintptr_t b, uintptr_t c, int64_t n);
int rt_map1_params(int op, uintptr_t out, uintptr_t a, int64_t n, double p0, double p1);
int rt_map2_params(int op, uintptr_t out, uintptr_t a, uintptr_t b, int64_t n, double p0, double p1);

/* Any strides.  dims: ndim sizes, then ndim strides (in elements) of out and of each operand. */
int rt_map_strided(int op, uintptr_t out, uintptr_t a, uintptr_t b, uintptr_t c, double p0, double p1, int ndim,
                   const int64_t *dims);

/* Conversion between two different dtypes, contiguous or with dims as above. */
int rt_cast(int to, int from, uintptr_t out, uintptr_t x, int64_t n);
int rt_cast_strided(int to, int from, uintptr_t out, uintptr_t x, int ndim, const int64_t *dims);
