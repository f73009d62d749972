#pragma once

/* Names of the compiled instruction sets, weakest first, by index; NULL past the last. */
const char *rt_isa_name(int index);
/* Whether this processor can run the variant. */
int rt_isa_supported(int index);
/* Index of the variant in use, and a setter that returns 0, or -1 if unsupported. */
int rt_isa_current(void);
int rt_isa_select(int index);
