#pragma once
#include <stdint.h>

enum rt_row_op { RT_SOFTMAX, RT_LOG_SOFTMAX, RT_SOFTMAX_BACKWARD, RT_LOG_SOFTMAX_BACKWARD };

/* Tensors seen as (outer, n, inner), contiguous.  Forward: a is x.  Backward: a is g, b is the saved result. */
int rt_row_map(int op, int dtype, uintptr_t out, uintptr_t a, uintptr_t b, int64_t outer, int64_t n, int64_t inner);

/* Row by row: log_probs = log_softmax(logits), loss = -weight[target] * log_probs[target].  weight may be 0. */
int rt_cross_entropy(int dtype, uintptr_t loss, uintptr_t log_probs, uintptr_t logits, uintptr_t target,
                     uintptr_t weight, int64_t rows, int64_t classes, int64_t ignore_index);
/* The same, with the sum of the losses divided by `divisor`, the weight of the rows that count. */
int rt_cross_entropy_mean(int dtype, uintptr_t loss, uintptr_t log_probs, uintptr_t divisor, uintptr_t logits,
                          uintptr_t target, uintptr_t weight, int64_t rows, int64_t classes, int64_t ignore_index);
int rt_cross_entropy_backward(int dtype, uintptr_t out, uintptr_t g, uintptr_t log_probs, uintptr_t target,
                              uintptr_t weight, int64_t rows, int64_t classes, int64_t ignore_index);
