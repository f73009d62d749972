#pragma once
#include <stdint.h>

/* Updates of `count` parameters in place, on all threads.  A row of `updates` is six numbers: elements, then the
 * addresses of the gradient, the parameter and its slots, 0 for none (sgd: momentum; adam: mean, mean square, its
 * maximum).  `hyper` points to doubles:
 * sgd:  lr, momentum, dampening, weight_decay, nesterov, first_step, maximize
 * adam: lr, beta1, beta2, eps, weight_decay, step, decoupled, maximize */
int rt_sgd_steps(int dtype, uintptr_t updates, int64_t count, uintptr_t hyper);
int rt_adam_steps(int dtype, uintptr_t updates, int64_t count, uintptr_t hyper);
