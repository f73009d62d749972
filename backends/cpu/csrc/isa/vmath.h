/* One spelling for both vector types: v_exp(x) is vf_exp or vd_exp by the type of x. */
#pragma once
#include "isa/math_f32.h"

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
#define v_tan(x) RT_EITHER(tan, x)(x)
#define v_asin(x) RT_EITHER(asin, x)(x)
#define v_acos(x) RT_EITHER(acos, x)(x)
#define v_atan(x) RT_EITHER(atan, x)(x)
#define v_sinh(x) RT_EITHER(sinh, x)(x)
#define v_cosh(x) RT_EITHER(cosh, x)(x)
#define v_atan2(y, x) RT_EITHER(atan2, x)(y, x)
#define v_pow(x, y) RT_EITHER(pow, x)(x, y)
#define v_sigmoid(x) RT_EITHER(sigmoid, x)(x)
#define v_select(m, a, b) RT_EITHER(select, a)(m, a, b)
#define v_fma(a, b, c) RT_EITHER(fma, a)(a, b, c)
