/* A dump in pieces, see dump.h. */
#include "server/dump.h"
#include "server/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_MAX_BYTES = SHOW_KEY_MAX + 256 };

struct dump {
    enum dump_form form;
    uint64_t classes;
    uint64_t left; /* items that may still be told */
    struct store_cursor cursor;
    struct store_listed listed[STORE_LIST_MAX];
};

bool dump_begin(struct conn *conn, enum dump_form form, uint64_t classes, uint64_t limit)
{
    struct server *server = conn->worker->server;
    struct dump *dump = NULL;
    if (__atomic_add_fetch(&server->crawler.ndumps, 1, __ATOMIC_RELAXED) <= DUMPS_MAX)
        dump = malloc(sizeof *dump);
    if (dump == NULL) {
        __atomic_fetch_sub(&server->crawler.ndumps, 1, __ATOMIC_RELAXED);
        return false;
    }
    dump->form = form;
    dump->classes = classes;
    dump->left = limit;
    dump->cursor = (struct store_cursor){0};
    conn->dump = dump;
    return true;
}

void dump_free(struct server *server, struct dump **dump)
{
    if (*dump != NULL)
        __atomic_fetch_sub(&server->crawler.ndumps, 1, __ATOMIC_RELAXED);
    free(*dump);
    *dump = NULL;
}

/* A second of the steady clock as one of the wall's. */
static int64_t wall_of(const struct conn *conn, uint32_t at_s)
{
    return clock_wall_s(conn->worker->server->clock) + (int64_t)at_s - (int64_t)conn->worker->now_s;
}

static size_t put_metadump(const struct conn *conn, const struct store_listed *listed, char *out)
{
    const struct store_item *item = &listed->item;
    struct bytes key = {.p = listed->key, .len = listed->key_len};
    memcpy(out, "key=", 4);
    size_t n =
        4 + (item->is_hashed ? show_hashed(key, out + 4)
                             : show_key(conn->worker->server, key, item->class == STORE_SESSION, out + 4));
    int64_t exp = item->expiry_s == 0 ? -1 : wall_of(conn, item->expiry_s);
    int len = snprintf(out + n, LINE_MAX_BYTES - n,
                       " exp=%" PRId64 " la=%" PRId64 " cas=%" PRIu64 " fetch=%s cls=%u size=%" PRIu64 "\n",
                       exp, wall_of(conn, item->seen_s), item->cas, item->fetched ? "yes" : "no",
                       dump_class_number(item->class), listed->size);
    return n + (size_t)len;
}

static size_t put_mgdump(const struct conn *conn, const struct store_listed *listed, char *out)
{
    struct bytes key = {.p = listed->key, .len = listed->key_len};
    memcpy(out, "mg ", 3);
    size_t n = 3;
    if (listed->item.is_hashed)
        n += show_hashed(key, out + n);
    else
        n += show_meta_key(conn->worker->server, key, listed->item.class == STORE_SESSION, out + n);
    memcpy(out + n, "\r\n", 2);
    return n + 2;
}

/* As cachedump has it: the key bare, where a line can hold it, and 0 for an item without end. */
static size_t put_cachedump(const struct conn *conn, const struct store_listed *listed, char *out)
{
    const struct store_item *item = &listed->item;
    struct bytes key = {.p = listed->key, .len = listed->key_len};
    memcpy(out, "ITEM ", 5);
    size_t n = 5;
    if (item->is_hashed)
        n += show_hashed(key, out + n);
    else
        n += show_bare_key(conn->worker->server, key, item->class == STORE_SESSION, out + n);
    int64_t exp = item->expiry_s == 0 ? 0 : wall_of(conn, item->expiry_s);
    int len = snprintf(out + n, LINE_MAX_BYTES - n, " [%zu b; %" PRId64 " s]\r\n", listed->value_len, exp);
    return n + (size_t)len;
}

static size_t put_item(const struct conn *conn, enum dump_form form, const struct store_listed *listed,
                       char *out)
{
    switch (form) {
    case DUMP_METADUMP:
        return put_metadump(conn, listed, out);
    case DUMP_MGDUMP:
        return put_mgdump(conn, listed, out);
    case DUMP_CACHEDUMP:
        break;
    }
    return put_cachedump(conn, listed, out);
}

static bool reserve(struct conn *conn)
{
    if (buffer_reserve(&conn->out, &conn->worker->server->buffers, LINE_MAX_BYTES))
        return true;
    conn->is_last = true; /* half a dump must not look like a whole one */
    return false;
}

static void put_end(struct conn *conn, enum dump_form form)
{
    struct bytes words = bytes_of(form == DUMP_MGDUMP ? "EN\r\n" : "END\r\n");
    if (!reserve(conn))
        return;
    memcpy(conn->out.p + conn->out.len, words.p, words.len);
    conn->out.len += words.len;
}

void dump_go_on(struct conn *conn)
{
    struct server *server = conn->worker->server;
    struct dump *dump = conn->dump;
    size_t n;
    bool has_more = engine_list(server_engine(server), &dump->cursor, conn->worker->now_s, dump->listed, &n,
                                &conn->worker->turn.unwritten);
    bool has_room = true;
    for (size_t i = 0; i < n && dump->left > 0 && (has_room = reserve(conn)); i++) {
        const struct store_listed *listed = &dump->listed[i];
        if ((dump->classes >> dump_class_number(listed->item.class) & 1) == 0)
            continue;
        conn->out.len += put_item(conn, dump->form, listed, conn->out.p + conn->out.len);
        dump->left--;
    }
    if (has_more && has_room && dump->left > 0)
        return;
    if (has_room)
        put_end(conn, dump->form);
    dump_free(server, &conn->dump);
}
