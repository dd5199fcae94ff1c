/* stats cachedump <class> <n>: the keys of a class, as old tools ask for them; see stats_private.h. */
#include "server/dump.h"
#include "server/stats_private.h"

#include "proto/words.h"

enum { SLAB_CLASSES = 64 }; /* memcached's bound */

static void answer(struct conn *conn, const char *line)
{
    exec_put_line(conn, bytes_of(line));
}

void stats_run_cachedump(struct conn *conn)
{
    struct words words;
    uint32_t class;
    uint32_t limit; /* 0: none */
    words_split(conn->request.argument, &words);
    if (conn->proto.dialect == DIALECT_BINARY)
        exec_put_status(conn, STATUS_MISS); /* which has no such line */
    else if (conn->worker->server->settings->no_dumps)
        answer(conn, "CLIENT_ERROR stats cachedump not allowed");
    else if (words.n < 3)
        answer(conn, "CLIENT_ERROR bad command line");
    else if (!num_parse_u32(words.word[1], &class) || !num_parse_u32(words.word[2], &limit))
        answer(conn, "CLIENT_ERROR bad command line format");
    else if (class >= SLAB_CLASSES)
        answer(conn, "CLIENT_ERROR Illegal slab id");
    else if (!engine_can_list(server_engine(conn->worker->server)))
        exec_put_status(conn, STATUS_LOADING);
    else if (class != dump_class_number(STORE_CACHE) && class != dump_class_number(STORE_SESSION))
        stats_put_end(conn);
    else if (!dump_begin(conn, DUMP_CACHEDUMP, (uint64_t)1 << class, limit == 0 ? UINT64_MAX : limit))
        answer(conn, "SERVER_ERROR too many dumps at a time");
}
