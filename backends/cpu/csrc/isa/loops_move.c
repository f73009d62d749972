/* Elementwise ops that only move bytes: the same loop for all dtypes of one size. */
#include "isa/optable.h"
#include <string.h>

typedef struct {
    uint64_t words[2];
} sixteen;

#define RT_MOVES(T, BYTES)                                                                               \
    static int copy_##BYTES(int64_t n, void *out, const void *const *in, const double *params) {         \
        (void)params;                                                                                    \
        if (out != in[0])                                                                                \
            memcpy(out, in[0], (size_t)n * sizeof(T));                                                   \
        return RT_OK;                                                                                    \
    }                                                                                                    \
    static int where_##BYTES(int64_t n, void *out, const void *const *in, const double *params) {        \
        (void)params;                                                                                    \
        const uint8_t *condition = in[0];                                                                \
        const T *a = in[1], *b = in[2];                                                                  \
        T *o = out;                                                                                      \
        _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) {                                           \
            const T x = a[i], y = b[i];                                                                  \
            o[i] = condition[i] ? x : y;                                                                 \
        }                                                                                                \
        return RT_OK;                                                                                    \
    }

RT_MOVES(uint8_t, 1)
RT_MOVES(uint16_t, 2)
RT_MOVES(uint32_t, 4)
RT_MOVES(uint64_t, 8)
RT_MOVES(sixteen, 16)

#define RT_ROWS(DTYPE, BYTES)                                                                            \
    {"copy", DTYPE, DTYPE, {DTYPE}, 1, 1, copy_##BYTES, NULL},                                                 \
    {"where", DTYPE, DTYPE, {RT_BOOL, DTYPE, DTYPE}, 3, 1, where_##BYTES, NULL},

static const rt_op moves[] = {RT_ROWS(RT_BOOL, 1) RT_ROWS(RT_UINT8, 1) RT_ROWS(RT_INT8, 1) RT_ROWS(RT_INT16, 2)
                                  RT_ROWS(RT_FLOAT16, 2) RT_ROWS(RT_BFLOAT16, 2) RT_ROWS(RT_INT32, 4)
                                      RT_ROWS(RT_FLOAT32, 4) RT_ROWS(RT_INT64, 8) RT_ROWS(RT_FLOAT64, 8)
                                          RT_ROWS(RT_COMPLEX64, 8) RT_ROWS(RT_COMPLEX128, 16)};

const rt_op_list RT_LOCAL(rt_move_ops)[] = {RT_OP_LIST(moves), {NULL, 0}};
