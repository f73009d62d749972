/* One spelling for both vector types: v_exp(x) is vf_exp or vd_exp by the type of x. */
#pragma once
#include "isa/math_f32.h"
#include "isa/math_f64.h"

#define RT_EITHER(name, x) _Generic((x), vf: vf_##name, vd: vd_##name)

#define v_exp(x) RT_EITHER(exp, x)(x)
#define v_exp2(x) RT_EITHER(exp2, x)(x)
#define v_expm1(x) RT_EITHER(expm1, x)(x)
#define v_log(x) RT_EITHER(log, x)(x)
#define v_log2(x) RT_EITHER(log2, x)(x)
#define v_log10(x) RT_EITHER(log10, x)(x)
#define v_log1p(x) RT_EITHER(log1p, x)(x)
#define v_tanh(x) RT_EITHER(tanh, x)(x)
#define v_erf(x) RT_EITHER(erf, x)(x)
#define v_sin(x) RT_EITHER(sin, x)(x)
#define v_cos(x) RT_EITHER(cos, x)(x)
#define v_sigmoid(x) RT_EITHER(sigmoid, x)(x)
#define v_select(m, a, b) RT_EITHER(select, a)(m, a, b)
#define v_fma(a, b, c) RT_EITHER(fma, a)(a, b, c)
