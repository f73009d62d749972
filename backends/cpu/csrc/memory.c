#define _GNU_SOURCE
#include "api/memory.h"
#include <stdlib.h>

enum { ALIGNMENT = 64 };

static uintptr_t allocate_small(size_t nbytes) {
    void *p;
    return posix_memalign(&p, ALIGNMENT, nbytes) ? 0 : (uintptr_t)p;
}

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) /* which guards what malloc gives */
#include <sys/mman.h>

enum { LARGE = 1 << 20, HUGE_PAGE = 2 << 20 };

/* Mapped by itself: malloc would keep a block of this size in a heap that fragments, and never return it. */
static uintptr_t allocate_large(size_t nbytes) {
    size_t slack = nbytes >= HUGE_PAGE ? HUGE_PAGE : 0; /* to align the block in */
    void *p = mmap(NULL, nbytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 0;
    if (!slack)
        return (uintptr_t)p;
    uintptr_t start = (uintptr_t)p, block = (start + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    if (block > start)
        munmap(p, block - start);
    munmap((void *)(block + nbytes), start + slack - block);
#if defined(MADV_HUGEPAGE)
    madvise((void *)block, nbytes, MADV_HUGEPAGE); /* one page fault per 2 MiB, not 512; a refusal does no harm */
#endif
    return block;
}

uintptr_t rt_memory_allocate(int64_t nbytes) {
    return nbytes >= LARGE ? allocate_large((size_t)nbytes) : allocate_small((size_t)nbytes);
}

void rt_memory_free(uintptr_t address, int64_t nbytes) {
    if (nbytes >= LARGE)
        munmap((void *)address, (size_t)nbytes);
    else
        free((void *)address);
}

#else

uintptr_t rt_memory_allocate(int64_t nbytes) { return allocate_small((size_t)nbytes); }

void rt_memory_free(uintptr_t address, int64_t nbytes) {
    (void)nbytes;
    free((void *)address);
}

#endif
