#pragma once
#include <stdint.h>

/* Element types, in the order of the tables that are indexed by them. */
enum rt_dtype {
    RT_BOOL,
    RT_UINT8,
    RT_INT8,
    RT_INT16,
    RT_INT32,
    RT_INT64,
    RT_FLOAT16,
    RT_BFLOAT16,
    RT_FLOAT32,
    RT_FLOAT64,
    RT_COMPLEX64,
    RT_COMPLEX128,
    RT_DTYPE_COUNT
};
