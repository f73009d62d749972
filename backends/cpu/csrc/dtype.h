/* Facts about element types that C needs. */
#pragma once
#include "api/dtype.h"

static inline int64_t rt_itemsize(int dtype) {
    static const int8_t sizes[] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16};
    return sizes[dtype];
}
