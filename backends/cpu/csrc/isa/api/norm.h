#pragma once
#include <stdint.h>

/* x seen as (rows, n); weight and bias (n,) or 0; mean and rstd (rows,). */
int rt_layer_norm(int dtype, uintptr_t y, uintptr_t mean, uintptr_t rstd, uintptr_t x, uintptr_t weight, uintptr_t bias,
                  int64_t rows, int64_t n, double eps);
int rt_layer_norm_backward(int dtype, uintptr_t dx, uintptr_t dw, uintptr_t db, uintptr_t g, uintptr_t x,
                           uintptr_t mean, uintptr_t rstd, uintptr_t weight, int64_t rows, int64_t n);

/* x seen as (batch, channels, spatial); statistics per channel over the batch and the spatial positions. */
int rt_batch_norm(int dtype, uintptr_t y, uintptr_t mean, uintptr_t rstd, uintptr_t x, uintptr_t weight, uintptr_t bias,
                  int64_t batch, int64_t channels, int64_t spatial, double eps);
int rt_batch_norm_backward(int dtype, uintptr_t dx, uintptr_t dw, uintptr_t db, uintptr_t g, uintptr_t x,
                           uintptr_t mean, uintptr_t rstd, uintptr_t weight, int64_t batch, int64_t channels,
                           int64_t spatial);
/* y = x * scale + shift per channel. */
int rt_channel_affine(int dtype, uintptr_t y, uintptr_t x, uintptr_t scale, uintptr_t shift, int64_t batch,
                      int64_t channels, int64_t spatial);
