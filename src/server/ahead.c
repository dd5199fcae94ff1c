/* The keys of what a connection asks next, see ahead.h. */
#include "server/ahead.h"
#include "server/conn.h"

size_t ahead_peek(const struct conn *conn, struct bytes *ret_keys, size_t max)
{
    struct proto proto = conn->proto;
    struct request request;
    size_t nkeys = 0;
    size_t used;
    size_t need;
    for (size_t at = conn->in.at; at < conn->in.len && nkeys < max; at += used) {
        if (proto_next(&proto, conn->in.p + at, conn->in.len - at, &used, &need, &request) == PARSE_MORE)
            break;
        if (request.key.len > 0)
            ret_keys[nkeys++] = request.key;
        if (request.close)
            break;
    }
    return nkeys;
}

void ahead_look(const struct conn *conn)
{
    struct bytes keys[AHEAD_KEYS];
    engine_prefetch(server_engine(conn->worker->server), &conn->worker->memo, keys,
                    ahead_peek(conn, keys, AHEAD_KEYS));
}
