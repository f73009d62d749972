/* The matrix product that matmul, convolution, attention and the weight gradients are made of.
 *
 *     C = A B  (+ bias)  (+ C)          A is m x k, B is k x n, C has unit column stride
 *
 * and whatever `finish` makes of parts of C, as they become complete and are still in the cache.
 *
 * An operand is strided memory, or a function that writes its packed panels: a convolution reads its
 * patches, a reduced-precision product its converted numbers, without materialising either.
 * Method: Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", TOMS 2008; Van Zee &
 * van de Geijn, "BLIS", TOMS 2015. */
#pragma once
#include "sizes.h"
#include "isa/target.h"
#include <stdbool.h>

#define RT_REAL_BITS 32
#include "isa/gemm_types.h"
#undef RT_REAL_BITS
#define RT_REAL_BITS 64
#include "isa/gemm_types.h"
#undef RT_REAL_BITS
