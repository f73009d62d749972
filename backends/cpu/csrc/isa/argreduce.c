/* Index of the largest or smallest element along a dim. */
#include "isa/api/reduce.h"
#include "isa/optable.h"

enum {
    COLUMNS = 128,          /* columns that are searched together */
    TASK_ELEMENTS = 1 << 15 /* per task, roughly */
};

typedef struct {
    char *out;
    const char *x;
    int64_t n, inner, column_blocks;
    int64_t searches, per_task;
} arg_job;

/* Dense rows: first the extreme value, by vectors, then where it is.  `MORE(v, m)` is a strict order,
 * with NaN above all. */
#define SEARCH(NAME, T, MORE)                                                                            \
    static int64_t NAME##_row(int64_t n, const T *x) {                                                   \
        enum { LANES = 64 };                                                                             \
        T best = x[0];                                                                                   \
        int64_t i = 0;                                                                                   \
        if (n >= LANES) {                                                                                \
            T lane[LANES];                                                                               \
            memcpy(lane, x, sizeof lane);                                                                \
            for (i = LANES; i + LANES <= n; i += LANES)                                                  \
                for (int j = 0; j < LANES; j++)                                                          \
                    lane[j] = MORE(x[i + j], lane[j]) ? x[i + j] : lane[j];                              \
            for (int j = 0; j < LANES; j++)                                                              \
                best = MORE(lane[j], best) ? lane[j] : best;                                             \
        }                                                                                                \
        for (; i < n; i++)                                                                               \
            best = MORE(x[i], best) ? x[i] : best;                                                       \
        for (i = 0; !(x[i] == best || (x[i] != x[i] && best != best)); i++)                              \
            ;                                                                                            \
        return i;                                                                                        \
    }                                                                                                    \
    static void NAME##_columns(int64_t n, int64_t stride, int64_t width, const T *x, int64_t *out) {     \
        T best[COLUMNS];                                                                                 \
        for (int64_t c = 0; c < width; c++) {                                                            \
            best[c] = x[c];                                                                              \
            out[c] = 0;                                                                                  \
        }                                                                                                \
        for (int64_t i = 1; i < n; i++)                                                                  \
            for (int64_t c = 0; c < width; c++) {                                                        \
                T v = x[i * stride + c];                                                                 \
                bool more = MORE(v, best[c]);                                                            \
                best[c] = more ? v : best[c];                                                            \
                out[c] = more ? i : out[c];                                                              \
            }                                                                                            \
    }                                                                                                    \
    static void NAME##_one(const arg_job *j, int64_t task) {                                             \
        int64_t o = task / j->column_blocks, c = task % j->column_blocks * COLUMNS;                      \
        const T *x = (const T *)j->x + o * j->n * j->inner + c;                                          \
        int64_t *out = (int64_t *)j->out + o * j->inner + c;                                             \
        if (j->inner == 1)                                                                               \
            *out = NAME##_row(j->n, x);                                                                  \
        else                                                                                             \
            NAME##_columns(j->n, j->inner, j->inner - c < COLUMNS ? j->inner - c : COLUMNS, x, out);     \
    }                                                                                                    \
    static void NAME##_task(void *ctx, int64_t task, int thread) {                                       \
        (void)thread;                                                                                    \
        const arg_job *j = ctx;                                                                          \
        int64_t start = task * j->per_task, end = start + j->per_task;                                   \
        for (end = end < j->searches ? end : j->searches; start < end; start++)                          \
            NAME##_one(j, start);                                                                        \
    }

#define GREATER(v, m) ((v) > (m))
#define LESS(v, m) ((v) < (m))
#define GREATER_FLOAT(v, m) ((v) > (m) || ((v) != (v) && (m) == (m)))
#define LESS_FLOAT(v, m) ((v) < (m) || ((v) != (v) && (m) == (m)))

#define INTEGER_SEARCH(NAME, T)                                                                          \
    SEARCH(argmax_##NAME, T, GREATER)                                                                    \
    SEARCH(argmin_##NAME, T, LESS)
#define FLOAT_SEARCH(NAME, T)                                                                            \
    SEARCH(argmax_##NAME, T, GREATER_FLOAT)                                                              \
    SEARCH(argmin_##NAME, T, LESS_FLOAT)

INTEGER_SEARCH(uint8, uint8_t)
INTEGER_SEARCH(int8, int8_t)
INTEGER_SEARCH(int16, int16_t)
INTEGER_SEARCH(int32, int32_t)
INTEGER_SEARCH(int64, int64_t)
FLOAT_SEARCH(float32, float)
FLOAT_SEARCH(float64, double)

#define BOTH(DTYPE, NAME) [DTYPE] = {argmax_##NAME##_task, argmin_##NAME##_task}

static const rt_task searches[RT_DTYPE_COUNT][2] = {
    BOTH(RT_BOOL, uint8),  BOTH(RT_UINT8, uint8), BOTH(RT_INT8, int8),       BOTH(RT_INT16, int16),
    BOTH(RT_INT32, int32), BOTH(RT_INT64, int64), BOTH(RT_FLOAT32, float32), BOTH(RT_FLOAT64, float64),
};

int rt_arg_extreme(int sign, int dtype, uintptr_t out, uintptr_t x, int64_t outer, int64_t n, int64_t inner) {
    rt_task search = searches[dtype][sign < 0];
    if (!search)
        return RT_UNSUPPORTED;
    arg_job j = {.out = (char *)out, .x = (const char *)x, .n = n, .inner = inner};
    j.column_blocks = (inner + COLUMNS - 1) / COLUMNS;
    j.searches = outer * j.column_blocks;
    int64_t each = n * (inner < COLUMNS ? inner : COLUMNS);
    j.per_task = each < TASK_ELEMENTS ? TASK_ELEMENTS / (each ? each : 1) : 1;
    rt_parallel_for((j.searches + j.per_task - 1) / j.per_task, search, &j);
    return RT_OK;
}
