/* Sizes of the caches: those that one core has for itself, and the last, which cores share. */
#pragma once
#include <stdint.h>

enum rt_cache_level { RT_CACHE_L1, RT_CACHE_L2, RT_CACHE_L3, RT_CACHE_LEVELS };

int64_t rt_cache_bytes(enum rt_cache_level level);
