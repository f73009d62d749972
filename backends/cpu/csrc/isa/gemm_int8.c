/* Numbers are widened to int16 and multiplied in pairs, which is exact: two products are at most 2^15 together.  The
 * instruction that multiplies bytes would saturate there.  Without an instruction for pairs, to int32 one by one. */
#include "isa/gemm_int8.h"
#include "isa.h"
#include "isa/gemm.h"
#include "cache.h"
#include "workspace.h"
#include <stdatomic.h>

#define RT_UNITS int8
#define RT_REAL_BITS 32
#include "isa/gemm_types.h"
#include "isa/gemm_tile_size.h"

#define RT_OFFSET 0
#if defined(RT_ISA_AVX512)
#define RT_PER_LANE 2
RT_INLINE V T(add_product)(V a, V b, V sum) { return sum + (V)_mm512_madd_epi16((__m512i)a, (__m512i)b); }
#elif defined(RT_ISA_AVX2)
#define RT_PER_LANE 2
RT_INLINE V T(add_product)(V a, V b, V sum) { return sum + (V)_mm256_madd_epi16((__m256i)a, (__m256i)b); }
#elif defined(__SSE2__)
#define RT_PER_LANE 2
RT_INLINE V T(add_product)(V a, V b, V sum) { return sum + (V)_mm_madd_epi16((__m128i)a, (__m128i)b); }
#else
#define RT_PER_LANE 1
RT_INLINE V T(add_product)(V a, V b, V sum) { return sum + a * b; }
#endif
#include "isa/gemm_int8_template.h"

int RT_LOCAL(rt_multiply_int8)(int64_t m, int64_t n, int64_t k, const int8_t *a, int64_t a_row, int64_t a_col,
                               const int8_t *b, int64_t b_row, int64_t b_col, int32_t *c) {
#if defined(RT_ISA_AVX512)
    if (rt_isa_vnni)
        return RT_LOCAL(rt_multiply_int8_vnni)(m, n, k, a, a_row, a_col, b, b_row, b_col, c);
#endif
    int8_operand x = {a, a_row, a_col, k}, y = {b, b_col, b_row, k};
    return multiply(m, n, &x, &y, c);
}
