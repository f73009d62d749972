/* float16 and bfloat16 as 16-bit patterns, to float and back (to nearest, ties to even). */
#pragma once
#include <stdint.h>
#include <string.h>

static inline void f16_to_float(const uint16_t *x, int64_t stride, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        _Float16 h;
        memcpy(&h, x + i * stride, sizeof h);
        y[i] = (float)h;
    }
}

static inline void float_to_f16(const float *x, uint16_t *y, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        _Float16 h = (_Float16)x[i];
        memcpy(y + i, &h, sizeof h);
    }
}

static inline void bf16_to_float(const uint16_t *x, int64_t stride, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)x[i * stride] << 16;
        memcpy(y + i, &bits, sizeof bits);
    }
}

static inline void float_to_bf16(const float *x, uint16_t *y, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
        y[i] = (uint16_t)(x[i] != x[i] ? bits >> 16 | 0x40 : rounded);
    }
}
