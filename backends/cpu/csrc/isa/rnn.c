/* LSTM and GRU cells after their matrix products: gates to states, and back. */
#include "isa/api/rnn.h"
#include "isa/grouped.h"

#define RT_REAL_BITS 32
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/rnn_template.h"
#undef RT_REAL_BITS
#define RT_REAL_BITS 64
#include "isa/real.h"
#include "isa/row_loops.h"
#include "isa/rnn_template.h"
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
