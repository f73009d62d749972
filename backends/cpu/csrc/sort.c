/* Stable sorting of rows: every dtype is mapped to unsigned keys of the same order, which are sorted by
 * insertion where few and by radix, a byte at a time, where many. */
#include "api/scan.h"
#include "dtype.h"
#include "rows.h"
#include "status.h"
#include "workspace.h"
#include <stdbool.h>
#include <string.h>

enum { FEW = 48 };

typedef struct {
    uint64_t key;
    int64_t index;
} entry;

/* Bits of the sign, and of infinity, in the formats of floats. */
static uint64_t sign_bit(int dtype) { return 1ull << (8 * rt_itemsize(dtype) - 1); }

static uint64_t infinity_bits(int dtype) {
    switch (dtype) {
    case RT_FLOAT16: return 0x7c00;
    case RT_BFLOAT16: return 0x7f80;
    case RT_FLOAT32: return 0x7f800000;
    case RT_FLOAT64: return 0x7ff0000000000000;
    default: return 0; /* not a float */
    }
}

/* Negative floats are ordered backwards by their bits; both zeros are equal; NaN is above all. */
static uint64_t float_key(uint64_t bits, uint64_t sign, uint64_t infinity) {
    uint64_t magnitude = bits & (sign - 1);
    if (magnitude > infinity)
        return sign | (sign - 1);
    if (magnitude == 0)
        return sign;
    return bits & sign ? sign - magnitude : sign | magnitude;
}

static uint64_t load_bits(const char *x, int64_t size) {
    uint64_t bits = 0;
    memcpy(&bits, x, (size_t)size); /* little endian, as all targets are */
    return bits;
}

static void make_entries(int dtype, bool descending, int64_t n, const char *x, entry *entries) {
    int64_t size = rt_itemsize(dtype);
    uint64_t sign = sign_bit(dtype), infinity = infinity_bits(dtype), mask = sign | (sign - 1);
    bool is_unsigned = dtype == RT_BOOL || dtype == RT_UINT8;
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits = load_bits(x + i * size, size);
        uint64_t key = infinity ? float_key(bits, sign, infinity) : is_unsigned ? bits : bits ^ sign;
        entries[i] = (entry){descending ? ~key & mask : key, i};
    }
}

static void sort_few(int64_t n, entry *e) {
    for (int64_t i = 1; i < n; i++) {
        entry x = e[i];
        int64_t j = i;
        for (; j > 0 && e[j - 1].key > x.key; j--)
            e[j] = e[j - 1];
        e[j] = x;
    }
}

/* Returns the array, of the two, that holds the result.  Bytes that are alike everywhere cost one count. */
static entry *sort_many(int64_t n, int64_t key_bytes, entry *from, entry *to) {
    for (int64_t shift = 0; shift < 8 * key_bytes; shift += 8) {
        int64_t start[257] = {0};
        for (int64_t i = 0; i < n; i++)
            start[1 + (from[i].key >> shift & 255)]++;
        if (start[1 + (from[0].key >> shift & 255)] == n)
            continue;
        for (int b = 0; b < 256; b++)
            start[b + 1] += start[b];
        for (int64_t i = 0; i < n; i++)
            to[start[from[i].key >> shift & 255]++] = from[i];
        entry *t = from;
        from = to;
        to = t;
    }
    return from;
}

static int sort_row(const rt_rows *r, void *const *out, const void *const *in) {
    int dtype = r->option >> 1;
    int64_t n = r->n, size = r->in_size[0];
    entry *entries = rt_workspace(RT_WORKSPACE_SORT, (size_t)(2 * n) * sizeof *entries);
    if (!entries)
        return RT_OUT_OF_MEMORY;
    make_entries(dtype, r->option & 1, n, in[0], entries);
    if (n <= FEW)
        sort_few(n, entries);
    else
        entries = sort_many(n, size, entries, entries + n);
    for (int64_t i = 0; i < n; i++) {
        memcpy((char *)out[0] + i * size, (const char *)in[0] + entries[i].index * size, (size_t)size);
        ((int64_t *)out[1])[i] = entries[i].index;
    }
    return RT_OK;
}

int rt_sort(int dtype, uintptr_t values, uintptr_t indices, uintptr_t x, int64_t outer, int64_t n, int64_t inner,
            int descending) {
    int64_t size = rt_itemsize(dtype);
    rt_rows rows = {.kernel = sort_row,
                    .outer = outer,
                    .n = n,
                    .inner = inner,
                    .cost = 64,
                    .out = {values, indices},
                    .in = {x},
                    .out_size = {size, sizeof(int64_t)},
                    .in_size = {size},
                    .option = dtype << 1 | (descending != 0)};
    return rt_rows_run(&rows);
}
