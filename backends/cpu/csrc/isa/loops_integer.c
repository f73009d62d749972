/* Elementwise loops of bool and the integers. */
#include "isa/optable.h"

/* Definitions that differ by type; both round to minus infinity, and -1 is kept from the hardware
 * division, which traps on the most negative dividend. */
#define RT_INTEGER_MATH(T, TYPE)                                                                         \
    static inline T floor_divide_##TYPE(T a, T b) {                                                      \
        if (b == (T)-1 && (T)-1 < 0)                                                                     \
            return (T)(0 - a);                                                                           \
        T q = (T)(a / b);                                                                                \
        return (T)(q - ((a % b != 0) & ((a < 0) != (b < 0))));                                           \
    }                                                                                                    \
    static inline T remainder_of_##TYPE(T a, T b) {                                                      \
        if (b == (T)-1 && (T)-1 < 0)                                                                     \
            return 0;                                                                                    \
        T r = (T)(a % b);                                                                                \
        return (T)(r != 0 && (r < 0) != (b < 0) ? r + b : r);                                            \
    }                                                                                                    \
    /* By squaring; a negative exponent gives the integer part of the true power. */                     \
    static inline T integer_power_##TYPE(T a, T b) {                                                     \
        if (b < 0)                                                                                       \
            return (T)(a == 1 ? 1 : a == (T)-1 ? (b % 2 ? -1 : 1) : 0);                                  \
        T result = 1;                                                                                    \
        for (; b > 0; b = (T)(b >> 1), a = (T)(a * a))                                                   \
            if (b & 1)                                                                                   \
                result = (T)(result * a);                                                                \
        return result;                                                                                   \
    }

#pragma GCC diagnostic ignored "-Wtype-limits" /* the unsigned type shares the signed expressions */
RT_INTEGER_MATH(uint8_t, uint8)
RT_INTEGER_MATH(int8_t, int8)
RT_INTEGER_MATH(int16_t, int16)
RT_INTEGER_MATH(int32_t, int32)
RT_INTEGER_MATH(int64_t, int64)

#define KEEP_VEC(...)
#define KEEP_FLT(...)
#define KEEP_CPX(...)
#define KEEP_BITS(...) __VA_ARGS__
#define KEEP_ORD(...) __VA_ARGS__
#define KEEP_ANY(...) __VA_ARGS__

#define RT_IS_BOOL 1
#define KEEP_BOOL(...) __VA_ARGS__
#define KEEP_INT(...)
#define KEEP_REAL(...)
#define KEEP_NUM(...)
#define T uint8_t
#define TYPE boolean
#define DTYPE RT_BOOL
#include "isa/loops.h"
#undef RT_IS_BOOL
#undef KEEP_BOOL
#undef KEEP_INT
#undef KEEP_REAL
#undef KEEP_NUM

#define RT_IS_BOOL 0
#define KEEP_BOOL(...)
#define KEEP_INT(...) __VA_ARGS__
#define KEEP_REAL(...) __VA_ARGS__
#define KEEP_NUM(...) __VA_ARGS__
#define floor_divide(a, b) RT_PASTE(floor_divide, TYPE)(a, b)
#define remainder_of(a, b) RT_PASTE(remainder_of, TYPE)(a, b)
#define integer_power(a, b) RT_PASTE(integer_power, TYPE)(a, b)

#define T uint8_t
#define TYPE uint8
#define DTYPE RT_UINT8
#include "isa/loops.h"

#define T int8_t
#define TYPE int8
#define DTYPE RT_INT8
#include "isa/loops.h"

#define T int16_t
#define TYPE int16
#define DTYPE RT_INT16
#include "isa/loops.h"

#define T int32_t
#define TYPE int32
#define DTYPE RT_INT32
#include "isa/loops.h"

#define T int64_t
#define TYPE int64
#define DTYPE RT_INT64
#include "isa/loops.h"

const rt_op_list RT_LOCAL(rt_integer_ops)[] = {
    RT_OP_LIST(ops_boolean),
    RT_OP_LIST(ops_uint8),
    RT_OP_LIST(ops_int8),
    RT_OP_LIST(ops_int16),
    RT_OP_LIST(ops_int32),
    RT_OP_LIST(ops_int64),
    {NULL, 0},
};
