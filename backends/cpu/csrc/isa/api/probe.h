#pragma once

/* Bytes of one vector of the instruction set in use. */
int rt_vector_bytes(void);
