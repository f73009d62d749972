#include "api/fill.h"
#include "dtype.h"
#include "pool.h"
#include "status.h"
#include "strided.h"
#include <string.h>

enum { GRAIN = 1 << 18 /* bytes per task */ };

typedef struct {
    char *out;
    int64_t n, itemsize, grain;
    uint64_t pattern[2];
} fill_job;

#define FILL(T)                                                                                          \
    {                                                                                                    \
        T value;                                                                                         \
        memcpy(&value, pattern, sizeof value);                                                           \
        for (int64_t i = 0; i < n; i++)                                                                  \
            ((T *)out)[i] = value;                                                                       \
        return;                                                                                          \
    }

typedef struct {
    uint64_t words[2];
} sixteen_bytes;

static void fill_dense(void *out, int64_t n, int64_t itemsize, const uint64_t pattern[2]) {
    switch (itemsize) {
    case 1: memset(out, (int)(pattern[0] & 0xff), (size_t)n); return;
    case 2: FILL(uint16_t)
    case 4: FILL(uint32_t)
    case 8: FILL(uint64_t)
    default: FILL(sixteen_bytes)
    }
}

static void fill_task(void *ctx, int64_t task, int thread) {
    (void)thread;
    const fill_job *j = ctx;
    int64_t start = task * j->grain, left = j->n - start;
    fill_dense(j->out + start * j->itemsize, left < j->grain ? left : j->grain, j->itemsize, j->pattern);
}

int rt_fill(uintptr_t out, int64_t n, int64_t itemsize, uint64_t low, uint64_t high) {
    fill_job j = {(char *)out, n, itemsize, GRAIN / itemsize, {low, high}};
    rt_parallel_for((n + j.grain - 1) / j.grain, fill_task, &j);
    return RT_OK;
}

int rt_fill_strided(uintptr_t out, int64_t itemsize, uint64_t low, uint64_t high, int ndim, const int64_t *dims) {
    if (ndim > RT_MAX_DIMS)
        return RT_UNSUPPORTED;
    _Alignas(16) char row[RT_CHUNK * 16];
    uint64_t pattern[2] = {low, high};
    fill_dense(row, RT_CHUNK, itemsize, pattern);
    rt_walk w = rt_walk_make(out, itemsize, ndim, dims, dims + ndim);
    int64_t n = 1;
    for (int d = 0; d < ndim; d++)
        n *= dims[d];
    for (int64_t i = 0; i < n; i += RT_CHUNK)
        rt_walk_scatter(&w, i, n - i < RT_CHUNK ? n - i : RT_CHUNK, row);
    return RT_OK;
}

#define ARANGE(ID, T)                                                                                    \
    case ID:                                                                                             \
        for (int64_t i = 0; i < n; i++)                                                                  \
            ((T *)out)[i] = (T)(start + i * step);                                                       \
        return RT_OK;

int rt_arange_int(int dtype, uintptr_t out, int64_t n, int64_t start, int64_t step) {
    switch (dtype) {
        ARANGE(RT_UINT8, uint8_t)
        ARANGE(RT_INT8, int8_t)
        ARANGE(RT_INT16, int16_t)
        ARANGE(RT_INT32, int32_t)
        ARANGE(RT_INT64, int64_t)
    default: return RT_UNSUPPORTED;
    }
}

int rt_arange_float(int dtype, uintptr_t out, int64_t n, double start, double step) {
    switch (dtype) {
        ARANGE(RT_FLOAT32, float)
        ARANGE(RT_FLOAT64, double)
    default: return RT_UNSUPPORTED;
    }
}
