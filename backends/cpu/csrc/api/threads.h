#pragma once

/* Number of threads that parallel kernels use, the calling thread included. */
int rt_num_threads(void);
void rt_set_num_threads(int count);
/* Use a thread per processor of the process's affinity mask, now and when the mask changes, and
 * `most` at most. */
void rt_follow_affinity(int most);
