#pragma once
#include <stdint.h>

/* Sizes and attributes of a 2-D convolution. */
struct rt_conv {
    int64_t n, c, h, w; /* input */
    int64_t o, oh, ow;  /* output */
    int64_t kh, kw;     /* filter */
    int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, groups;
};

/* float32 and float64; all operands contiguous; `bias` may be 0. */
int rt_conv2d(int dtype, uintptr_t out, uintptr_t x, uintptr_t weight, uintptr_t bias, const struct rt_conv *conv);
int rt_conv2d_input_grad(int dtype, uintptr_t out, uintptr_t g, uintptr_t weight, const struct rt_conv *conv);
int rt_conv2d_weight_grad(int dtype, uintptr_t out, uintptr_t g, uintptr_t x, const struct rt_conv *conv);
