#include "status.h"

static _Thread_local int64_t error_value, error_size;

int rt_index_error(int64_t value, int64_t size) {
    error_value = value;
    error_size = size;
    return RT_INDEX_OUT_OF_RANGE;
}

int64_t rt_error_value(void) { return error_value; }
int64_t rt_error_size(void) { return error_size; }
