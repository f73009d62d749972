#pragma once
#include <stdint.h>

enum rt_activation {
    RT_ACT_NONE,
    RT_ACT_RELU,
    RT_ACT_GELU,
    RT_ACT_GELU_TANH,
    RT_ACT_SILU,
    RT_ACT_TANH,
    RT_ACT_SIGMOID,
    RT_ACTIVATION_COUNT,
};

/* out = activation(x weight^T + bias) + residual, all contiguous: out and residual (m, n), x (m, k), bias (n,).
 * weight is (n, k) or, if `panel` is not 0, lies in panels as (ceil(n / panel), k, panel).  bias and residual may be 0.
 */
int rt_linear_fused(int dtype, uintptr_t out, uintptr_t x, uintptr_t weight, uintptr_t bias, uintptr_t residual,
                    int64_t m, int64_t n, int64_t k, int64_t panel, int activation);
/* The width of panels that is read fastest. */
int rt_linear_fused_panel(int dtype);
