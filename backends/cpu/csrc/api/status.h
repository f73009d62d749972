#pragma once
#include <stdint.h>

/* Every entry point that can fail returns one of these; C never aborts and never prints. */
enum rt_status {
    RT_OK = 0,
    RT_OUT_OF_MEMORY = 1,     /* a scratch buffer could not be allocated */
    RT_UNSUPPORTED = 2,       /* no such op for this dtype */
    RT_DIVISION_BY_ZERO = 3,  /* integer division or remainder */
    RT_INDEX_OUT_OF_RANGE = 4 /* rt_error_value() and rt_error_size() tell which */
};

/* The offending index of this thread's last RT_INDEX_OUT_OF_RANGE, and the size that it exceeded. */
int64_t rt_error_value(void);
int64_t rt_error_size(void);
