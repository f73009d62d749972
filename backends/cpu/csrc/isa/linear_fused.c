/* A product of which every tile passes through an activation while it is in the cache. */
#include "isa/api/linear_fused.h"
#include "isa/activation.h"
#include "isa/gemm.h"

#define RT_REAL_BITS 32
#include "isa/real.h"
#include "isa/gemm_tile_size.h"
#include "isa/linear_fused_template.h"
#undef RT_REAL_BITS
#define RT_REAL_BITS 64
#include "isa/real.h"
#include "isa/gemm_tile_size.h"
#include "isa/linear_fused_template.h"
#undef RT_REAL_BITS

int rt_linear_fused(int dtype, uintptr_t out, uintptr_t x, uintptr_t weight, uintptr_t bias, uintptr_t residual,
                    int64_t m, int64_t n, int64_t k, int64_t panel, int activation) {
    if (activation < 0 || activation >= RT_ACTIVATION_COUNT)
        return RT_UNSUPPORTED;
    return RT_BY_REAL(dtype, linear_fused, out, x, weight, bias, residual, m, n, k, panel, activation);
}

int rt_linear_fused_panel(int dtype) {
    return dtype == RT_FLOAT32 ? RT_LOCAL(panel_width_f32) : RT_LOCAL(panel_width_f64);
}
