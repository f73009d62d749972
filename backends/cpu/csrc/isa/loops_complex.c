/* Elementwise loops of complex64 and complex128. */
#include "isa/optable.h"
#include <complex.h>

#define KEEP_NUM(...) __VA_ARGS__
#define KEEP_CPX(...) __VA_ARGS__
#define KEEP_ANY(...) __VA_ARGS__
#define KEEP_VEC(...)
#define KEEP_FLT(...)
#define KEEP_REAL(...)
#define KEEP_ORD(...)
#define KEEP_BITS(...)
#define KEEP_BOOL(...)
#define KEEP_INT(...)

#define T float complex
#define TYPE complex64
#define DTYPE RT_COMPLEX64
#include "isa/loops.h"

#define T double complex
#define TYPE complex128
#define DTYPE RT_COMPLEX128
#include "isa/loops.h"

const rt_op_list RT_LOCAL(rt_complex_ops)[] = {RT_OP_LIST(ops_complex64), RT_OP_LIST(ops_complex128), {NULL, 0}};
