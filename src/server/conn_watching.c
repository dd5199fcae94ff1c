/* A connection that has become a watcher: see watch.h and conn.h. */
#include "server/conn_private.h"
#include "server/roll.h"
#include "server/watch.h"

void conn_begin_watching(struct conn *conn)
{
    buffer_drop(&conn->in, conn_pool(conn));
    conn->state = CONN_WATCHING;
    conn_expect(conn, EPOLLIN);
    roll_show(conn);
    if (!watch_wait(conn))
        conn_close(conn);
}

void conn_go_on_watching(struct conn *conn)
{
    conn_lend_out(conn);
    conn->state = CONN_READING;
    watch_put_lines(conn);
    if (conn_flush(conn))
        conn_begin_watching(conn);
}

void conn_drop_input(struct conn *conn)
{
    struct worker *worker = conn->worker;
    ssize_t n =
        transport_read(&conn->transport, worker->in + worker->in_used, WORKER_IN_BYTES - worker->in_used);
    if (n > 0)
        counters_add(&worker->counters, COUNTER_bytes_read, (uint64_t)n);
    else
        conn_no_input(conn, n);
}
