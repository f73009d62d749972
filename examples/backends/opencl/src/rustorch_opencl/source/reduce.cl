// out[row] = combination of x[row, k] over k.  A long row is cut into parts, which are reduced like
// rows of their own; the host then reduces the parts.

typedef struct {
    long rows, length, parts, part_length, out_offset, x_offset, part_stride;
    long row_size[RANK], out_stride[RANK], x_stride[RANK];
    long size[RANK], stride[RANK];  // of the dims that are reduced
} reduce_plan;

#define either(a, b) ((a) | (b))
#define both(a, b) ((a) & (b))
#define times(a, b) ((a) * (b))

kernel void reduce(global OUT *out, global const IN *x, const reduce_plan plan) {
    ROW(plan.rows * plan.parts)
    const long part = row % plan.parts;
    long from = plan.x_offset, to = plan.out_offset + part * plan.part_stride;
    for (long d = RANK - 1, i = row / plan.parts; d >= 0; d--, i /= plan.row_size[d + 1]) {
        from += i % plan.row_size[d] * plan.x_stride[d];
        to += i % plan.row_size[d] * plan.out_stride[d];
    }
    const long end = min((part + 1) * plan.part_length, plan.length);
    A total = IDENTITY;
    for (long k = part * plan.part_length + lane; k < end; k += WIDTH) {
        long at = from, i = k;
        for (int d = RANK - 1; d > RANK - REDUCED; d--) {
            at += i % plan.size[d] * plan.stride[d];
            i /= plan.size[d];
        }
        at += i * plan.stride[RANK - REDUCED];
        total = COMBINE(total, (A)LOAD(x, at));
    }
    FOLD(total, COMBINE)
    if (stores && lane == 0) STORE(out, to, total);
}
