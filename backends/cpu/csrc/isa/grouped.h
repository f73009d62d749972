/* Many small pieces of work as fewer tasks. */
#pragma once
#include "isa/target.h"

typedef struct {
    rt_task fn;
    void *ctx;
    int64_t count, group;
} grouped_work;

static void grouped_task(void *ctx, int64_t task, int thread) {
    const grouped_work *g = ctx;
    int64_t end = (task + 1) * g->group < g->count ? (task + 1) * g->group : g->count;
    for (int64_t i = task * g->group; i < end; i++)
        g->fn(g->ctx, i, thread);
}

/* rt_parallel_for of pieces that take about `cost` simple operations each. */
static inline void grouped_for(int64_t count, int64_t cost, rt_task fn, void *ctx) {
    enum { WORTH_A_TASK = 1 << 15 };
    grouped_work g = {fn, ctx, count, WORTH_A_TASK / (cost + 1) + 1};
    rt_parallel_for((count + g.group - 1) / g.group, grouped_task, &g);
}
