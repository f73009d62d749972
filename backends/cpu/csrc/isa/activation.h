/* Activations and their derivatives, written once for float and double vectors. */
#pragma once
#include "isa/vmath.h"

#define RT_ACTIVATIONS(V, T, N)                                                                          \
    RT_INLINE V N##_silu(V x) { return x * N##_sigmoid(x); }                                             \
    RT_INLINE V N##_silu_backward(V g, V x) {                                                            \
        V s = N##_sigmoid(x);                                                                            \
        return g * s * (1 + x * (1 - s));                                                                \
    }                                                                                                    \
    /* x Phi(x) = max(x, 0) - t (1 - Phi(t)) with t = |x|, Phi the normal distribution function:        \
     * exact digits on both sides */                                                                     \
    RT_INLINE V N##_gelu(V x) {                                                                          \
        V t = N##_clamp(N##_abs(x), 0, N##_tail_end);                                                    \
        return N##_larger(N##_set1(0), x) - N##_times_normal_tail(t, t);                                 \
    }                                                                                                    \
    RT_INLINE V N##_gelu_backward(V g, V x) {                                                            \
        V t = N##_clamp(N##_abs(x), 0, N##_tail_end), bell = N##_bell(t);                                \
        V tail = bell * N##_normal_tail_ratio(t);                                                        \
        V cdf = N##_select(x > 0, 1 - tail, tail);                                                       \
        return g * N##_fma(x, bell * (T)(0.39894228040143267794 * 0x1p-64), cdf);                        \
    }                                                                                                    \
    /* x/2 (1 + tanh(u)) = x sigmoid(2u) with u = sqrt(2/pi) (x + 0.044715 x^3): no cancellation */       \
    RT_INLINE V N##_gelu_gate(V x) {                                                                     \
        return N##_sigmoid((T)1.59576912160573071176 * x * (1 + (T)0.044715 * x * x));                   \
    }                                                                                                    \
    RT_INLINE V N##_gelu_tanh(V x) { return x * N##_gelu_gate(x); }                                      \
    RT_INLINE V N##_gelu_tanh_backward(V g, V x) {                                                       \
        V s = N##_gelu_gate(x);                                                                          \
        V slope = (T)1.59576912160573071176 * (1 + (T)0.134145 * x * x);                                 \
        return g * s * (1 + x * (1 - s) * slope);                                                        \
    }

RT_ACTIVATIONS(vf, float, vf)
RT_ACTIVATIONS(vd, double, vd)

#define v_silu(x) RT_EITHER(silu, x)(x)
#define v_gelu(x) RT_EITHER(gelu, x)(x)
#define v_gelu_tanh(x) RT_EITHER(gelu_tanh, x)(x)
#define v_silu_backward(g, x) RT_EITHER(silu_backward, x)(g, x)
#define v_gelu_backward(g, x) RT_EITHER(gelu_backward, x)(g, x)
#define v_gelu_tanh_backward(g, x) RT_EITHER(gelu_tanh_backward, x)(g, x)
