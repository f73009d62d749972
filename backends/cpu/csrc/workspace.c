#include "workspace.h"
#include <pthread.h>
#include <stdlib.h>

typedef struct {
    void *data[RT_WORKSPACE_SLOTS];
    size_t size[RT_WORKSPACE_SLOTS];
} workspace;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local workspace *mine;

static void destroy(void *arg) {
    workspace *w = arg;
    for (int slot = 0; slot < RT_WORKSPACE_SLOTS; slot++)
        free(w->data[slot]);
    free(w);
}

static void create_key(void) { pthread_key_create(&key, destroy); }

/* The key's only task is to free the buffers when the thread ends. */
static workspace *create(void) {
    pthread_once(&once, create_key);
    mine = calloc(1, sizeof *mine);
    if (mine)
        pthread_setspecific(key, mine);
    return mine;
}

void *rt_workspace(enum rt_workspace_slot slot, size_t bytes) {
    workspace *w = mine ? mine : create();
    if (!w)
        return NULL;
    if (w->size[slot] < bytes || !w->data[slot]) {
        size_t size = (bytes + 4095) / 4096 * 4096 + 4096;
        free(w->data[slot]);
        w->data[slot] = aligned_alloc(64, size);
        w->size[slot] = w->data[slot] ? size : 0;
    }
    return w->data[slot];
}
