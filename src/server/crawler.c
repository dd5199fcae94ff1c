/* lru_crawler and its words, see crawler.h. */
#include "server/crawler.h"
#include "base/num.h"
#include "proto/words.h"
#include "server/dump.h"
#include "server/exec.h"

enum { CLASS_MAX = 63, SLEEP_MAX_US = 1000000 };

static void answer(struct conn *conn, const char *line)
{
    exec_put_line(conn, bytes_of(line));
}

/* "all", "hash", or numbers with commas between them. */
static bool parse_classes(struct bytes word, uint64_t *ret)
{
    *ret = UINT64_MAX;
    if (bytes_equal(word, bytes_of("all")) || bytes_equal(word, bytes_of("hash")))
        return true;
    *ret = 0;
    for (size_t at = 0; at < word.len;) {
        const char *comma = memchr(word.p + at, ',', word.len - at);
        size_t end = comma != NULL ? (size_t)(comma - word.p) : word.len;
        uint32_t class;
        if (end > at) {
            if (!num_parse_u32((struct bytes){.p = word.p + at, .len = end - at}, &class) || class < 1 ||
                class > CLASS_MAX)
                return false;
            *ret |= (uint64_t)1 << class;
        }
        at = end + 1;
    }
    return true;
}

static bool is_off(const struct conn *conn)
{
    return __atomic_load_n(&conn->worker->server->crawler.is_off, __ATOMIC_RELAXED);
}

static void crawl(struct conn *conn, struct bytes word)
{
    uint64_t classes;
    if (is_off(conn))
        answer(conn, "CLIENT_ERROR lru crawler disabled");
    else if (bytes_equal(word, bytes_of("hash")))
        answer(conn, "ERROR an unknown error happened");
    else
        answer(conn, parse_classes(word, &classes) ? "OK" : "BADCLASS invalid class id");
}

static void dump(struct conn *conn, struct bytes word, enum dump_form form)
{
    uint64_t classes;
    if (is_off(conn))
        answer(conn, "CLIENT_ERROR lru crawler disabled");
    else if (conn->worker->server->settings->no_dumps)
        answer(conn, form == DUMP_METADUMP ? "ERROR metadump not allowed" : "ERROR key dump not allowed");
    else if (!parse_classes(word, &classes))
        answer(conn, "BADCLASS invalid class id");
    else if (!engine_can_list(server_engine(conn->worker->server)))
        exec_put_status(conn, STATUS_LOADING);
    else if (!dump_begin(conn, form, classes, UINT64_MAX))
        answer(conn, "BUSY currently processing crawler request");
}

static void metadump(struct conn *conn, struct bytes word)
{
    dump(conn, word, DUMP_METADUMP);
}

static void mgdump(struct conn *conn, struct bytes word)
{
    dump(conn, word, DUMP_MGDUMP);
}

static void set_sleep(struct conn *conn, struct bytes word)
{
    uint32_t us;
    if (!num_parse_u32(word, &us)) {
        answer(conn, "CLIENT_ERROR bad command line format");
    } else if (us > SLEEP_MAX_US) {
        answer(conn, "CLIENT_ERROR sleep must be one second or less");
    } else {
        __atomic_store_n(&conn->worker->server->crawler.sleep_us, us, __ATOMIC_RELAXED);
        answer(conn, "OK");
    }
}

static void set_tocrawl(struct conn *conn, struct bytes word)
{
    uint32_t n;
    if (!num_parse_u32(word, &n)) {
        answer(conn, "CLIENT_ERROR bad command line format");
    } else {
        __atomic_store_n(&conn->worker->server->crawler.tocrawl, n, __ATOMIC_RELAXED);
        answer(conn, "OK");
    }
}

static void enable(struct conn *conn, struct bytes word)
{
    (void)word;
    bool was_off = __atomic_exchange_n(&conn->worker->server->crawler.is_off, false, __ATOMIC_RELAXED);
    answer(conn, was_off ? "OK" : "ERROR failed to start lru crawler thread");
}

static void disable(struct conn *conn, struct bytes word)
{
    (void)word;
    __atomic_store_n(&conn->worker->server->crawler.is_off, true, __ATOMIC_RELAXED);
    answer(conn, "OK");
}

void crawler_run(struct conn *conn)
{
    static const struct {
        const char *name;
        size_t nwords; /* behind it */
        void (*run)(struct conn *conn, struct bytes word);
    } rows[] = {
        {"metadump", 1, metadump},   {"mgdump", 1, mgdump}, {"crawl", 1, crawl},     {"sleep", 1, set_sleep},
        {"tocrawl", 1, set_tocrawl}, {"enable", 0, enable}, {"disable", 0, disable},
    };
    struct words words;
    words_split(conn->request.argument, &words);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (words.n == 1 + rows[i].nwords && bytes_equal(words.word[0], bytes_of(rows[i].name))) {
            rows[i].run(conn, words.word[1]);
            return;
        }
    }
    answer(conn, "ERROR");
}
