/* The one thread pool of the process.
 *
 * rt_parallel_for calls fn(ctx, task, thread) once for every task in [0, tasks).  Tasks are claimed
 * one by one from an atomic counter, so a slow core takes fewer; the caller claims too, and waits for
 * tasks that have begun and for nothing else.  `thread` is 0 for the caller and in
 * [1, rt_num_threads()) for a worker.  Several threads may call at once: workers go from one call's
 * tasks to the next one's.  Nested calls run inline.  Tasks should be worth some ten microseconds each. */
#pragma once
#include "api/threads.h"
#include <stdint.h>

typedef void (*rt_task)(void *ctx, int64_t task, int thread);

void rt_parallel_for(int64_t tasks, rt_task fn, void *ctx);
