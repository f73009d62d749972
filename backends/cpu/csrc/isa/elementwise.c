/* Entry points of the elementwise ops: find the row, hand it to the driver. */
#include "isa/api/elementwise.h"
#include "isa/optable.h"

static const rt_op_list *const families[] = {
    RT_LOCAL(rt_integer_ops),
    RT_LOCAL(rt_float_ops),
    RT_LOCAL(rt_complex_ops),
    RT_LOCAL(rt_move_ops),
};
enum { FAMILIES = sizeof families / sizeof families[0] };

/* An id packs family, list, row and how float operands are stored (0: as float). */
enum { ROW_BITS = 8, LIST_BITS = 4, FORMAT_BITS = 2 };

static int pack(int family, int list, int row, int format) {
    return ((family << LIST_BITS | list) << ROW_BITS | row) << FORMAT_BITS | format;
}

static const rt_op *row_of(int id) {
    id >>= FORMAT_BITS;
    int row = id & ((1 << ROW_BITS) - 1), list = (id >> ROW_BITS) & ((1 << LIST_BITS) - 1);
    return &families[id >> (ROW_BITS + LIST_BITS)][list].ops[row];
}

static const rt_half_conversion *format_of(int id) {
    int format = id & ((1 << FORMAT_BITS) - 1);
    return format ? &RT_LOCAL(rt_half_formats)[format - 1] : NULL;
}

static int find(const char *name, int dtype, int format) {
    for (int f = 0; f < FAMILIES; f++)
        for (int l = 0; families[f][l].ops; l++)
            for (int r = 0; r < families[f][l].count; r++) {
                const rt_op *op = &families[f][l].ops[r];
                if (op->dtype == dtype && !strcmp(op->name, name))
                    return pack(f, l, r, format);
            }
    return -1;
}

int rt_op_find(const char *name, int dtype) {
    int id = find(name, dtype, 0);
    if (id < 0 && (dtype == RT_FLOAT16 || dtype == RT_BFLOAT16))
        id = find(name, RT_FLOAT32, dtype == RT_FLOAT16 ? 1 : 2);
    return id;
}

int rt_op_inputs(int op) { return row_of(op)->inputs; }

static rt_elementwise_call call_of(int op, uintptr_t out, uintptr_t a, uintptr_t b, uintptr_t c, double p0, double p1) {
    const rt_half_conversion *half = format_of(op);
    return (rt_elementwise_call){row_of(op), half, half, out, {a, b, c}, {p0, p1}, false};
}

int rt_map1(int op, uintptr_t out, uintptr_t a, int64_t n) { return rt_map1_params(op, out, a, n, 0, 0); }

int rt_map2(int op, uintptr_t out, uintptr_t a, uintptr_t b, int64_t n) {
    return rt_map2_params(op, out, a, b, n, 0, 0);
}

int rt_map3(int op, uintptr_t out, uintptr_t a, uintptr_t b, uintptr_t c, int64_t n) {
    rt_elementwise_call call = call_of(op, out, a, b, c, 0, 0);
    return rt_elementwise_flat(&call, n);
}

int rt_map1_params(int op, uintptr_t out, uintptr_t a, int64_t n, double p0, double p1) {
    rt_elementwise_call call = call_of(op, out, a, 0, 0, p0, p1);
    return rt_elementwise_flat(&call, n);
}

int rt_map2_params(int op, uintptr_t out, uintptr_t a, uintptr_t b, int64_t n, double p0, double p1) {
    rt_elementwise_call call = call_of(op, out, a, b, 0, p0, p1);
    return rt_elementwise_flat(&call, n);
}

int rt_map_strided(int op, uintptr_t out, uintptr_t a, uintptr_t b, uintptr_t c, double p0, double p1, int ndim,
                   const int64_t *dims) {
    rt_elementwise_call call = call_of(op, out, a, b, c, p0, p1);
    return rt_elementwise_strided(&call, ndim, dims);
}
