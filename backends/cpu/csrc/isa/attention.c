/* Attention without the matrix of scores: blocks of it exist one at a time.
 *
 * Milakov & Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022. */
#include "isa/api/attention.h"
#include "isa/gemm.h"
#include "workspace.h"

/* A block of scores and the keys and values that it meets fit the second-level cache. */
enum { QUERY_BLOCK = 112, KEY_BLOCK = 256 };

/* Fewer queries at a time where they see fewer keys: less is computed above the diagonal. */
RT_INLINE int64_t query_block(const struct rt_attention *a) { return a->causal ? QUERY_BLOCK / 2 : QUERY_BLOCK; }

RT_INLINE int64_t at_head(const int64_t strides[4], int64_t batch, int64_t head) {
    return batch * strides[0] + head * strides[1];
}

/* How many of the keys j0 .. j0+count query i may see. */
RT_INLINE int64_t visible_keys(const struct rt_attention *a, int64_t i, int64_t j0, int64_t count) {
    int64_t seen = a->causal ? i + 1 - j0 : count;
    return seen < 0 ? 0 : lesser(seen, count);
}

#define RT_REAL_BITS 32
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/attention_rows.h"
#include "isa/attention_forward.h"
#include "isa/attention_backward.h"
#undef RT_REAL_BITS
#define RT_REAL_BITS 64
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/attention_rows.h"
#include "isa/attention_forward.h"
#include "isa/attention_backward.h"
#undef RT_REAL_BITS

int rt_attention(int dtype, uintptr_t out, uintptr_t lse, uintptr_t q, uintptr_t k, uintptr_t v, uintptr_t mask,
                 const struct rt_attention *attention) {
    return RT_BY_REAL(dtype, attention_forward, attention, (void *)out, (void *)lse, (void *)q, (void *)k, (void *)v,
                      (void *)mask);
}

int rt_attention_backward(int dtype, uintptr_t dq, uintptr_t dk, uintptr_t dv, uintptr_t g, uintptr_t q, uintptr_t k,
                          uintptr_t v, uintptr_t out, uintptr_t lse, uintptr_t mask,
                          const struct rt_attention *attention) {
    return RT_BY_REAL(dtype, attention_backward, attention, (void *)dq, (void *)dk, (void *)dv, (void *)g, (void *)q,
                      (void *)k, (void *)v, (void *)out, (void *)lse, (void *)mask);
}
