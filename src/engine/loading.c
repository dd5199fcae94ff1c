/* Ops that wait for the store: see loading.h. */
#include "engine/loading.h"
#include "base/check.h"

#include <pthread.h>
#include <stdlib.h>

struct loading {
    struct engine engine;
    struct store_config config;
    pthread_mutex_t mutex;
    struct op *waiting; /* in no order: each is another client's */
    bool is_over;
};

static struct loading *loading_of(struct engine *engine)
{
    return (struct loading *)(void *)engine;
}

static void link_in(struct loading *loading, struct op *op)
{
    op->prev = NULL;
    op->next = loading->waiting;
    if (op->next != NULL)
        op->next->prev = op;
    loading->waiting = op;
}

static void link_out(struct loading *loading, struct op *op)
{
    if (op->next != NULL)
        op->next->prev = op->prev;
    if (op->prev != NULL)
        op->prev->next = op->next;
    else
        loading->waiting = op->next;
}

/* Somebody who came in just before it was over is woken at once. */
static enum submit loading_submit(struct engine *engine, struct op *op)
{
    struct loading *loading = loading_of(engine);
    pthread_mutex_lock(&loading->mutex);
    bool is_over = loading->is_over;
    if (!is_over)
        link_in(loading, op);
    pthread_mutex_unlock(&loading->mutex);
    if (is_over)
        op->wake(op);
    return SUBMIT_PENDING;
}

static bool loading_cancel(struct engine *engine, struct op *op)
{
    struct loading *loading = loading_of(engine);
    pthread_mutex_lock(&loading->mutex);
    bool is_over = loading->is_over;
    if (!is_over)
        link_out(loading, op);
    pthread_mutex_unlock(&loading->mutex);
    return !is_over;
}

static void loading_client_gone(struct engine *engine, struct engine_client *client)
{
    (void)engine;
    (void)client; /* nobody holds anything yet */
}

static enum op_result loading_flush(struct engine *engine, uint32_t now_s, int64_t exptime,
                                    uint64_t *ret_unwritten)
{
    (void)engine;
    (void)now_s;
    (void)exptime;
    *ret_unwritten = 0;
    return OP_LOADING;
}

static uint64_t loading_synced(struct engine *engine)
{
    (void)engine;
    return 0; /* no ticket was given yet */
}

static void loading_read_stats(struct engine *engine, struct engine_stats *ret)
{
    const struct loading *loading = loading_of(engine);
    *ret = (struct engine_stats){.store = {.limit_bytes = loading->config.limit_bytes,
                                           .has_disk = true,
                                           .sync = loading->config.sync,
                                           .is_loading = true}};
    ret->store.loaded_bytes = __atomic_load_n(&loading->config.progress->loaded_bytes, __ATOMIC_RELAXED);
    ret->store.load_bytes = __atomic_load_n(&loading->config.progress->load_bytes, __ATOMIC_RELAXED);
}

static void loading_free(struct engine *engine)
{
    struct loading *loading = loading_of(engine);
    pthread_mutex_destroy(&loading->mutex);
    free(loading);
}

void loading_end(struct engine *engine)
{
    struct loading *loading = loading_of(engine);
    pthread_mutex_lock(&loading->mutex);
    loading->is_over = true;
    struct op *op = loading->waiting;
    loading->waiting = NULL;
    pthread_mutex_unlock(&loading->mutex);
    while (op != NULL) {
        struct op *next = op->next; /* once woken it is its client's again */
        op->wake(op);
        op = next;
    }
}

enum err loading_new(const struct store_config *config, struct engine **ret)
{
    /* No resume, no commit: whatever is answered is answered by the real one. */
    static const struct engine_ops ops = {.submit = loading_submit,
                                          .cancel = loading_cancel,
                                          .client_gone = loading_client_gone,
                                          .flush = loading_flush,
                                          .synced = loading_synced,
                                          .read_stats = loading_read_stats,
                                          .free = loading_free};
    struct loading *loading = calloc(1, sizeof *loading);
    if (loading == NULL)
        return ERR_MEMORY;
    loading->engine.ops = &ops;
    loading->config = *config;
    CHECK(pthread_mutex_init(&loading->mutex, NULL) == 0);
    *ret = &loading->engine;
    return ERR_NONE;
}
