#define _GNU_SOURCE
#include "processors.h"
#include <unistd.h>

#if defined(__linux__)
#include <sched.h>

/* The kernel's thread id of the first thread is the process id. */
static bool read_mask(cpu_set_t *mask) {
    CPU_ZERO(mask);
    return sched_getaffinity(getpid(), sizeof *mask, mask) == 0;
}

int rt_affinity_count(void) {
    cpu_set_t mask;
    return read_mask(&mask) ? CPU_COUNT(&mask) : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

bool rt_affinity_changed(void) {
    static cpu_set_t last;
    cpu_set_t mask;
    if (!read_mask(&mask) || CPU_EQUAL(&mask, &last))
        return false;
    last = mask;
    return true;
}

void rt_affinity_apply(pthread_t thread) {
    cpu_set_t mask;
    if (read_mask(&mask))
        pthread_setaffinity_np(thread, sizeof mask, &mask);
}

#else

int rt_affinity_count(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
bool rt_affinity_changed(void) { return false; }
void rt_affinity_apply(pthread_t thread) { (void)thread; }

#endif
