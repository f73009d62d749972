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

/* A layer over a sequence in one direction: sequences are (steps, rows, ...), states (rows, hidden).
 * `running` may be 0, or say per step how many of the first samples take part; the others keep their state. */
struct rt_sequence {
    int64_t steps, rows, hidden;
    int64_t reverse, relu;
    const int64_t *running;
};

/* `gates` holds the input's products and biases; the states' products are added step by step.  float32, float64. */
int rt_lstm_layer(int dtype, uintptr_t h, uintptr_t c, uintptr_t activated, uintptr_t gates, uintptr_t h0, uintptr_t c0,
                  uintptr_t w_hh, const struct rt_sequence *sequence);
/* `d_c`, the gradient of the cells of all steps, may be 0. */
int rt_lstm_layer_backward(int dtype, uintptr_t d_gates, uintptr_t d_h0, uintptr_t d_c0, uintptr_t d_h, uintptr_t d_c,
                           uintptr_t activated, uintptr_t c, uintptr_t c0, uintptr_t w_hh,
                           const struct rt_sequence *sequence);
/* `b_hh` may be 0. */
int rt_gru_layer(int dtype, uintptr_t h, uintptr_t saved, uintptr_t gates, uintptr_t h0, uintptr_t w_hh, uintptr_t b_hh,
                 const struct rt_sequence *sequence);
int rt_gru_layer_backward(int dtype, uintptr_t d_gi, uintptr_t d_gh, uintptr_t d_h0, uintptr_t d_h, uintptr_t saved,
                          uintptr_t h, uintptr_t h0, uintptr_t w_hh, const struct rt_sequence *sequence);
int rt_rnn_layer(int dtype, uintptr_t h, uintptr_t gates, uintptr_t h0, uintptr_t w_hh,
                 const struct rt_sequence *sequence);
int rt_rnn_layer_backward(int dtype, uintptr_t d_gates, uintptr_t d_h0, uintptr_t d_h, uintptr_t h, uintptr_t w_hh,
                          const struct rt_sequence *sequence);
