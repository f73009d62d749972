#pragma once
#include <stdint.h>

/* Sizes, and the strides of (batch, head, row, number) of each operand that need not be contiguous. */
struct rt_attention {
    int64_t batch, heads, queries, keys, width, value_width;
    int64_t q[4], k[4], v[4], mask[4], g[4], out[4];
    int64_t causal;
    double scale;
};

/* out = softmax(q k^T scale + mask) v and lse, the logarithm of the softmax's denominators; `mask` may be 0.
 * float32 and float64; results are contiguous. */
int rt_attention(int dtype, uintptr_t out, uintptr_t lse, uintptr_t q, uintptr_t k, uintptr_t v, uintptr_t mask,
                 const struct rt_attention *attention);
int rt_attention_backward(int dtype, uintptr_t dq, uintptr_t dk, uintptr_t dv, uintptr_t g, uintptr_t q, uintptr_t k,
                          uintptr_t v, uintptr_t out, uintptr_t lse, uintptr_t mask,
                          const struct rt_attention *attention);
