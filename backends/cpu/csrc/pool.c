#define _GNU_SOURCE
#include "pool.h"
#include "processors.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

enum {
    MAX_THREADS = 256,
    JOBS = 8,         /* calls served at a time; a ninth runs on its own thread alone */
    SPIN_NS = 100000, /* before sleeping: the next op's job comes within some ten microseconds, and */
                      /* a last task that takes longer may be on a thread that lost its processor */
    TURNS_PER_YIELD = 64,
    CALLS_PER_LOOK = 256, /* at the affinity mask */
};

/* One call of rt_parallel_for.  The ticket packs (generation, tasks not yet claimed).  A worker reads
 * the fields and then claims by compare-and-swap, which fails if the job changed in between; so the
 * fields may be rewritten as soon as nothing is left to claim, and no worker has to be waited for. */
typedef struct {
    _Alignas(64) _Atomic uint64_t ticket;
    _Atomic(rt_task) fn;
    _Atomic(void *) ctx;
    _Atomic uint32_t tasks;
    _Atomic uint32_t done;
    atomic_bool taken;
    atomic_bool awaited; /* its caller sleeps until the last task is done */
} job;

static struct {
    job jobs[JOBS];
    _Alignas(64) _Atomic uint32_t calls; /* counts published jobs: what idle workers watch */
    atomic_int sleepers;                 /* less those that are being woken, so that nobody wakes them twice */
    int wake_ups;                        /* not taken yet; guarded by the mutex */
    _Alignas(64) atomic_int limit;       /* threads in use */
    atomic_int most;                     /* what the affinity mask may raise the limit to; 0: it is fixed */
    atomic_int workers;                  /* started in this process */
    _Atomic uint32_t looks;
    pthread_t handles[MAX_THREADS]; /* of the workers; guarded by the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t wake, finished, raised;
} pool = {
    .limit = 1,
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .wake = PTHREAD_COND_INITIALIZER,
    .finished = PTHREAD_COND_INITIALIZER,
    .raised = PTHREAD_COND_INITIALIZER,
};

static _Thread_local bool in_task;

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Spinning for a limited time: a pause takes 5 to 150 cycles, so turns tell nothing.  It yields now and
 * then, since on a busy machine the thread that it waits for may be queued on this very processor: a
 * worker that was woken there would spin at the expense of its caller (measured: all of SPIN_NS). */
typedef struct {
    int64_t until;
    int turns;
} spin;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static bool keep_spinning(spin *s) {
    relax();
    if (++s->turns % TURNS_PER_YIELD)
        return true;
    sched_yield();
    int64_t t = now();
    if (!s->until)
        s->until = t + SPIN_NS;
    return t < s->until;
}

static inline uint32_t generation(uint64_t ticket) { return (uint32_t)(ticket >> 32); }

static void finish_task(job *j, uint32_t tasks) {
    if (atomic_fetch_add(&j->done, 1) + 1 == tasks && atomic_load(&j->awaited)) {
        pthread_mutex_lock(&pool.mutex);
        pthread_cond_broadcast(&pool.finished);
        pthread_mutex_unlock(&pool.mutex);
    }
}

/* Claim and run tasks of a job until none is left; whether there was one. */
static bool run_tasks(job *j, int thread) {
    uint64_t ticket = atomic_load(&j->ticket);
    for (bool any = false;;) {
        uint32_t left = (uint32_t)ticket;
        uint32_t tasks = atomic_load(&j->tasks);
        rt_task fn = atomic_load(&j->fn);
        void *ctx = atomic_load(&j->ctx);
        if (left == 0)
            return any;
        if (!atomic_compare_exchange_weak(&j->ticket, &ticket, ticket - 1))
            continue;
        fn(ctx, tasks - left, thread);
        finish_task(j, tasks);
        ticket--;
        any = true;
    }
}

static bool run_all_jobs(int thread) {
    bool any = false;
    for (int i = 0; i < JOBS; i++)
        any |= run_tasks(&pool.jobs[i], thread);
    return any;
}

static bool needed(int thread) { return thread < atomic_load(&pool.limit); }

static void sleep_until_called(uint32_t seen) {
    pthread_mutex_lock(&pool.mutex);
    atomic_fetch_add(&pool.sleepers, 1); /* before the look at the count, which a caller raises before it looks here */
    if (atomic_load(&pool.calls) == seen) {
        while (pool.wake_ups == 0)
            pthread_cond_wait(&pool.wake, &pool.mutex);
        pool.wake_ups--;
    } else
        atomic_fetch_sub(&pool.sleepers, 1);
    pthread_mutex_unlock(&pool.mutex);
}

static void wait_for_job(uint32_t seen) {
    for (spin s = {0}; keep_spinning(&s);)
        if (atomic_load(&pool.calls) != seen)
            return;
    sleep_until_called(seen);
}

/* A worker beyond the limit sleeps apart, so that no wake-up is spent on it. */
static void wait_until_needed(int thread) {
    pthread_mutex_lock(&pool.mutex);
    while (!needed(thread))
        pthread_cond_wait(&pool.raised, &pool.mutex);
    pthread_mutex_unlock(&pool.mutex);
}

static void *worker(void *arg) {
    int thread = (int)(intptr_t)arg;
    in_task = true; /* whatever a task calls runs inline */
    for (;;) {
        uint32_t seen = atomic_load(&pool.calls);
        if (!needed(thread))
            wait_until_needed(thread);
        else if (!run_all_jobs(thread))
            wait_for_job(seen);
    }
    return NULL;
}

/* After fork the child has one thread: no workers, and no callers but perhaps this one.  The lock may
 * have been held by a thread that does not exist here, so it is made anew. */
static void reset_after_fork(void) {
    for (int i = 0; i < JOBS; i++) {
        atomic_store(&pool.jobs[i].ticket, (uint64_t)generation(atomic_load(&pool.jobs[i].ticket)) << 32);
        atomic_store(&pool.jobs[i].taken, false);
    }
    atomic_store(&pool.sleepers, 0);
    pool.wake_ups = 0;
    atomic_store(&pool.workers, 0);
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.wake, NULL);
    pthread_cond_init(&pool.finished, NULL);
    pthread_cond_init(&pool.raised, NULL);
    in_task = false;
}

static void register_fork_handler(void) { pthread_atfork(NULL, NULL, reset_after_fork); }

/* Signals are for the threads of the program, whose handlers know nothing of these. */
static bool start_worker(int thread) {
    pthread_t handle;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&handle, NULL, worker, (void *)(intptr_t)thread) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!started)
        return false;
    rt_affinity_apply(handle); /* that of the process, whatever the caller's own */
    pool.handles[thread] = handle;
    pthread_detach(handle);
    return true;
}

/* Worker k has thread number k, a caller is number 0.  A thread that cannot be started is done without. */
static void start_workers(int threads) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_fork_handler);
    pthread_mutex_lock(&pool.mutex);
    int count = atomic_load(&pool.workers);
    while (count < threads - 1 && start_worker(count + 1))
        count++;
    if (count < threads - 1)
        atomic_store(&pool.limit, count + 1);
    atomic_store(&pool.workers, count);
    pthread_mutex_unlock(&pool.mutex);
}

static void set_limit(int count) {
    pthread_mutex_lock(&pool.mutex);
    atomic_store(&pool.limit, count < 1 ? 1 : count > MAX_THREADS ? MAX_THREADS : count);
    pthread_cond_broadcast(&pool.raised);
    pthread_mutex_unlock(&pool.mutex);
}

static void adopt_affinity(void) {
    pthread_mutex_lock(&pool.mutex);
    bool changed = rt_affinity_changed();
    for (int k = 1; changed && k <= atomic_load(&pool.workers); k++)
        rt_affinity_apply(pool.handles[k]);
    pthread_mutex_unlock(&pool.mutex);
    int most = atomic_load(&pool.most);
    if (changed && most > 0)
        rt_follow_affinity(most);
}

/* The affinity mask may change while the process runs.  A look is a system call: so now and then, and
 * when the workers sleep, since a job is slow to start then anyway. */
static void look_at_affinity(void) {
    uint32_t looks = atomic_fetch_add_explicit(&pool.looks, 1, memory_order_relaxed);
    if (looks % CALLS_PER_LOOK == 0 || atomic_load(&pool.sleepers) > 0)
        adopt_affinity();
}

static job *take_job(void) {
    for (int i = 0; i < JOBS; i++)
        if (!atomic_load(&pool.jobs[i].taken) && !atomic_exchange(&pool.jobs[i].taken, true))
            return &pool.jobs[i];
    return NULL;
}

static void wake_workers(uint32_t wanted) {
    pthread_mutex_lock(&pool.mutex);
    int asleep = atomic_load(&pool.sleepers), count = (uint32_t)asleep < wanted ? asleep : (int)wanted;
    atomic_fetch_sub(&pool.sleepers, count);
    pool.wake_ups += count;
    pthread_mutex_unlock(&pool.mutex);
    while (count-- > 0) /* the lock is free, or they would wake only to wait for it */
        pthread_cond_signal(&pool.wake);
}

static void publish(job *j, uint32_t tasks, rt_task fn, void *ctx) {
    uint32_t next = generation(atomic_load(&j->ticket)) + 1;
    atomic_store(&j->done, 0);
    atomic_store(&j->awaited, false);
    atomic_store(&j->tasks, tasks);
    atomic_store(&j->fn, fn);
    atomic_store(&j->ctx, ctx);
    atomic_store(&j->ticket, (uint64_t)next << 32 | tasks);
    atomic_fetch_add(&pool.calls, 1);
    if (atomic_load(&pool.sleepers) > 0)
        wake_workers(tasks - 1);
}

/* A sleeping caller leaves its processor to the worker that it waits for. */
static void wait_for_tasks(job *j, uint32_t tasks) {
    for (spin s = {0}; keep_spinning(&s);)
        if (atomic_load(&j->done) == tasks)
            return;
    pthread_mutex_lock(&pool.mutex);
    atomic_store(&j->awaited, true);
    while (atomic_load(&j->done) != tasks)
        pthread_cond_wait(&pool.finished, &pool.mutex);
    pthread_mutex_unlock(&pool.mutex);
}

static void run_inline(int64_t tasks, rt_task fn, void *ctx) {
    for (int64_t i = 0; i < tasks; i++)
        fn(ctx, i, 0);
}

static void run_shared(job *j, uint32_t tasks, rt_task fn, void *ctx) {
    int threads = rt_num_threads();
    if (atomic_load(&pool.workers) < threads - 1)
        start_workers(threads);
    in_task = true;
    publish(j, tasks, fn, ctx);
    run_tasks(j, 0);
    if (atomic_load(&j->done) != tasks)
        wait_for_tasks(j, tasks);
    in_task = false;
    atomic_store(&j->taken, false);
}

void rt_parallel_for(int64_t tasks, rt_task fn, void *ctx) {
    bool several = tasks > 1 && tasks <= UINT32_MAX && !in_task;
    if (several)
        look_at_affinity();
    job *j = several && rt_num_threads() > 1 ? take_job() : NULL;
    if (j)
        run_shared(j, (uint32_t)tasks, fn, ctx);
    else
        run_inline(tasks, fn, ctx);
}

int rt_num_threads(void) { return atomic_load_explicit(&pool.limit, memory_order_relaxed); }

void rt_set_num_threads(int count) {
    atomic_store(&pool.most, 0);
    set_limit(count);
}

void rt_follow_affinity(int most) {
    int count = rt_affinity_count();
    atomic_store(&pool.most, most);
    set_limit(count < most ? count : most);
}
