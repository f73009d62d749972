/* The affinity mask of the process: that of its first thread, which tools like taskset set. */
#pragma once
#include <pthread.h>
#include <stdbool.h>

/* How many processors the mask has; where there are no masks, how many are online. */
int rt_affinity_count(void);
/* Whether the mask is another than at the last call. */
bool rt_affinity_changed(void);
/* Confine a thread to the mask. */
void rt_affinity_apply(pthread_t thread);
