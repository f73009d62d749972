#pragma once
#include <stdint.h>

/* n elements, or an operand of any strides, set to one bit pattern of `itemsize` bytes (low, high words). */
int rt_fill(uintptr_t out, int64_t n, int64_t itemsize, uint64_t low, uint64_t high);
int rt_fill_strided(uintptr_t out, int64_t itemsize, uint64_t low, uint64_t high, int ndim, const int64_t *dims);

/* out[i] = start + i * step; integers exactly (start and step as given), floats in double, then rounded. */
int rt_arange_int(int dtype, uintptr_t out, int64_t n, int64_t start, int64_t step);
int rt_arange_float(int dtype, uintptr_t out, int64_t n, double start, double step);
