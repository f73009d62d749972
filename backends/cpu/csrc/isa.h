/* Which variant of the per-target functions is in use; read by the generated trampolines. */
#pragma once
#include "api/isa.h"

extern int rt_isa_in_use;
extern const char *const rt_isa_names[]; /* generated; ends with NULL */
