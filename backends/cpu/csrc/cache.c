#define _GNU_SOURCE
#include "cache.h"
#include <stdatomic.h>
#include <unistd.h>

/* What most processors of the last decade have at least, where the system does not tell. */
static const long least[RT_CACHE_LEVELS] = {32 << 10, 512 << 10, 32 << 20};

static long ask(int level) {
#if defined(_SC_LEVEL1_DCACHE_SIZE)
    static const int names[RT_CACHE_LEVELS] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
    return sysconf(names[level]);
#else
    (void)level;
    return 0;
#endif
}

int64_t rt_cache_bytes(enum rt_cache_level level) {
    static _Atomic int64_t known[RT_CACHE_LEVELS];
    int64_t size = atomic_load_explicit(&known[level], memory_order_relaxed);
    if (size)
        return size;
    long told = ask(level);
    size = told >= least[level] / 2 ? told : least[level];
    atomic_store_explicit(&known[level], size, memory_order_relaxed);
    return size;
}
