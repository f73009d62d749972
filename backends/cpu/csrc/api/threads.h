#pragma once

/* Number of threads that parallel kernels use, the calling thread included. */
int rt_num_threads(void);
void rt_set_num_threads(int count);
/* Number of processors granted to this process: affinity mask and cgroup quota. */
int rt_default_num_threads(void);
