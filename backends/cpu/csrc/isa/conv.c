/* Convolution as a matrix product whose operands are packed straight from the images. */
#include "isa/api/conv.h"
#include "cache.h"
#include "isa/conv_geometry.h"
#include "isa/gemm.h"
#include "isa/grouped.h"
#include "workspace.h"

#define RT_REAL_BITS 32
#include "isa/real.h"
#include "isa/gemm_tile_size.h"
#include "isa/transpose.h"
#include "isa/gemm_pack.h"
#include "isa/lanes.h"
#include "isa/conv_pack.h"
#include "isa/conv_groups.h"
#include "isa/conv_direct.h"
#include "isa/conv_narrow.h"
#include "isa/conv_gradient.h"
#include "isa/conv_product.h"
#include "isa/conv_depthwise.h"
#undef RT_REAL_BITS
#define RT_REAL_BITS 64
#include "isa/real.h"
#include "isa/gemm_tile_size.h"
#include "isa/transpose.h"
#include "isa/gemm_pack.h"
#include "isa/lanes.h"
#include "isa/conv_pack.h"
#include "isa/conv_groups.h"
#include "isa/conv_direct.h"
#include "isa/conv_narrow.h"
#include "isa/conv_gradient.h"
#include "isa/conv_product.h"
#include "isa/conv_depthwise.h"
#undef RT_REAL_BITS

/* A channel on its own has no sums over channels to share.  Without strides it is computed in place like any group
 * (conv_direct.h); with them, plane by plane. */
static bool is_depthwise(const struct rt_conv *v) { return v->groups > 1 && v->c == v->groups; }

static bool has_strides(const struct rt_conv *v) { return v->stride_h * v->stride_w > 1; }

int rt_conv2d(int dtype, uintptr_t out, uintptr_t x, uintptr_t weight, uintptr_t bias, const struct rt_conv *conv) {
    if (is_depthwise(conv) && has_strides(conv))
        return RT_BY_REAL(dtype, depthwise_forward, conv, (void *)out, (void *)x, (void *)weight, (void *)bias);
    return RT_BY_REAL(dtype, conv_forward, conv, (void *)out, (void *)x, (void *)weight, (void *)bias);
}

int rt_conv2d_input_grad(int dtype, uintptr_t out, uintptr_t g, uintptr_t weight, const struct rt_conv *conv) {
    if (is_depthwise(conv) && has_strides(conv))
        return RT_BY_REAL(dtype, depthwise_input_grad, conv, (void *)out, (void *)g, (void *)weight);
    return RT_BY_REAL(dtype, conv_input_grad, conv, (void *)out, (void *)g, (void *)weight);
}

int rt_conv2d_weight_grad(int dtype, uintptr_t out, uintptr_t g, uintptr_t x, const struct rt_conv *conv) {
    if (is_depthwise(conv))
        return RT_BY_REAL(dtype, depthwise_weight_grad, conv, (void *)out, (void *)g, (void *)x);
    return RT_BY_REAL(dtype, conv_weight_grad, conv, (void *)out, (void *)g, (void *)x);
}
