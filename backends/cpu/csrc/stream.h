/* Writing past the caches, for results that are larger than those. */
#pragma once
#include <stddef.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { RT_STREAM_ALIGNMENT = 16 };

/* Copy; `to` is aligned.  Where the processor has no such stores this is memcpy. */
static inline void rt_stream(void *to, const void *from, size_t nbytes) {
    size_t i = 0;
#if defined(__SSE2__)
    for (; i + sizeof(__m128i) <= nbytes; i += sizeof(__m128i))
        _mm_stream_si128((__m128i *)((char *)to + i), _mm_loadu_si128((const __m128i *)((const char *)from + i)));
#endif
    memcpy((char *)to + i, (const char *)from + i, nbytes - i);
}

/* What was streamed is seen by other threads before what is written later. */
static inline void rt_stream_end(void) {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}
