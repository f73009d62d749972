/* The vector vocabulary: the same names on every target.
 *
 * Built on GCC/Clang vector extensions, which already give + - * / comparisons, shifts and bit
 * operations; a target header adds RT_VEC_BYTES and the few things that need an instruction:
 * fma, sqrt, round, select, clamp, ldexp; the rest follows from these.
 *
 *   vf vd           vectors of float and double         vi vl vu  int32, int64 and uint64 of the same width
 *   VF VD           their lane counts
 *   x_load x_store  unaligned memory                    x_set1    all lanes alike
 *   x_load_n x_store_n  the first n lanes, the rest 0   x_fma     a * b + c
 *   x_load_or  the first n lanes, the rest a number     x_first   keeps the first n lanes of a vector
 *   x_range  lanes lo .. hi, the others 0               x_gather  the same of numbers a stride apart
 *   x_sqrt x_round  instructions                        x_select  mask ? a : b, lane by lane
 *   x_clamp  into [low, high], NaN stays                x_ldexp   x * 2^n for a vector n of integers
 *   x_abs x_max x_min x_copysign (max and min propagate NaN)      x_sum x_hmax  across lanes
 *   x_larger  the second operand where one is NaN       x_most    the largest lane but NaN
 *   x_keep    holds a loaded vector in a register, lest it be loaded again for every use
 *   vi_any vl_any   whether a lane of a mask is set
 *   vf_lookup       numbers of a table of 16, aligned; the index counts modulo 16
 *   vi_load vi_store vi_load_n vi_store_n   int32 in memory, as above
 *   vu_mul32 vu_zip_low vu_zip_high   uint64: product of the lower halves; interleaved
 *   vl_from_vd vd_from_vl   small integers, by value
 *   vd_load_float   VD floats from memory, as doubles
 *   vf_low vf_high vf_join   float lanes to two double vectors and back
 */
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(RT_ISA_AVX512)
#include "isa/vec_avx512.h"
#elif defined(RT_ISA_AVX2)
#include "isa/vec_avx2.h"
#elif defined(RT_ISA_NEON)
#include "isa/vec_neon.h"
#else
#include "isa/vec_baseline.h"
#endif

#define RT_INLINE static inline __attribute__((always_inline))

/* What a vector register is to inline assembly. */
#if defined(__x86_64__)
#define RT_VEC_KEEP(x) __asm__("" : "+v"(x))
#elif defined(__aarch64__)
#define RT_VEC_KEEP(x) __asm__("" : "+w"(x))
#else
#define RT_VEC_KEEP(x) (void)(x)
#endif

/* The names that are written alike for float and double. */
#define RT_VEC_COMMON(V, M, T, N, LANES)                                                                  \
    RT_INLINE V N##_load(const T *p) { V v; memcpy(&v, p, sizeof v); return v; }                         \
    RT_INLINE void N##_store(T *p, V v) { memcpy(p, &v, sizeof v); }                                     \
    RT_INLINE V N##_set1(T x) { return x - (V){0}; }                                                     \
    RT_INLINE V N##_keep(V x) { RT_VEC_KEEP(x); return x; }                                              \
    RT_INLINE V N##_abs(V x) { return (V)((M)x & ~(M)N##_set1((T)-0.0)); }                               \
    RT_INLINE V N##_copysign(V x, V s) { M b = (M)N##_set1((T)-0.0); return (V)(((M)x & ~b) | ((M)s & b)); } \
    RT_INLINE V N##_max(V a, V b) { return N##_select((M)(a > b) | (M)(a != a), a, b); }                 \
    RT_INLINE V N##_min(V a, V b) { return N##_select((M)(a < b) | (M)(a != a), a, b); }                 \
    RT_INLINE T N##_hmax(V x) {                                                                          \
        T m = x[0];                                                                                      \
        for (int i = 1; i < LANES; i++) m = x[i] > m || x[i] != x[i] ? x[i] : m;                         \
        return m;                                                                                        \
    }

RT_VEC_COMMON(vf, vi, float, vf, VF)
RT_VEC_COMMON(vd, vl, double, vd, VD)

#ifndef RT_VEC_HAS_PARTS
#define RT_VEC_PARTS(V, T, N, LANES)                                                                      \
    RT_INLINE V N##_load_or(const T *p, int64_t n, T rest) {                                             \
        V x = N##_set1(rest);                                                                            \
        memcpy(&x, p, (size_t)n * sizeof(T));                                                            \
        return x;                                                                                        \
    }                                                                                                    \
    RT_INLINE V N##_load_n(const T *p, int64_t n) { return N##_load_or(p, n, 0); }                       \
    RT_INLINE void N##_store_n(T *p, V x, int64_t n) { memcpy(p, &x, (size_t)n * sizeof(T)); }           \
    RT_INLINE V N##_range(const T *p, int64_t lo, int64_t hi) {                                          \
        V x = {0};                                                                                       \
        for (int64_t i = lo; i < hi; i++) x[i] = p[i];                                                   \
        return x;                                                                                        \
    }                                                                                                    \
    RT_INLINE V N##_first(V x, int64_t n) {                                                              \
        T lanes[LANES];                                                                                  \
        N##_store(lanes, x);                                                                             \
        return N##_load_n(lanes, n);                                                                     \
    }
RT_VEC_PARTS(vf, float, vf, VF)
RT_VEC_PARTS(vd, double, vd, VD)
#endif

#ifndef RT_VEC_HAS_GATHER
#define RT_VEC_GATHER(V, T, N)                                                                           \
    RT_INLINE V N##_gather(const T *p, int64_t stride, int64_t lo, int64_t hi) {                         \
        V x = {0};                                                                                       \
        for (int64_t i = lo; i < hi; i++) x[i] = p[i * stride];                                          \
        return x;                                                                                        \
    }
RT_VEC_GATHER(vf, float, vf)
RT_VEC_GATHER(vd, double, vd)
#endif

#ifndef RT_VEC_HAS_ACROSS
#define RT_VEC_ACROSS(V, T, N, LANES)                                                                    \
    RT_INLINE V N##_larger(V a, V b) { return N##_select(a > b, a, b); }                                 \
    RT_INLINE T N##_most(V x) {                                                                          \
        for (int w = LANES / 2; w > 0; w /= 2)                                                           \
            for (int i = 0; i < w; i++) x[i] = x[i + w] > x[i] ? x[i + w] : x[i];                        \
        return x[0];                                                                                     \
    }                                                                                                    \
    RT_INLINE T N##_sum(V x) {                                                                           \
        for (int w = LANES / 2; w > 0; w /= 2)                                                           \
            for (int i = 0; i < w; i++) x[i] += x[i + w];                                                \
        return x[0];                                                                                     \
    }
RT_VEC_ACROSS(vf, float, vf, VF)
RT_VEC_ACROSS(vd, double, vd, VD)
#endif

/* Doubles that hold integers below 2^51, and back, by the bits of 1.5 * 2^52 + n: AVX2 has no conversion. */
RT_INLINE vl vl_from_vd(vd n) { return (vl)(n + 6755399441055744.0) - 0x4338000000000000; }
RT_INLINE vd vd_from_vl(vl n) { return (vd)(n + 0x4338000000000000) - 6755399441055744.0; }

/* In two steps, so that results may be denormal or reach the largest number. */
#ifndef RT_VEC_HAS_LDEXP
RT_INLINE vf vf_ldexp(vf x, vf n) {
    vi whole = __builtin_convertvector(n, vi), half = whole >> 1;
    return x * (vf)((half + 127) << 23) * (vf)((whole - half + 127) << 23);
}
RT_INLINE vd vd_ldexp(vd x, vd n) {
    vd half = vd_round(n * 0.5);
    return x * (vd)((vl_from_vd(half) + 1023) << 52) * (vd)((vl_from_vd(n - half) + 1023) << 52);
}
#endif

RT_INLINE vi vi_set1(int32_t x) { return x - (vi){0}; }
RT_INLINE vi vi_load(const int32_t *p) {
    vi v;
    memcpy(&v, p, sizeof v);
    return v;
}
RT_INLINE void vi_store(int32_t *p, vi v) { memcpy(p, &v, sizeof v); }
#ifndef RT_VEC_HAS_PARTS_OF_INTEGERS
RT_INLINE vi vi_load_n(const int32_t *p, int64_t n) {
    vi v = {0};
    memcpy(&v, p, (size_t)n * sizeof *p);
    return v;
}
RT_INLINE void vi_store_n(int32_t *p, vi v, int64_t n) { memcpy(p, &v, (size_t)n * sizeof *p); }
#endif
RT_INLINE vl vl_set1(int64_t x) { return x - (vl){0}; }
RT_INLINE vu vu_set1(uint64_t x) { return x - (vu){0}; }
RT_INLINE void vu_store(uint64_t *p, vu v) { memcpy(p, &v, sizeof v); }

/* Whether a lane of a mask is set, where the target has no instruction for it. */
#ifndef RT_VEC_HAS_ANY
RT_INLINE bool vl_any(vl mask) {
    int64_t any = 0;
    for (int i = 0; i < VD; i++)
        any |= mask[i];
    return any != 0;
}
RT_INLINE bool vi_any(vi mask) { return vl_any((vl)mask); }
#endif

#ifndef RT_VEC_HAS_TABLES
RT_INLINE vf vf_lookup(const float *table, vi index) {
    vf y;
    for (int i = 0; i < VF; i++)
        y[i] = table[index[i] & 15];
    return y;
}
#endif

/* The product of the lower halves. */
#ifndef RT_VEC_HAS_MUL32
RT_INLINE vu vu_mul32(vu a, vu b) { return (a & UINT32_MAX) * (b & UINT32_MAX); }
#endif

/* a0 b0 a1 b1 ... of the first and of the second halves. */
#if RT_VEC_BYTES == 64
RT_INLINE vu vu_zip_low(vu a, vu b) { return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
RT_INLINE vu vu_zip_high(vu a, vu b) { return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
#elif RT_VEC_BYTES == 32
RT_INLINE vu vu_zip_low(vu a, vu b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
RT_INLINE vu vu_zip_high(vu a, vu b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }
#else
RT_INLINE vu vu_zip_low(vu a, vu b) { return __builtin_shufflevector(a, b, 0, 2); }
RT_INLINE vu vu_zip_high(vu a, vu b) { return __builtin_shufflevector(a, b, 1, 3); }
#endif

/* Half a float vector as doubles, and back. */
#ifndef RT_VEC_HAS_WIDEN
typedef float vf_half __attribute__((vector_size(RT_VEC_BYTES / 2)));
RT_INLINE vd vd_load_float(const float *p) {
    vf_half h;
    memcpy(&h, p, sizeof h);
    return __builtin_convertvector(h, vd);
}
RT_INLINE vd vf_low(vf x) {
    vf_half h;
    memcpy(&h, &x, sizeof h);
    return __builtin_convertvector(h, vd);
}
RT_INLINE vd vf_high(vf x) {
    vf_half h;
    memcpy(&h, (char *)&x + sizeof h, sizeof h);
    return __builtin_convertvector(h, vd);
}
RT_INLINE vf vf_join(vd lo, vd hi) {
    vf_half a = __builtin_convertvector(lo, vf_half), b = __builtin_convertvector(hi, vf_half);
    vf v;
    memcpy(&v, &a, sizeof a);
    memcpy((char *)&v + sizeof a, &b, sizeof b);
    return v;
}
#endif
