#define _GNU_SOURCE
#include "api/memory.h"
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

uintptr_t rt_memory_allocate(int64_t nbytes) {
    size_t alignment = nbytes >= 2 * HUGE_PAGE ? HUGE_PAGE : ALIGNMENT;
    void *p;
    if (posix_memalign(&p, alignment, (size_t)nbytes))
        return 0;
#if defined(MADV_HUGEPAGE)
    if (alignment == HUGE_PAGE) /* one page fault per 2 MiB instead of 512; a refusal does no harm */
        madvise(p, (size_t)nbytes, MADV_HUGEPAGE);
#endif
    return (uintptr_t)p;
}

void rt_memory_free(uintptr_t address) { free((void *)address); }
