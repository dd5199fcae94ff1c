/* A connection whose op is pending: for how long, and what it is told meanwhile. See conn.h. */
#include "server/conn_private.h"

enum { NS_PER_MS = 1000000, WAITING_TOLD_MS = 250 };

/* The next piece of its wait; rather closed than without a bound. */
static void time_wait(struct conn *conn)
{
    uint32_t ms = conn->wait_left_ms;
    if (conn->op.kind == OP_OPEN && ms > WAITING_TOLD_MS)
        ms = WAITING_TOLD_MS;
    conn->wait_left_ms -= ms;
    if (loop_set_timer(&conn->worker->loop, &conn->wait_timer, (uint64_t)ms * NS_PER_MS) != ERR_NONE)
        conn_close(conn);
}

/* Tells its client that it waits, and as which, so that this can be told from a server that hangs. Not while there are
 * answers that it does not take, or that may not leave yet. */
static void tell_waiting(struct conn *conn)
{
    uint32_t position = engine_position(server_engine(conn->worker->server), &conn->op);
    if (position == 0 || conn->out.len > conn->out.at)
        return;
    conn_lend_out(conn);
    if (!buffer_reserve(&conn->out, conn_pool(conn), PROTO_ANSWER_MAX))
        return;
    conn->out.len += proto_put_waiting(position, conn->out.p + conn->out.len);
    conn_send_and_wait(conn);
}

/* Unless it has been woken meanwhile: then its mail is on the way. */
static void wait_is_over(struct loop_timer *timer)
{
    struct conn *conn = (struct conn *)(void *)((char *)timer - offsetof(struct conn, wait_timer));
    conn_tell_time(conn->worker);
    if (conn->wait_left_ms > 0) {
        tell_waiting(conn);
        if (conn->state == CONN_WAITING)
            time_wait(conn);
        return;
    }
    if (!engine_cancel(server_engine(conn->worker->server), &conn->op))
        return;
    conn->op.is_late = true;
    conn_resume(conn);
}

void conn_wait(struct conn *conn)
{
    conn->state = CONN_WAITING;
    conn->wait_left_ms = conn->op.wait_ms;
    if (conn->op.wait_ms == 0)
        return;
    conn->wait_timer.fire = wait_is_over;
    time_wait(conn);
}
