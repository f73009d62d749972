/* Convolution as a matrix product whose operands are packed straight from the images. */
#include "isa/api/conv.h"
#include "isa/conv_geometry.h"
#include "isa/gemm.h"
#include "workspace.h"

#define RT_REAL_BITS 32
#include "isa/real.h"
#include "isa/gemm_tile_size.h"
#include "isa/transpose.h"
#include "isa/conv_pack.h"
#include "isa/conv_product.h"
#include "isa/conv_depthwise.h"
#undef RT_REAL_BITS
#define RT_REAL_BITS 64
#include "isa/real.h"
#include "isa/gemm_tile_size.h"
#include "isa/transpose.h"
#include "isa/conv_pack.h"
#include "isa/conv_product.h"
#include "isa/conv_depthwise.h"
#undef RT_REAL_BITS

/* A channel on its own has no sums over channels to share: rows of pixels are quicker than a product. */
static bool is_depthwise(const struct rt_conv *v) { return v->groups > 1 && v->c == v->groups; }

#define BY_TYPE(dtype, call_f32, call_f64)                                                                \
    ((dtype) == RT_FLOAT32 ? (call_f32) : (dtype) == RT_FLOAT64 ? (call_f64) : RT_UNSUPPORTED)
#define CONV(function, ...)                                                                               \
    BY_TYPE(dtype, RT_LOCAL(function##_f32)(__VA_ARGS__), RT_LOCAL(function##_f64)(__VA_ARGS__))

int rt_conv2d(int dtype, uintptr_t out, uintptr_t x, uintptr_t weight, uintptr_t bias, const struct rt_conv *conv) {
    if (is_depthwise(conv))
        return CONV(depthwise_forward, conv, (void *)out, (void *)x, (void *)weight, (void *)bias);
    return CONV(conv_forward, conv, (void *)out, (void *)x, (void *)weight, (void *)bias);
}

int rt_conv2d_input_grad(int dtype, uintptr_t out, uintptr_t g, uintptr_t weight, const struct rt_conv *conv) {
    if (is_depthwise(conv))
        return CONV(depthwise_input_grad, conv, (void *)out, (void *)g, (void *)weight);
    return CONV(conv_input_grad, conv, (void *)out, (void *)g, (void *)weight);
}

int rt_conv2d_weight_grad(int dtype, uintptr_t out, uintptr_t g, uintptr_t x, const struct rt_conv *conv) {
    if (is_depthwise(conv))
        return CONV(depthwise_weight_grad, conv, (void *)out, (void *)g, (void *)x);
    return CONV(conv_weight_grad, conv, (void *)out, (void *)g, (void *)x);
}
