/* The one thread pool of the process.
 *
 * rt_parallel_for calls fn(ctx, task, thread) once for every task in [0, tasks).  Tasks are claimed
 * one by one from an atomic counter, so a slow core takes fewer; the caller claims too and never
 * waits for a worker that holds no task.  `thread` is in [0, rt_num_threads()): it indexes scratch
 * that belongs to this call.  Nested calls, and calls made while another thread uses the pool, run
 * inline.  Tasks should be worth some ten microseconds each. */
#pragma once
#include "api/threads.h"
#include <stdint.h>

typedef void (*rt_task)(void *ctx, int64_t task, int thread);

void rt_parallel_for(int64_t tasks, rt_task fn, void *ctx);
