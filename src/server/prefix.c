/* A hash table of prefixes and their counts, see prefix.h. */
#include "server/prefix.h"
#include "engine/keyclass.h"
#include "base/check.h"
#include "base/hash.h"
#include "engine/engine.h"

#include <stdlib.h>

enum { SLOTS = 2 * PREFIX_MAX, DELIMITER_DEFAULT = ':' };

struct prefix_entry {
    bool is_used;
    uint8_t len;
    char text[PREFIX_LEN_MAX];
    struct prefix_counts counts;
};

void prefix_init(struct prefix_table *table, const struct settings *settings)
{
    *table = (struct prefix_table){.settings = settings, .seed = hash_random_seed()};
    CHECK(pthread_mutex_init(&table->lock, NULL) == 0);
}

void prefix_fini(struct prefix_table *table)
{
    free(table->entries);
    table->entries = NULL;
    pthread_mutex_destroy(&table->lock);
}

bool prefix_turn(struct prefix_table *table, bool on)
{
    pthread_mutex_lock(&table->lock);
    if (on && table->entries == NULL)
        table->entries = calloc(SLOTS, sizeof *table->entries);
    bool has_memory = !on || table->entries != NULL;
    if (has_memory)
        __atomic_store_n(&table->is_on, on, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&table->lock);
    return has_memory;
}

/* False: it has none. */
static bool prefix_of(const struct settings *settings, struct bytes key, struct bytes *ret)
{
    size_t reach = key.len;
    if (keyclass_has_lock_suffix(key) && keyclass_may_be_id(keyclass_locked_id(key)))
        return false; /* what it locks may be a session of php-memcache */
    for (size_t i = 0; i < settings->session_prefixes.n; i++) {
        struct keyclass_prefix session;
        if (keyclass_read(settings->session_prefixes.items[i], &session) &&
            bytes_starts_with(key, session.prefix) && session.prefix.len < reach)
            reach = session.prefix.len;
    }
    int delimiter = settings->delimiter != 0 ? (int)settings->delimiter : DELIMITER_DEFAULT;
    const char *end = memchr(key.p, delimiter, reach);
    if (end == NULL)
        return false;
    *ret = (struct bytes){.p = key.p, .len = (size_t)(end - key.p)};
    return true;
}

/* Half of the slots stay free, so there is always an end to the search. */
static struct prefix_counts *find(struct prefix_table *table, struct bytes prefix)
{
    size_t at = hash_bytes(prefix, table->seed) % SLOTS;
    for (;; at = (at + 1) % SLOTS) {
        struct prefix_entry *entry = &table->entries[at];
        if (!entry->is_used)
            break;
        if (bytes_equal(prefix, (struct bytes){.p = entry->text, .len = entry->len}))
            return &entry->counts;
    }
    if (table->n == PREFIX_MAX)
        return &table->others;
    struct prefix_entry *entry = &table->entries[at];
    table->n++;
    *entry = (struct prefix_entry){.is_used = true, .len = (uint8_t)prefix.len};
    memcpy(entry->text, prefix.p, prefix.len);
    return &entry->counts;
}

static void count(struct prefix_counts *counts, const struct op *op)
{
    switch (op->kind) {
    case OP_GET:
        counts->get++;
        counts->hit += op->result == OP_OK;
        break;
    case OP_SET:
    case OP_ADD:
    case OP_REPLACE:
    case OP_APPEND:
    case OP_PREPEND:
        counts->set++;
        break;
    case OP_DELETE:
        counts->del++;
        break;
    default:
        break;
    }
}

void prefix_count(struct prefix_table *table, const struct op *op)
{
    struct bytes prefix;
    bool counts = op->kind != OP_INCR && op->kind != OP_DECR && op->kind != OP_TOUCH;
    if (!counts || !prefix_of(table->settings, op->key, &prefix))
        return;
    pthread_mutex_lock(&table->lock);
    count(find(table, prefix), op);
    pthread_mutex_unlock(&table->lock);
}

void prefix_clear(struct prefix_table *table)
{
    pthread_mutex_lock(&table->lock);
    if (table->entries != NULL)
        memset(table->entries, 0, SLOTS * sizeof *table->entries);
    table->n = 0;
    table->others = (struct prefix_counts){0};
    pthread_mutex_unlock(&table->lock);
}

void prefix_each(struct prefix_table *table,
                 void (*each)(void *arg, struct bytes prefix, const struct prefix_counts *counts), void *arg)
{
    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; table->entries != NULL && i < SLOTS; i++) {
        const struct prefix_entry *entry = &table->entries[i];
        if (entry->is_used)
            each(arg, (struct bytes){.p = entry->text, .len = entry->len}, &entry->counts);
    }
    const struct prefix_counts *others = &table->others;
    if (others->get + others->set + others->del > 0)
        each(arg, bytes_of("*"), others);
    pthread_mutex_unlock(&table->lock);
}
