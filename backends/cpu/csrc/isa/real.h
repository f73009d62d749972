/* Source written once for float and double.
 *
 * Define RT_REAL_BITS (32 or 64), include this, then the template; both headers are included once per
 * type.  With RT_UNITS, a suffix, the type is a lane of int8 numbers (gemm_int8_template.h).  Gives REAL; T(name), the
 * name with suffixes of the type and the instruction set; V and VL, the vector and its lanes; v(op), the vector
 * operation of vec.h. */
#include "isa/target.h"

#undef REAL
#undef T
#undef V
#undef VL
#undef v
#if defined(RT_UNITS)
#define REAL int32_t
#define T(name) RT_LOCAL(RT_PASTE(name, RT_UNITS))
#define V vi
#define VL VF
#define v(op) vi_##op
#elif RT_REAL_BITS == 32
#define REAL float
#define T(name) RT_LOCAL(name##_f32)
#define V vf
#define VL VF
#define v(op) vf_##op
#else
#define REAL double
#define T(name) RT_LOCAL(name##_f64)
#define V vd
#define VL VD
#define v(op) vd_##op
#endif

#ifndef RT_BY_REAL
/* The status of a function that exists for both types, by dtype. */
#define RT_BY_REAL(dtype, name, ...)                                                                                   \
    ((dtype) == RT_FLOAT32   ? RT_LOCAL(name##_f32)(__VA_ARGS__)                                                       \
     : (dtype) == RT_FLOAT64 ? RT_LOCAL(name##_f64)(__VA_ARGS__)                                                       \
                             : RT_UNSUPPORTED)
#endif
