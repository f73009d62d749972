/* The groups of a convolution, whose operands lie evenly apart.  Included once per type. */

/* How far apart the operands of neighbours lie. */
typedef struct {
    int64_t count, x, weights, out, bias;
} T(groups);

/* The weights of a group: strided memory, or the flipped ones of an input gradient. */
typedef struct {
    T(rt_operand) operand;
    T(flipped) flipped;
} T(weights);

static void T(find_weights)(const T(rt_gemm) *g, const T(groups) *groups, int64_t group, T(weights) *w) {
    w->operand = g->a;
    if (!g->a.pack) {
        w->operand.data += group * groups->weights;
        return;
    }
    w->flipped = *(const T(flipped) *)g->a.ctx;
    w->flipped.data += group * groups->weights;
    w->operand.ctx = &w->flipped;
}
