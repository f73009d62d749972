/* Which variant of the per-target functions is in use; read by the generated trampolines. */
#pragma once
#include "api/isa.h"
#include <stdbool.h>

extern int rt_isa_in_use;
extern bool rt_isa_bf16, rt_isa_vnni;    /* the variant in use may run what is compiled for AVX-512 BF16, VNNI */
extern const char *const rt_isa_names[]; /* generated; ends with NULL */
