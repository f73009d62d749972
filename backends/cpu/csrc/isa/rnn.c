/* Recurrent cells after their matrix products, and layers: whole sequences with the products in them. */
#include "isa/api/rnn.h"
#include "isa/gemm.h"
#include "isa/grouped.h"
#include "workspace.h"

/* The time of step number i in the order of computation. */
RT_INLINE int64_t time_of(const struct rt_sequence *s, int64_t i) { return s->reverse ? s->steps - 1 - i : i; }
RT_INLINE int64_t running_rows(const struct rt_sequence *s, int64_t t) { return s->running ? s->running[t] : s->rows; }

#define RT_REAL_BITS 32
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/rnn_template.h"
#include "isa/transpose.h"
#include "isa/rnn_steps.h"
#include "isa/rnn_layer.h"
#undef RT_REAL_BITS
#define RT_REAL_BITS 64
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/rnn_template.h"
#include "isa/transpose.h"
#include "isa/rnn_steps.h"
#include "isa/rnn_layer.h"
#undef RT_REAL_BITS

int rt_lstm_cell(int dtype, uintptr_t h, uintptr_t c, uintptr_t activated, uintptr_t gates, uintptr_t c_prev,
                 int64_t rows, int64_t hidden) {
    return RT_BY_REAL(dtype, lstm, rows, hidden, (void *)h, (void *)c, (void *)activated, (void *)gates,
                      (void *)c_prev);
}

int rt_lstm_cell_backward(int dtype, uintptr_t d_gates, uintptr_t d_c_prev, uintptr_t d_h, uintptr_t d_c,
                          uintptr_t activated, uintptr_t c_prev, uintptr_t c, int64_t rows, int64_t hidden) {
    return RT_BY_REAL(dtype, lstm_backward, rows, hidden, (void *)d_gates, (void *)d_c_prev, (void *)d_h, (void *)d_c,
                      (void *)activated, (void *)c_prev, (void *)c);
}

int rt_gru_cell(int dtype, uintptr_t h, uintptr_t saved, uintptr_t gi, uintptr_t gh, uintptr_t h_prev, int64_t rows,
                int64_t hidden) {
    return RT_BY_REAL(dtype, gru, rows, hidden, (void *)h, (void *)saved, (void *)gi, (void *)gh, (void *)h_prev);
}

int rt_gru_cell_backward(int dtype, uintptr_t d_gi, uintptr_t d_gh, uintptr_t d_h_prev, uintptr_t d_h, uintptr_t saved,
                         uintptr_t h_prev, int64_t rows, int64_t hidden) {
    return RT_BY_REAL(dtype, gru_backward, rows, hidden, (void *)d_gi, (void *)d_gh, (void *)d_h_prev, (void *)d_h,
                      (void *)saved, (void *)h_prev);
}

int rt_lstm_layer(int dtype, uintptr_t h, uintptr_t c, uintptr_t activated, uintptr_t gates, uintptr_t h0, uintptr_t c0,
                  uintptr_t w_hh, const struct rt_sequence *sequence) {
    return RT_BY_REAL(dtype, lstm_layer, sequence, (void *)h, (void *)c, (void *)activated, (void *)gates, (void *)h0,
                      (void *)c0, (void *)w_hh);
}

int rt_lstm_layer_backward(int dtype, uintptr_t d_gates, uintptr_t d_h0, uintptr_t d_c0, uintptr_t d_h, uintptr_t d_c,
                           uintptr_t activated, uintptr_t c, uintptr_t c0, uintptr_t w_hh,
                           const struct rt_sequence *sequence) {
    return RT_BY_REAL(dtype, lstm_layer_backward, sequence, (void *)d_gates, (void *)d_h0, (void *)d_c0, (void *)d_h,
                      (void *)d_c, (void *)activated, (void *)c, (void *)c0, (void *)w_hh);
}

int rt_gru_layer(int dtype, uintptr_t h, uintptr_t saved, uintptr_t gates, uintptr_t h0, uintptr_t w_hh, uintptr_t b_hh,
                 const struct rt_sequence *sequence) {
    return RT_BY_REAL(dtype, gru_layer, sequence, (void *)h, (void *)saved, (void *)gates, (void *)h0, (void *)w_hh,
                      (void *)b_hh);
}

int rt_gru_layer_backward(int dtype, uintptr_t d_gi, uintptr_t d_gh, uintptr_t d_h0, uintptr_t d_h, uintptr_t saved,
                          uintptr_t h, uintptr_t h0, uintptr_t w_hh, const struct rt_sequence *sequence) {
    return RT_BY_REAL(dtype, gru_layer_backward, sequence, (void *)d_gi, (void *)d_gh, (void *)d_h0, (void *)d_h,
                      (void *)saved, (void *)h, (void *)h0, (void *)w_hh);
}

int rt_rnn_layer(int dtype, uintptr_t h, uintptr_t gates, uintptr_t h0, uintptr_t w_hh,
                 const struct rt_sequence *sequence) {
    return RT_BY_REAL(dtype, rnn_layer, sequence, (void *)h, (void *)gates, (void *)h0, (void *)w_hh);
}

int rt_rnn_layer_backward(int dtype, uintptr_t d_gates, uintptr_t d_h0, uintptr_t d_h, uintptr_t h, uintptr_t w_hh,
                          const struct rt_sequence *sequence) {
    return RT_BY_REAL(dtype, rnn_layer_backward, sequence, (void *)d_gates, (void *)d_h0, (void *)d_h, (void *)h,
                      (void *)w_hh);
}
