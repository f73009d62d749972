/* Elementwise loops of float32 and float64 (and, through conversion, float16 and bfloat16). */
#include "isa/activation.h"
#include "isa/optable.h"
#include <tgmath.h>

/* Python's rules: the remainder has the sign of the divisor, the quotient rounds to minus infinity.
 * The quotient comes from the remainder, so that the two agree when a / b is near an integer. */
#define RT_FLOAT_MATH(T, TYPE)                                                                           \
    static inline T remainder_of_##TYPE(T a, T b) {                                                      \
        T r = fmod(a, b);                                                                                \
        return r != 0 && (r < 0) != (b < 0) ? r + b : r;                                                 \
    }                                                                                                    \
    static inline T floor_divide_##TYPE(T a, T b) {                                                      \
        if (b == 0)                                                                                      \
            return a / b;                                                                                \
        T r = fmod(a, b), q = (a - r) / b;                                                               \
        if (r != 0 && (r < 0) != (b < 0))                                                                \
            q -= 1;                                                                                      \
        T f = floor(q);                                                                                  \
        return q == 0 ? copysign((T)0, a / b) : q - f > (T)0.5 ? f + 1 : f;                              \
    }

RT_FLOAT_MATH(float, float32)
RT_FLOAT_MATH(double, float64)

#define floor_divide(a, b) RT_PASTE(floor_divide, TYPE)(a, b)
#define remainder_of(a, b) RT_PASTE(remainder_of, TYPE)(a, b)

#define KEEP_VEC(...) __VA_ARGS__
#define KEEP_FLT(...) __VA_ARGS__
#define KEEP_REAL(...) __VA_ARGS__
#define KEEP_NUM(...) __VA_ARGS__
#define KEEP_ORD(...) __VA_ARGS__
#define KEEP_ANY(...) __VA_ARGS__
#define KEEP_CPX(...)
#define KEEP_BITS(...)
#define KEEP_BOOL(...)
#define KEEP_INT(...)

#define RT_NUMBER_LOOPS
#define T float
#define TYPE float32
#define DTYPE RT_FLOAT32
#define V vf
#define N vf
#include "isa/loops.h"

#define T double
#define TYPE float64
#define DTYPE RT_FLOAT64
#define V vd
#define N vd
#include "isa/loops.h"

const rt_op_list RT_LOCAL(rt_float_ops)[] = {RT_OP_LIST(ops_float32), RT_OP_LIST(ops_float64), {NULL, 0}};
