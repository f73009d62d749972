/* Sizes of the caches that one core has for itself. */
#pragma once
#include <stdint.h>

enum rt_cache_level { RT_CACHE_L1, RT_CACHE_L2, RT_CACHE_LEVELS };

int64_t rt_cache_bytes(enum rt_cache_level level);
