#pragma once
#include <stdint.h>

/* One update of n parameters in place.  `hyper` points to doubles:
 * sgd:  lr, momentum, dampening, weight_decay, nesterov, first_step, maximize
 * adam: lr, beta1, beta2, eps, weight_decay, step, decoupled, maximize
 * momentum and max_square may be 0. */
int rt_sgd_step(int dtype, uintptr_t parameter, uintptr_t momentum, uintptr_t gradient, uintptr_t hyper, int64_t n);
int rt_adam_step(int dtype, uintptr_t parameter, uintptr_t mean, uintptr_t square, uintptr_t max_square,
                 uintptr_t gradient, uintptr_t hyper, int64_t n);
