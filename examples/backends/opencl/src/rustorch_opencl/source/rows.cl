// Kernels in which WIDTH work-items share a row.  A group is (WIDTH, ROWS) work-items; `lane` is the
// work-item's number in its row.  FOLD(total, f) folds what the lanes of a row hold, as a tree, so that
// the error of a sum grows with the logarithm of its length.  Rows beyond the last one are computed
// like the last one and not stored, since every work-item must reach the barriers.

#define ROW(COUNT)                                                                                \
    local A shared_[ROWS][WIDTH];                                                                 \
    const long lane = get_local_id(0), ours = get_local_id(1);                                    \
    const bool stores = get_global_id(1) < (COUNT);                                               \
    const long row = stores ? get_global_id(1) : (COUNT) - 1;

#define FOLD(TOTAL, F)                                                                            \
    for (int half_ = WIDTH / 2; half_ > 0; half_ /= 2) {                                          \
        shared_[ours][lane] = TOTAL;                                                              \
        barrier(CLK_LOCAL_MEM_FENCE);                                                             \
        if (lane < half_) TOTAL = F(TOTAL, shared_[ours][lane + half_]);                          \
        barrier(CLK_LOCAL_MEM_FENCE);                                                             \
    }                                                                                             \
    if (WIDTH > 1) {                                                                              \
        if (lane == 0) shared_[ours][0] = TOTAL;                                                  \
        barrier(CLK_LOCAL_MEM_FENCE);                                                             \
        TOTAL = shared_[ours][0];                                                                 \
        barrier(CLK_LOCAL_MEM_FENCE);                                                             \
    }

A plus(A a, A b) { return a + b; }
