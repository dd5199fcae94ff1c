/*
 * stats items, slabs, sizes: there are no slabs, but tools add up and show what these tell. So each class of the store
 * is one slab class of its own, 1 the cache and 2 the sessions, with what is true of it; see stats_private.h.
 */
#include "server/stats_private.h"

#include <stdio.h>

enum { NAME_MAX_LEN = 64, SLAB_OF_CACHE = 1 };

static void put_of(struct conn *conn, const char *kind, int class, const char *what, uint64_t value)
{
    char name[NAME_MAX_LEN];
    snprintf(name, sizeof name, "%s%d:%s", kind, class + SLAB_OF_CACHE, what);
    stats_put_u64(conn, name, value);
}

static void put_items(struct conn *conn, int class, const struct engine_stats *stats)
{
    static const char *const zeros[] = {
        "age_hot",        "age_warm",          "evicted_nonzero",       "evicted_time",      "tailrepairs",
        "evicted_active", "crawler_reclaimed", "crawler_items_checked", "lrutail_reflocked", "moves_to_cold",
        "moves_to_warm",  "moves_within_lru",  "direct_reclaims",       "hits_to_hot",       "hits_to_warm",
        "hits_to_cold",   "hits_to_temp"};
    const struct store_stats *s = &stats->store;
    put_of(conn, "items:", class, "number", s->items[class]);
    put_of(conn, "items:", class, "number_hot", 0);
    put_of(conn, "items:", class, "number_warm", 0);
    put_of(conn, "items:", class, "number_cold", s->items[class]);
    put_of(conn, "items:", class, "age",
           engine_oldest_age_s(server_engine(conn->worker->server), (enum store_class) class,
                               conn->worker->now_s));
    put_of(conn, "items:", class, "mem_requested", s->live_bytes[class]);
    put_of(conn, "items:", class, "evicted", s->evictions[class]);
    put_of(conn, "items:", class, "outofmemory", stats->refused_full[class]);
    put_of(conn, "items:", class, "reclaimed", s->reclaimed[class]);
    put_of(conn, "items:", class, "expired_unfetched", s->expired_unfetched[class]);
    put_of(conn, "items:", class, "evicted_unfetched", s->evicted_unfetched[class]);
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        put_of(conn, "items:", class, zeros[i], 0);
}

void stats_run_items(struct conn *conn)
{
    struct engine_stats stats;
    engine_read_stats(server_engine(conn->worker->server), &stats);
    for (int class = 0; class < STORE_NCLASSES; class ++) {
        if (stats.store.items[class] > 0)
            put_items(conn, class, &stats);
    }
    stats_put_end(conn);
}

/* The sessions' share of a counter, or what is left of it for the cache. */
static uint64_t counted_of(const struct server *server, int class, enum counter counter)
{
    uint64_t all = stats_counted(server, counter);
    uint64_t of_sessions = stats_counted(server, counters_of_sessions(counter));
    if (class == STORE_SESSION)
        return of_sessions;
    return all > of_sessions ? all - of_sessions : 0; /* they were read one after the other */
}

static void put_counted(struct conn *conn, int class)
{
    static const struct {
        const char *name;
        enum counter counter;
    } rows[] = {
#define COUNTERS_ROW(name) {#name, COUNTER_##name},
        COUNTERS_OF_SESSIONS(COUNTERS_ROW)
#undef COUNTERS_ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        put_of(conn, "", class, rows[i].name, counted_of(conn->worker->server, class, rows[i].counter));
}

/* A chunk is an item of the mean size; a page is a segment, and there are as many as the living fill; free is what
 * would still fit within the limit, the same room for either class. */
static void put_slab(struct conn *conn, int class, const struct store_stats *s)
{
    uint64_t used = s->items[class];
    uint64_t chunk = (s->live_bytes[class] + used - 1) / used;
    uint64_t room = s->used_bytes < s->limit_bytes ? s->limit_bytes - s->used_bytes : 0;
    put_of(conn, "", class, "chunk_size", chunk);
    put_of(conn, "", class, "chunks_per_page", chunk < s->segment_bytes ? s->segment_bytes / chunk : 1);
    put_of(conn, "", class, "total_pages", (s->live_bytes[class] + s->segment_bytes - 1) / s->segment_bytes);
    put_of(conn, "", class, "total_chunks", used + room / chunk);
    put_of(conn, "", class, "used_chunks", used);
    put_of(conn, "", class, "free_chunks", room / chunk);
    put_of(conn, "", class, "free_chunks_end", 0);
    put_counted(conn, class);
}

void stats_run_slabs(struct conn *conn)
{
    struct engine_stats stats;
    uint64_t active = 0;
    engine_read_stats(server_engine(conn->worker->server), &stats);
    for (int class = 0; class < STORE_NCLASSES; class ++) {
        if (stats.store.items[class] == 0 || stats.store.live_bytes[class] == 0)
            continue;
        put_slab(conn, class, &stats.store);
        active++;
    }
    stats_put_u64(conn, "active_slabs", active);
    stats_put_u64(conn, "total_malloced", stats.store.used_bytes);
    stats_put_end(conn);
}

void stats_run_sizes(struct conn *conn)
{
    stats_put(conn, "sizes_status", "disabled");
    stats_put_end(conn);
}

void stats_run_sizes_change(struct conn *conn)
{
    stats_put(conn, "sizes_status", "error");
    stats_put(conn, "sizes_error", "not_supported");
    stats_put_end(conn);
}
