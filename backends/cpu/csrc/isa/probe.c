#include "isa/target.h"
#include "isa/api/probe.h"

int rt_vector_bytes(void) { return RT_VEC_BYTES; }
