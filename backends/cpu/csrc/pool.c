#define _GNU_SOURCE
#include "pool.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { MAX_THREADS = 256, SPINS = 4000 };

/* The ticket packs (generation, tasks not yet claimed).  A worker reads the job's fields and then
 * claims by compare-and-swap, which fails if the job changed in between; so the fields may be
 * rewritten as soon as nothing is left to claim, and no worker has to be waited for. */
static struct {
    _Atomic uint64_t ticket;
    _Atomic(rt_task) fn;
    _Atomic(void *) ctx;
    _Atomic uint32_t tasks;
    _Atomic uint32_t done;
    atomic_bool busy;
    atomic_int sleepers;
    atomic_int limit; /* threads in use; 0: not decided yet */
    int workers;      /* threads started in this process; touched by the owner of `busy` only */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static _Thread_local bool in_task;

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline uint32_t generation(uint64_t ticket) { return (uint32_t)(ticket >> 32); }

/* Claim and run tasks of the current job until none is left. */
static void run_tasks(int thread) {
    uint64_t ticket = atomic_load(&pool.ticket);
    for (;;) {
        uint32_t left = (uint32_t)ticket;
        uint32_t tasks = atomic_load(&pool.tasks);
        rt_task fn = atomic_load(&pool.fn);
        void *ctx = atomic_load(&pool.ctx);
        if (left == 0)
            return;
        if (!atomic_compare_exchange_weak(&pool.ticket, &ticket, ticket - 1))
            continue;
        fn(ctx, tasks - left, thread);
        atomic_fetch_add(&pool.done, 1);
        ticket--;
    }
}

static uint32_t wait_for_job(uint32_t seen) {
    for (int i = 0; i < SPINS; i++, relax())
        if (generation(atomic_load(&pool.ticket)) != seen)
            return generation(atomic_load(&pool.ticket));
    pthread_mutex_lock(&pool.mutex);
    atomic_fetch_add(&pool.sleepers, 1);
    while (generation(atomic_load(&pool.ticket)) == seen)
        pthread_cond_wait(&pool.wake, &pool.mutex);
    atomic_fetch_sub(&pool.sleepers, 1);
    pthread_mutex_unlock(&pool.mutex);
    return generation(atomic_load(&pool.ticket));
}

static void *worker(void *arg) {
    int thread = (int)(intptr_t)arg;
    uint32_t seen = 0;
    in_task = true; /* whatever a task calls runs inline */
    for (;;) {
        seen = wait_for_job(seen);
        if (thread < atomic_load(&pool.limit))
            run_tasks(thread);
    }
    return NULL;
}

/* After fork the child has no workers: start over, lazily.  The lock may have been held by a
 * thread that does not exist here, so it is made anew. */
static void reset_after_fork(void) {
    pool.workers = 0;
    atomic_store(&pool.ticket, 0);
    atomic_store(&pool.tasks, 0);
    atomic_store(&pool.sleepers, 0);
    atomic_store(&pool.busy, false);
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.wake, NULL);
    in_task = false;
}

static void register_fork_handler(void) { pthread_atfork(NULL, NULL, reset_after_fork); }

/* Worker k has thread number k, the caller is number 0.  A thread that cannot be started is done without. */
static void start_workers(int threads) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_fork_handler);
    while (pool.workers < threads - 1) {
        pthread_t handle;
        if (pthread_create(&handle, NULL, worker, (void *)(intptr_t)(pool.workers + 1)))
            return;
        pthread_detach(handle);
        pool.workers++;
    }
}

static void publish(uint32_t tasks, rt_task fn, void *ctx) {
    uint32_t next = generation(atomic_load(&pool.ticket)) + 1;
    if (next == 0) /* a new worker has seen generation 0 */
        next = 1;
    atomic_store(&pool.done, 0);
    atomic_store(&pool.tasks, tasks);
    atomic_store(&pool.fn, fn);
    atomic_store(&pool.ctx, ctx);
    atomic_store(&pool.ticket, (uint64_t)next << 32 | tasks);
    if (atomic_load(&pool.sleepers) > 0) {
        pthread_mutex_lock(&pool.mutex);
        pthread_cond_broadcast(&pool.wake);
        pthread_mutex_unlock(&pool.mutex);
    }
}

static void run_inline(int64_t tasks, rt_task fn, void *ctx) {
    for (int64_t i = 0; i < tasks; i++)
        fn(ctx, i, 0);
}

void rt_parallel_for(int64_t tasks, rt_task fn, void *ctx) {
    int threads = rt_num_threads();
    if (tasks <= 1 || tasks > UINT32_MAX || threads == 1 || in_task || atomic_exchange(&pool.busy, true)) {
        run_inline(tasks, fn, ctx);
        return;
    }
    start_workers(threads);
    in_task = true;
    publish((uint32_t)tasks, fn, ctx);
    run_tasks(0);
    while (atomic_load(&pool.done) != (uint32_t)tasks)
        relax();
    in_task = false;
    atomic_store(&pool.busy, false);
}

int rt_num_threads(void) {
    int limit = atomic_load_explicit(&pool.limit, memory_order_relaxed);
    if (limit == 0) {
        limit = rt_default_num_threads();
        atomic_store(&pool.limit, limit);
    }
    return limit;
}

void rt_set_num_threads(int count) {
    atomic_store(&pool.limit, count < 1 ? 1 : count > MAX_THREADS ? MAX_THREADS : count);
}
