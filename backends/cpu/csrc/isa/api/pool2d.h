#pragma once
#include <stdint.h>

/* Sizes and attributes of a 2-D pooling; `planes` is batch times channels. */
struct rt_pool2d {
    int64_t planes, h, w, oh, ow, kh, kw, stride_h, stride_w, pad_h, pad_w;
    int64_t dilation_h, dilation_w; /* of a maximum */
    int64_t count_padding, divisor; /* of a mean: 0 or 1; 0 or what to divide by */
};

/* float32 and float64; all operands contiguous.  Indices are positions in a plane of h * w. */
int rt_max_pool2d(int dtype, uintptr_t out, uintptr_t indices, uintptr_t x, const struct rt_pool2d *pool);
int rt_max_pool2d_backward(int dtype, uintptr_t out, uintptr_t g, uintptr_t indices, const struct rt_pool2d *pool);
int rt_avg_pool2d(int dtype, uintptr_t out, uintptr_t x, const struct rt_pool2d *pool);
int rt_avg_pool2d_backward(int dtype, uintptr_t out, uintptr_t g, const struct rt_pool2d *pool);
