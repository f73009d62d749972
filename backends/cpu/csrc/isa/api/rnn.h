#pragma once
#include <stdint.h>

/* Pointwise part of recurrent cells for `rows` samples with `hidden` units; float32 and float64, contiguous. */
int rt_lstm_cell(int dtype, uintptr_t h, uintptr_t c, uintptr_t activated, uintptr_t gates, uintptr_t c_prev,
                 int64_t rows, int64_t hidden);
int rt_lstm_cell_backward(int dtype, uintptr_t d_gates, uintptr_t d_c_prev, uintptr_t d_h, uintptr_t d_c,
                          uintptr_t activated, uintptr_t c_prev, uintptr_t c, int64_t rows, int64_t hidden);
int rt_gru_cell(int dtype, uintptr_t h, uintptr_t saved, uintptr_t gi, uintptr_t gh, uintptr_t h_prev, int64_t rows,
                int64_t hidden);
int rt_gru_cell_backward(int dtype, uintptr_t d_gi, uintptr_t d_gh, uintptr_t d_h_prev, uintptr_t d_h, uintptr_t saved,
                         uintptr_t h_prev, int64_t rows, int64_t hidden);
