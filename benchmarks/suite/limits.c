// What this machine can do at most: arithmetic in registers, and memory streamed by the plainest loops.
// Compiled for this very processor when the benchmark starts, and called through ctypes (machine.py).

#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#define REGISTER "+v"
#elif defined(__aarch64__)
#define REGISTER "+w"
#else
#error "only x86-64 and AArch64 are known"
#endif

enum { MOST_THREADS = 256 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Runs work(argument[t]) on every thread and returns the seconds from a common start to the last end.
struct start {
    pthread_barrier_t *barrier;
    void (*work)(void *);
    void *argument;
};

static void *started(void *start) {
    struct start *s = start;
    pthread_barrier_wait(s->barrier);
    s->work(s->argument);
    return 0;
}

static double timed(void (*work)(void *), char *arguments, size_t size, int threads) {
    pthread_t id[MOST_THREADS];
    struct start starts[MOST_THREADS];
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, 0, (unsigned)threads);
    for (int t = 0; t < threads; t++) {
        starts[t] = (struct start){&barrier, work, arguments + (size_t)t * size};
        if (t > 0)
            pthread_create(&id[t], 0, started, &starts[t]);
    }
    pthread_barrier_wait(&barrier);
    double began = now();
    work(starts[0].argument);
    for (int t = 1; t < threads; t++)
        pthread_join(id[t], 0);
    double seconds = now() - began;
    pthread_barrier_destroy(&barrier);
    return seconds;
}

// ------------------------------------------------------------------------------------------ arithmetic

// Independent chains of multiply-adds: enough to cover the latency of two units, few enough for the registers.
// Each is a variable of its own and passes through empty assembly, so that it stays in a register and the compiler
// cannot see through the loop.  (As an array the chains went through the stack: a third of the figure.)
#define TWELVE(X, FROM) X(FROM##0) X(FROM##1) X(FROM##2) X(FROM##3) X(FROM##4) X(FROM##5) \
                        X(FROM##6) X(FROM##7) X(FROM##8) X(FROM##9) X(FROM##10) X(FROM##11)
#if defined(__AVX512F__) || defined(__aarch64__)
enum { CHAINS = 24 };
#define EACH(X) TWELVE(X, c) TWELVE(X, d)
#else
enum { CHAINS = 12 };
#define EACH(X) TWELVE(X, c)
#endif

struct arithmetic {
    long turns;
    float sink;
};

#define PASS(C) C = STEP(C); __asm__ volatile("" : REGISTER(C));
#define CLEAR(C) vector C = {0};
#define ADD(C) sum += C;
#define LOOP(NAME, VECTOR, OPERAND, START)            \
    static void NAME(void *argument) {                \
        typedef VECTOR vector;                        \
        struct arithmetic *p = argument;              \
        OPERAND a = START;                            \
        EACH(CLEAR)                                   \
        for (long n = 0; n < p->turns; n++) { EACH(PASS) } \
        vector sum = {0};                             \
        EACH(ADD)                                     \
        p->sink = (float)sum[0];                      \
    }

typedef float f32x4 __attribute__((vector_size(16)));
typedef double f64x2 __attribute__((vector_size(16)));
// 0.5 x + 0.5 goes to 1: no denormal number and no infinity, however long it runs.
#define STEP(C) C * a + a
LOOP(loop_f32x4, f32x4, vector, (vector){0} + 0.5f)
LOOP(loop_f64x2, f64x2, vector, (vector){0} + 0.5)
#if defined(__AVX__)
typedef float f32x8 __attribute__((vector_size(32)));
typedef double f64x4 __attribute__((vector_size(32)));
LOOP(loop_f32x8, f32x8, vector, (vector){0} + 0.5f)
LOOP(loop_f64x4, f64x4, vector, (vector){0} + 0.5)
#endif
#if defined(__AVX512F__)
typedef float f32x16 __attribute__((vector_size(64)));
typedef double f64x8 __attribute__((vector_size(64)));
LOOP(loop_f32x16, f32x16, vector, (vector){0} + 0.5f)
LOOP(loop_f64x8, f64x8, vector, (vector){0} + 0.5)
#endif
#if defined(__AVX512BF16__)
#undef STEP
#define STEP(C) _mm512_dpbf16_ps(C, a, a)
LOOP(loop_bf16x32, __m512, __m512bh, (__m512bh)_mm512_setzero_ps())
#endif

static const struct {
    const char *type;
    int bits, operations; // of one instruction: two per lane
    void (*loop)(void *);
} LOOPS[] = {
    {"float32", 128, 8, loop_f32x4},     {"float64", 128, 4, loop_f64x2},
#if defined(__AVX__)
    {"float32", 256, 16, loop_f32x8},    {"float64", 256, 8, loop_f64x4},
#endif
#if defined(__AVX512F__)
    {"float32", 512, 32, loop_f32x16},   {"float64", 512, 16, loop_f64x8},
#endif
#if defined(__AVX512BF16__)
    {"bfloat16", 512, 64, loop_bf16x32},
#endif
};

// Operations per second of one type in registers of one width; 0 if this processor has no such instruction.
double arithmetic_peak(const char *type, int bits, int threads, long turns) {
    struct arithmetic arguments[MOST_THREADS];
    for (size_t i = 0; i < sizeof LOOPS / sizeof LOOPS[0]; i++) {
        if (strcmp(LOOPS[i].type, type) || LOOPS[i].bits != bits)
            continue;
        for (int t = 0; t < threads; t++)
            arguments[t].turns = turns;
        double seconds = timed(LOOPS[i].loop, (char *)arguments, sizeof arguments[0], threads);
        return (double)LOOPS[i].operations * CHAINS * (double)turns * threads / seconds;
    }
    return 0;
}

// --------------------------------------------------------------------------------------------- memory

// A result is written in one of two ways.  A plain store first reads the line that it will overwrite, which costs
// a third transfer per copy but leaves the result in the cache; a streaming store does neither.  Which is quicker
// depends on the size, so both are tried.
typedef float line __attribute__((vector_size(64)));

struct part {
    const line *a, *b;
    line *out;
    size_t lines;
    long calls;
    int reads, writes, streaming;
    float sink;
};

static inline __attribute__((always_inline)) void put(line *to, line x, int streaming) {
#if defined(__AVX512F__)
    if (streaming) {
        _mm512_stream_ps((float *)to, (__m512)x);
        return;
    }
#elif defined(__x86_64__)
    if (streaming) {
        float quarters[16];
        memcpy(quarters, &x, sizeof x);
        for (int i = 0; i < 16; i += 4)
            _mm_stream_ps((float *)to + i, _mm_loadu_ps(quarters + i));
        return;
    }
#endif
    (void)streaming;
    *to = x;
}

static inline __attribute__((always_inline)) void pass(struct part *p, int reads, int streaming) {
    for (size_t i = 0; i < p->lines; i++)
        put(p->out + i, reads == 1 ? p->a[i] : p->a[i] + p->b[i], streaming);
}

static void read_all(struct part *p) {
    line sums[8];
    memset(sums, 0, sizeof sums);
    size_t i = 0;
    for (; i + 8 <= p->lines; i += 8) {
#pragma GCC unroll 8
        for (size_t j = 0; j < 8; j++)
            sums[j] += p->a[i + j];
    }
    for (; i < p->lines; i++)
        sums[0] += p->a[i];
    for (int j = 1; j < 8; j++)
        sums[0] += sums[j];
    p->sink = sums[0][0];
}

static void stream(void *argument) {
    struct part *p = argument;
    for (long n = 0; n < p->calls; n++) {
        if (p->writes == 0)
            read_all(p);
        else if (p->reads == 1 && p->streaming)
            pass(p, 1, 1);
        else if (p->reads == 1)
            pass(p, 1, 0);
        else if (p->streaming)
            pass(p, 2, 1);
        else
            pass(p, 2, 0);
        __asm__ volatile("" ::: "memory");
    }
}

static void touch(void *argument) {
    struct part *p = argument;
    memset((void *)p->a, 0, p->lines * sizeof(line));
    if (p->b)
        memset((void *)p->b, 0, p->lines * sizeof(line));
    if (p->out)
        memset(p->out, 0, p->lines * sizeof(line));
}

static line *huge(size_t lines) {
    void *memory = 0;
    if (lines == 0 || posix_memalign(&memory, 2 << 20, lines * sizeof(line)))
        return 0;
    madvise(memory, lines * sizeof(line), MADV_HUGEPAGE); // the limit is the memory's, not that of page tables
    return memory;
}

// Makes arrays of `count` floats, of which every thread has its part; 0 if there is no memory.
struct part *stream_open(int threads, size_t count, int reads, int writes) {
    size_t each = (count / 16 + (size_t)threads - 1) / (size_t)threads, lines = each * (size_t)threads;
    struct part *parts = calloc(MOST_THREADS, sizeof *parts);
    line *a = huge(lines), *b = huge(reads > 1 ? lines : 0), *out = huge(writes ? lines : 0);
    if (!parts || !a || (reads > 1 && !b) || (writes && !out)) {
        free(parts), free(a), free(b), free(out);
        return 0;
    }
    for (int t = 0; t < threads; t++) {
        size_t from = each * (size_t)t;
        parts[t] = (struct part){a + from, b ? b + from : 0, out ? out + from : 0, each, 0, reads, writes, 0, 0};
    }
    timed(touch, (char *)parts, sizeof *parts, threads);
    return parts;
}

// Seconds of `calls` passes over the arrays.
double stream_seconds(struct part *parts, int threads, int streaming, long calls) {
    for (int t = 0; t < threads; t++) {
        parts[t].calls = calls;
        parts[t].streaming = streaming;
    }
    return timed(stream, (char *)parts, sizeof *parts, threads);
}

void stream_close(struct part *parts) {
    if (!parts)
        return;
    free((void *)parts[0].a);
    free((void *)parts[0].b);
    free(parts[0].out);
    free(parts);
}
