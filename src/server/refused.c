/* What the parser refused: see refused.h. */
#include "server/refused.h"
#include "server/tell.h"
#include "server/udp.h"

static bool takes_away(const struct conn *conn)
{
    const struct request *request = &conn->request;
    bool for_its_value = request->refusal == REFUSAL_TOO_LARGE || request->refusal == REFUSAL_FULL;
    return request->replaces && for_its_value && (conn->role & ROLE_WRITE) != 0 &&
           udp_may(conn, OP_SET, true);
}

bool refused_begin(struct conn *conn)
{
    const struct request *request = &conn->request;
    struct counters *counters = &conn->worker->counters;
    if (request->refusal == REFUSAL_TOO_LARGE) {
        counters_add(counters, COUNTER_store_too_large, 1);
        tell_too_large(conn);
    }
    if (request->refusal == REFUSAL_CHUNK)
        counters_add(counters, COUNTER_cmd_set, 1);
    if (request->refusal == REFUSAL_FULL)
        counters_add(counters, COUNTER_store_no_memory, 1);
    if (!takes_away(conn))
        return false;
    /* The value has not been kept: the engine hears of one that is too large, and knows what to do about that. */
    conn->op = (struct op){.kind = OP_SET,
                           .key = proto_key(request, conn->key),
                           .value = {.len = SIZE_MAX},
                           .replaces = true,
                           .now_s = conn->worker->now_s,
                           .client = &conn->client,
                           .memo = &conn->worker->memo,
                           .wake = conn_wake};
    return true;
}
