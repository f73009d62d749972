/* VPDPBUSD multiplies four bytes and adds the products to a lane, without saturation: those of b without a sign, those
 * of a with one.  Flipping the highest bit of b adds 128 to each number; 128 times the row of a goes off again. */
#include "isa/gemm_int8.h"

#if defined(__AVX512VNNI__)
#include "isa/gemm.h"
#include "cache.h"
#include "workspace.h"
#include <stdatomic.h>

#define RT_UNITS vnni
#define RT_REAL_BITS 32
#include "isa/gemm_types.h"
#include "isa/gemm_tile_size.h"

#define RT_PER_LANE 4
#define RT_OFFSET 128
RT_INLINE V T(add_product)(V a, V b, V sum) {
    return (V)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)(b ^ vi_set1((int32_t)0x80808080)), (__m512i)a);
}
#include "isa/gemm_int8_template.h"

int RT_LOCAL(rt_multiply_int8_vnni)(int64_t m, int64_t n, int64_t k, const int8_t *a, int64_t a_row, int64_t a_col,
                                    const int8_t *b, int64_t b_row, int64_t b_col, int32_t *c) {
    int8_operand x = {a, a_row, a_col, k}, y = {b, b_col, b_row, k};
    return multiply(m, n, &x, &y, c);
}
#endif
