/* slabs and lru, and their words; see slabs.h. */
#include "server/slabs.h"
#include "proto/words.h"
#include "server/exec.h"

#include <stdlib.h>

enum { SLAB_CLASS_MAX = 63, AUTOMOVE_MAX = 2, HOT_AND_WARM_MAX = 80, NUMBER_LEN = 32 };

static void answer(struct conn *conn, const char *line)
{
    exec_put_line(conn, bytes_of(line));
}

static bool is_word(const struct words *words, size_t at, const char *wanted)
{
    return words->n > at && bytes_equal(words->word[at], bytes_of(wanted));
}

static void split(struct conn *conn, struct words *ret)
{
    words_split(conn->request.argument, ret);
    conn->request.quiet = bytes_equal(ret->last, bytes_of("noreply"));
}

static bool parse_double(struct bytes word, double *ret)
{
    char text[NUMBER_LEN];
    char *end;
    if (word.len == 0 || word.len >= sizeof text)
        return false;
    memcpy(text, word.p, word.len);
    text[word.len] = '\0';
    *ret = strtod(text, &end);
    return *end == '\0';
}

/* A number of a class, or one below 0, which stands for none in particular. */
static bool parse_class(struct bytes word, int64_t *ret)
{
    return num_parse_i64(word, ret) && *ret >= INT32_MIN && *ret <= INT32_MAX;
}

static void reassign(struct conn *conn, const struct words *words)
{
    int64_t from;
    int64_t to;
    if (!parse_class(words->word[1], &from) || !parse_class(words->word[2], &to))
        answer(conn, "CLIENT_ERROR bad command line format");
    else if (from == to)
        answer(conn, "SAME src and dst class are identical");
    else if (from > SLAB_CLASS_MAX || to > SLAB_CLASS_MAX || to < 0)
        answer(conn, "BADCLASS invalid src or dst class id");
    else
        answer(conn, "NOSPARE source class has no spare pages");
}

static void automove(struct conn *conn, const struct words *words)
{
    uint32_t level;
    double ratio;
    if (is_word(words, 1, "ratio"))
        answer(conn, words->n > 2 && parse_double(words->word[2], &ratio) ? "OK" : "ERROR");
    else if (!num_parse_u32(words->word[1], &level))
        answer(conn, "CLIENT_ERROR bad command line format");
    else
        answer(conn, level <= AUTOMOVE_MAX ? "OK" : "ERROR");
}

void slabs_run(struct conn *conn)
{
    struct words words;
    split(conn, &words);
    if (words.n == 3 && is_word(&words, 0, "reassign")) {
        conn->request.quiet = false; /* as memcached has it */
        reassign(conn, &words);
    } else if (words.n >= 2 && is_word(&words, 0, "automove")) {
        automove(conn, &words);
    } else {
        conn->request.quiet = false;
        answer(conn, "ERROR");
    }
}

static const char *tune(const struct words *words)
{
    uint32_t hot;
    uint32_t warm;
    double hot_factor;
    double warm_factor;
    if (!num_parse_u32(words->word[1], &hot) || !num_parse_u32(words->word[2], &warm) ||
        !parse_double(words->word[3], &hot_factor) || !parse_double(words->word[4], &warm_factor))
        return "ERROR";
    if ((uint64_t)hot + warm > HOT_AND_WARM_MAX)
        return "ERROR hot and warm pcts must not exceed 80";
    return hot_factor > 0 && warm_factor > 0 ? "OK" : "ERROR hot/warm age factors must be greater than 0";
}

void slabs_run_lru(struct conn *conn)
{
    struct words words;
    int64_t ttl_s;
    split(conn, &words);
    if (words.n >= 5 && is_word(&words, 0, "tune"))
        answer(conn, tune(&words));
    else if (is_word(&words, 0, "mode") && (is_word(&words, 1, "flat") || is_word(&words, 1, "segmented")))
        answer(conn, "OK");
    else if (words.n >= 2 && is_word(&words, 0, "temp_ttl") && num_parse_i64(words.word[1], &ttl_s))
        answer(conn, "OK");
    else
        answer(conn, "ERROR");
}
