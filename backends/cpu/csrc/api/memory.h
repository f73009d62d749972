#pragma once
#include <stdint.h>

/* Memory for tensors, aligned to 64 bytes; large blocks ask for huge pages.  0 if there is none left. */
uintptr_t rt_memory_allocate(int64_t nbytes);
/* Gives back a block of that many bytes, a large one to the system at once. */
void rt_memory_free(uintptr_t address, int64_t nbytes);
