// A kernel over all places of a shape.  OPERANDS pointers (PARAMETERS) walk along; BODY sees the
// position of each as at[0], at[1], ... and does one element.  The host has merged dims that lie evenly.

#define MAP(NAME, RANK)                                                                           \
    typedef struct {                                                                              \
        long count, offset[OPERANDS], size[RANK], stride[OPERANDS][RANK];                         \
    } NAME##_plan;                                                                                \
                                                                                                  \
    kernel void NAME(PARAMETERS const NAME##_plan plan) {                                         \
        long i = get_global_id(0), at[OPERANDS];                                                  \
        if (i >= plan.count) return;                                                              \
        for (int k = 0; k < OPERANDS; k++) at[k] = plan.offset[k];                                \
        for (int d = RANK - 1; d > 0; d--) {                                                      \
            long place = i % plan.size[d];                                                        \
            i /= plan.size[d];                                                                    \
            for (int k = 0; k < OPERANDS; k++) at[k] += place * plan.stride[k][d];                \
        }                                                                                         \
        for (int k = 0; k < OPERANDS; k++) at[k] += i * plan.stride[k][0];                        \
        BODY                                                                                      \
    }

typedef struct {
    long count, offset[OPERANDS];
} dense_plan;

kernel void dense(PARAMETERS const dense_plan plan) {
    long i = get_global_id(0), at[OPERANDS];
    if (i >= plan.count) return;
    for (int k = 0; k < OPERANDS; k++) at[k] = plan.offset[k] + i;
    BODY
}

MAP(strided1, 1)
MAP(strided2, 2)
MAP(strided4, 4)
MAP(strided8, 8)
