/* Vector types of RT_VEC_BYTES bytes, and their lane counts. */
#pragma once
#include <stdint.h>

typedef float vf __attribute__((vector_size(RT_VEC_BYTES)));
typedef double vd __attribute__((vector_size(RT_VEC_BYTES)));
typedef int32_t vi __attribute__((vector_size(RT_VEC_BYTES)));
typedef uint64_t vu __attribute__((vector_size(RT_VEC_BYTES)));
typedef int64_t vl __attribute__((vector_size(RT_VEC_BYTES)));
enum { VF = RT_VEC_BYTES / 4, VD = RT_VEC_BYTES / 8 };
