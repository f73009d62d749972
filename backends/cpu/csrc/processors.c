/* How many processors this process may use: the affinity mask, cut by a container's CPU quota. */
#define _GNU_SOURCE
#include "api/threads.h"
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

static int affinity_count(void) {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
#endif
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* Reads "quota period" (cgroup v2; quota may be "max") or the two single-number files of v1. */
static int quota_count(void) {
    long quota = -1, period = -1;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (f) {
        if (fscanf(f, "%ld %ld", &quota, &period) != 2)
            quota = -1;
        fclose(f);
    } else {
        if ((f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r"))) {
            if (fscanf(f, "%ld", &quota) != 1)
                quota = -1;
            fclose(f);
        }
        if ((f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r"))) {
            if (fscanf(f, "%ld", &period) != 1)
                period = -1;
            fclose(f);
        }
    }
    return quota > 0 && period > 0 ? (int)((quota + period - 1) / period) : 0;
}

int rt_default_num_threads(void) {
    int count = affinity_count(), quota = quota_count();
    if (quota > 0 && quota < count)
        count = quota;
    return count < 1 ? 1 : count;
}
