/* Template: all loops of isa/elementwise.def for one dtype, and the table of them.
 *
 * The including file defines T (C type), TYPE (name), DTYPE (its id), and KEEP_<class>(...) as its
 * arguments for the classes that hold for T and as nothing for the others; for VEC also V and N
 * (vector type and prefix).  No include guard: included once per dtype. */

#define RT_LOOP_NAME(name) RT_PASTE(name##_loop, TYPE)
#define RT_UNUSED_PARAMS const T p0 __attribute__((unused)) = (T)params[0], p1 __attribute__((unused)) = (T)params[1]

/* Scalar expressions.  `out` may equal an input, never overlap it otherwise: hence no dependence. */
#define RT_SCALAR_1(name, R, expr)                                                                       \
    static int RT_LOOP_NAME(name)(int64_t n, void *out, const void *const *in, const double *params) {   \
        RT_UNUSED_PARAMS;                                                                                \
        R *o = out;                                                                                      \
        const T *x = in[0];                                                                              \
        _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) {                                           \
            const T a = x[i];                                                                            \
            o[i] = (R)(expr);                                                                            \
        }                                                                                                \
        return RT_OK;                                                                                    \
    }
#define RT_SCALAR_2(name, R, expr)                                                                       \
    static int RT_LOOP_NAME(name)(int64_t n, void *out, const void *const *in, const double *params) {   \
        RT_UNUSED_PARAMS;                                                                                \
        R *o = out;                                                                                      \
        const T *x = in[0], *y = in[1];                                                                  \
        _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) {                                           \
            const T a = x[i], b = y[i];                                                                  \
            o[i] = (R)(expr);                                                                            \
        }                                                                                                \
        return RT_OK;                                                                                    \
    }
#define RT_NUMBER_2(name, expr)                                                                          \
    static int RT_PASTE(name##_by_number, TYPE)(int64_t n, void *out, const void *const *in,             \
                                                const double *params) {                                  \
        RT_UNUSED_PARAMS;                                                                                \
        T *o = out;                                                                                      \
        const T *x = in[0], b = *(const T *)in[1];                                                       \
        _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) {                                           \
            const T a = x[i];                                                                            \
            o[i] = (T)(expr);                                                                            \
        }                                                                                                \
        return RT_OK;                                                                                    \
    }
#define RT_DIVIDING_2(name, expr)                                                                        \
    static int RT_LOOP_NAME(name)(int64_t n, void *out, const void *const *in, const double *params) {   \
        (void)params;                                                                                    \
        T *o = out;                                                                                      \
        const T *x = in[0], *y = in[1];                                                                  \
        for (int64_t i = 0; i < n; i++)                                                                  \
            if (y[i] == 0)                                                                               \
                return RT_DIVISION_BY_ZERO;                                                              \
        for (int64_t i = 0; i < n; i++) {                                                                \
            const T a = x[i], b = y[i];                                                                  \
            o[i] = (expr);                                                                               \
        }                                                                                                \
        return RT_OK;                                                                                    \
    }

/* Vector expressions.  The tail goes through the same vector code, so that an element's result
 * does not depend on its position. */
#define RT_LANES ((int64_t)(sizeof(V) / sizeof(T)))
#define RT_VECTOR_1(name, expr)                                                                          \
    static int RT_LOOP_NAME(name)(int64_t n, void *out, const void *const *in, const double *params) {   \
        RT_UNUSED_PARAMS;                                                                                \
        T *o = out;                                                                                      \
        const T *x = in[0];                                                                              \
        int64_t i = 0;                                                                                   \
        for (; i + RT_LANES <= n; i += RT_LANES) {                                                       \
            const V a = RT_PASTE(N, load)(x + i);                                                        \
            RT_PASTE(N, store)(o + i, expr);                                                             \
        }                                                                                                \
        if (i < n) {                                                                                     \
            const V a = RT_PASTE(N, load_n)(x + i, n - i);                                               \
            RT_PASTE(N, store_n)(o + i, expr, n - i);                                                    \
        }                                                                                                \
        return RT_OK;                                                                                    \
    }
#define RT_VECTOR_2(name, expr)                                                                          \
    static int RT_LOOP_NAME(name)(int64_t n, void *out, const void *const *in, const double *params) {   \
        RT_UNUSED_PARAMS;                                                                                \
        T *o = out;                                                                                      \
        const T *x = in[0], *y = in[1];                                                                  \
        int64_t i = 0;                                                                                   \
        for (; i + RT_LANES <= n; i += RT_LANES) {                                                       \
            const V a = RT_PASTE(N, load)(x + i), b = RT_PASTE(N, load)(y + i);                          \
            RT_PASTE(N, store)(o + i, expr);                                                             \
        }                                                                                                \
        if (i < n) {                                                                                     \
            const V a = RT_PASTE(N, load_n)(x + i, n - i), b = RT_PASTE(N, load_n)(y + i, n - i);        \
            RT_PASTE(N, store_n)(o + i, expr, n - i);                                                    \
        }                                                                                                \
        return RT_OK;                                                                                    \
    }

/* RT_NUMBER_LOOPS: with loops whose second operand is a number, which rows with one repeated number take. */
#undef RT_ARITHMETIC
#undef RT_BY_NUMBER
#ifdef RT_NUMBER_LOOPS
#define RT_ARITHMETIC(name, expr) RT_SCALAR_2(name, T, expr) RT_NUMBER_2(name, expr)
#define RT_BY_NUMBER(name) RT_PASTE(name##_by_number, TYPE)
#else
#define RT_ARITHMETIC(name, expr) RT_SCALAR_2(name, T, expr)
#define RT_BY_NUMBER(name) NULL
#endif

/* Pass 1: the loops. */
#define UNARY(class, name, cost, expr) UNARY_##class(name, expr)
#define BINARY(class, name, cost, expr) BINARY_##class(name, expr)
#define PREDICATE(class, name, cost, expr) KEEP_##class(RT_SCALAR_1(name, uint8_t, expr))
#define COMPARE(class, name, cost, expr) KEEP_##class(RT_SCALAR_2(name, uint8_t, expr))
#define DIVIDING(name, cost, expr) KEEP_INT(RT_DIVIDING_2(name, expr))
#define UNARY_VEC(name, expr) KEEP_VEC(RT_VECTOR_1(name, expr))
#define BINARY_VEC(name, expr) KEEP_VEC(RT_VECTOR_2(name, expr))
#define UNARY_BITS(name, expr) KEEP_BITS(RT_SCALAR_1(name, T, expr))
#define UNARY_INT(name, expr) KEEP_INT(RT_SCALAR_1(name, T, expr))
#define UNARY_REAL(name, expr) KEEP_REAL(RT_SCALAR_1(name, T, expr))
#define UNARY_FLT(name, expr) KEEP_FLT(RT_SCALAR_1(name, T, expr))
#define UNARY_NUM(name, expr) KEEP_NUM(RT_SCALAR_1(name, T, expr))
#define BINARY_BOOL(name, expr) KEEP_BOOL(RT_SCALAR_2(name, T, expr))
#define BINARY_BITS(name, expr) KEEP_BITS(RT_SCALAR_2(name, T, expr))
#define BINARY_INT(name, expr) KEEP_INT(RT_SCALAR_2(name, T, expr))
#define BINARY_FLT(name, expr) KEEP_FLT(RT_ARITHMETIC(name, expr))
#define BINARY_NUM(name, expr) KEEP_NUM(RT_ARITHMETIC(name, expr))
#define BINARY_CPX(name, expr) KEEP_CPX(RT_SCALAR_2(name, T, expr))
#include "isa/elementwise.def"
#undef UNARY
#undef BINARY
#undef PREDICATE
#undef COMPARE
#undef DIVIDING

/* Pass 2: the table. */
#define RT_ROW(name, cost, inputs, result, by_number)                                                    \
    {#name, DTYPE, result, {DTYPE, DTYPE, DTYPE}, inputs, cost, RT_LOOP_NAME(name), by_number},
#define UNARY(class, name, cost, expr) KEEP_##class(RT_ROW(name, cost, 1, DTYPE, NULL))
#define BINARY(class, name, cost, expr) KEEP_##class(RT_ROW(name, cost, 2, DTYPE, BY_NUMBER_##class(name)))
#define BY_NUMBER_FLT(name) RT_BY_NUMBER(name)
#define BY_NUMBER_NUM(name) RT_BY_NUMBER(name)
#define BY_NUMBER_VEC(name) NULL
#define BY_NUMBER_BITS(name) NULL
#define BY_NUMBER_INT(name) NULL
#define BY_NUMBER_BOOL(name) NULL
#define BY_NUMBER_CPX(name) NULL
#define PREDICATE(class, name, cost, expr) KEEP_##class(RT_ROW(name, cost, 1, RT_BOOL, NULL))
#define COMPARE(class, name, cost, expr) KEEP_##class(RT_ROW(name, cost, 2, RT_BOOL, NULL))
#define DIVIDING(name, cost, expr) KEEP_INT(RT_ROW(name, cost, 2, DTYPE, NULL))
static const rt_op RT_PASTE(ops, TYPE)[] = {
#include "isa/elementwise.def"
};
#undef UNARY
#undef BINARY
#undef PREDICATE
#undef COMPARE
#undef DIVIDING

#undef T
#undef TYPE
#undef DTYPE
#undef V
#undef N
