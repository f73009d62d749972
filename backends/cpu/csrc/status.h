/* Status codes and the detail that goes with an index error. */
#pragma once
#include "api/status.h"

/* Record the offending index for the calling thread; returns RT_INDEX_OUT_OF_RANGE. */
int rt_index_error(int64_t value, int64_t size);
