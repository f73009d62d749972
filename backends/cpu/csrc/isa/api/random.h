#pragma once
#include <stdint.h>

/* The stream of Philox4x32-10 words that starts at block `offset` of `seed`; see isa/random.c. */
int rt_random_bits(uintptr_t out, int64_t n, uint64_t seed, uint64_t offset);
int rt_random_uniform(int dtype, uintptr_t out, int64_t n, uint64_t seed, uint64_t offset);
int rt_random_normal(int dtype, uintptr_t out, int64_t n, uint64_t seed, uint64_t offset);
