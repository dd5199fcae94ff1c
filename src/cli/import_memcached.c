/*
 * Sessions that php-memcached or php-memcache left in a memcached: their keys by `lru_crawler metadump hash`, each value by a
 * get. (`metadump all`, which is all that an old memcached knows, goes along its lists, and passes over what a client's
 * request moves to another place in them meanwhile.) Ends are dates of the source's clock, which is asked for. memcached dumps to one connection what another may change: a
 * session that is gone when its value is asked for has expired meanwhile.
 *
 * What php-memcache has compressed is stored as it was before: no other stock handler reads that form. php-memcached
 * compresses no sessions, whatever its settings say.
 */
#include "base/num.h"
#include "cli/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    KEY_MAX = 250,
    FLAG_COMPRESSED = 2, /* php-memcache's; zlib's format, without the length */
    FIRST_RATIO = 8,
    ROOM_MIN = 1024,
    BARE_ID_MIN = 22 /* without a prefix what is shorter may be anybody's key */
};

struct key {
    char *text;
    int64_t ends; /* -1: never */
};

struct keys {
    struct key *items;
    size_t n;
    size_t cap;
};

static void free_keys(struct keys *keys)
{
    for (size_t i = 0; i < keys->n; i++)
        free(keys->items[i].text);
    free(keys->items);
}

static bool add_key(struct keys *keys, struct bytes key, int64_t ends)
{
    if (keys->n == keys->cap) {
        size_t cap = keys->cap == 0 ? 1024 : 2 * keys->cap;
        struct key *items = realloc(keys->items, cap * sizeof *items);
        if (items == NULL)
            return false;
        keys->items = items;
        keys->cap = cap;
    }
    char *text = strndup(key.p, key.len);
    if (text == NULL)
        return false;
    keys->items[keys->n++] = (struct key){.text = text, .ends = ends};
    return true;
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* "key=memc.sess.key.a%2Cb exp=1795600000 la=..." */
static bool parse_line(struct bytes line, char *key, size_t *ret_len, int64_t *ret_ends)
{
    char text[CLIENT_LINE_MAX + 1];
    char coded[3 * KEY_MAX + 1];
    long long ends;
    size_t len = 0;
    snprintf(text, sizeof text, "%.*s", (int)line.len, line.p);
    if (sscanf(text, "key=%750s exp=%lld", coded, &ends) != 2)
        return false;
    for (const char *p = coded; *p != '\0' && len < KEY_MAX; p++) {
        bool is_coded = *p == '%' && hex_of(p[1]) >= 0 && hex_of(p[2]) >= 0;
        key[len++] = is_coded ? (char)(hex_of(p[1]) * 16 + hex_of(p[2])) : *p;
        p += is_coded ? 2 : 0;
    }
    *ret_len = len;
    *ret_ends = ends;
    return true;
}

/* What an old memcached says to a dump that it does not know. */
static bool is_unknown(struct bytes line)
{
    return bytes_starts_with(line, bytes_of("ERROR")) || bytes_starts_with(line, bytes_of("CLIENT_ERROR")) ||
           bytes_starts_with(line, bytes_of("BADCLASS"));
}

/* `which` is the one that is wanted, "hash" or "all". */
static enum outcome read_keys(struct import *import, struct client *source, const char *which,
                              const char *prefix, struct keys *keys)
{
    struct bytes request[] = {bytes_of("lru_crawler metadump "), bytes_of(which), bytes_of("\r\n")};
    struct bytes line;
    char key[KEY_MAX];
    struct bytes id;
    if (client_send(source, request, 3) != ERR_NONE)
        return command_fail(source);
    for (bool is_first = true; client_read_dump_line(source, &line) == ERR_NONE; is_first = false) {
        struct bytes whole = {.p = key};
        int64_t ends;
        if (bytes_equal(line, bytes_of("END")))
            return client_finish(source) == ERR_NONE ? OUTCOME_OK : command_fail(source);
        if (is_first && is_unknown(line) && strcmp(which, "hash") == 0)
            return client_finish(source) == ERR_NONE ? read_keys(import, source, "all", prefix, keys)
                                                     : command_fail(source);
        if (!parse_line(line, key, &whole.len, &ends))
            return command_refuse(source, line);
        bool is_session = import_cut_id(whole, prefix, &id) && (prefix[0] != '\0' || id.len >= BARE_ID_MIN);
        if (is_session && !add_key(keys, whole, ends))
            return command_trouble(import->call, ERR_MEMORY);
    }
    return command_fail(source);
}

/* It shows handles in place of ids, so that nothing would be found there. */
static enum outcome refuse_cloakroomd(struct client *source)
{
    struct bytes version;
    enum outcome outcome = command_ask_version(source, &version);
    if (outcome != OUTCOME_OK || !import_is_cloakroomd(version))
        return outcome;
    command_complain(
        "import: the source is a cloakroomd, which tells nobody the ids of its sessions; name the "
        "memcached, or see `cloakroom help backup`");
    return OUTCOME_NO;
}

static enum outcome read_clock(struct client *source, int64_t *ret_now)
{
    struct bytes request = bytes_of("stats\r\n");
    struct bytes line;
    enum err err = client_send(source, &request, 1);
    *ret_now = 0;
    while (err == ERR_NONE && (err = client_read_line(source, &line)) == ERR_NONE) {
        struct bytes begin = bytes_of("STAT time ");
        if (bytes_equal(line, bytes_of("END")))
            return client_finish(source) == ERR_NONE && *ret_now > 0 ? OUTCOME_OK : command_fail(source);
        if (!bytes_starts_with(line, bytes_of("STAT ")))
            return command_refuse(source, line);
        if (bytes_starts_with(line, begin))
            (void)num_parse_i64((struct bytes){.p = line.p + begin.len, .len = line.len - begin.len},
                                ret_now);
    }
    return command_fail(source);
}

/* The value of one key; *ret_value is the caller's, NULL where there is none any more. */
static enum outcome read_value(struct import *import, struct client *source, const char *key,
                               char **ret_value, size_t *ret_len, unsigned *ret_flags)
{
    char text[CLIENT_LINE_MAX + 1];
    struct bytes line;
    struct bytes parts[] = {bytes_of("get "), bytes_of(key), bytes_of("\r\n")};
    *ret_value = NULL;
    if (client_send(source, parts, 3) != ERR_NONE || client_read_line(source, &line) != ERR_NONE)
        return command_fail(source);
    if (!bytes_equal(line, bytes_of("END"))) {
        snprintf(text, sizeof text, "%.*s", (int)line.len, line.p);
        if (sscanf(text, "VALUE %*s %u %zu", ret_flags, ret_len) != 2 || *ret_len > IMPORT_VALUE_MAX)
            return command_refuse(source, line);
        char *value = malloc(*ret_len + 1);
        if (value == NULL)
            return command_trouble(import->call, ERR_MEMORY);
        if (client_read_value(source, value, *ret_len) != ERR_NONE ||
            client_read_line(source, &line) != ERR_NONE) {
            free(value);
            return command_fail(source);
        }
        *ret_value = value;
    }
    if (client_finish(source) == ERR_NONE)
        return OUTCOME_OK;
    free(*ret_value);
    *ret_value = NULL;
    return command_fail(source);
}

/* NULL: it is none, or larger than a value may be, or there is no memory. */
static char *inflated(const char *packed, size_t len, size_t *ret_len)
{
    for (size_t room = len * FIRST_RATIO + ROOM_MIN; room > 0; room *= FIRST_RATIO) {
        room = room < IMPORT_VALUE_MAX ? room : IMPORT_VALUE_MAX;
        uLongf got = room;
        char *value = malloc(room);
        int code =
            value == NULL ? Z_MEM_ERROR : uncompress((Bytef *)value, &got, (const Bytef *)packed, (uLong)len);
        *ret_len = got;
        if (code == Z_OK)
            return value;
        free(value);
        if (code != Z_BUF_ERROR || room == IMPORT_VALUE_MAX)
            return NULL;
    }
    return NULL;
}

/* Takes `packed`. */
static enum outcome put_inflated(struct import *import, struct bytes id, char *packed, size_t len,
                                 unsigned flags, int64_t left_s)
{
    size_t value_len;
    enum outcome outcome = OUTCOME_OK;
    char *value = inflated(packed, len, &value_len);
    free(packed);
    if (value == NULL)
        import_fail(import, "said to be compressed by php-memcache, and is not, or is too large");
    else
        outcome = import_put(import, id, (struct bytes){.p = value, .len = value_len},
                             flags & ~(unsigned)FLAG_COMPRESSED, left_s);
    free(value);
    return outcome;
}

static enum outcome take(struct import *import, struct client *source, const struct key *key,
                         const char *prefix, int64_t now)
{
    char *value;
    size_t len;
    unsigned flags = 0;
    struct bytes id = {0};
    int64_t left_s = key->ends < 0 ? IMPORT_FOR_EVER : key->ends - now;
    enum outcome outcome = read_value(import, source, key->text, &value, &len, &flags);
    if (outcome != OUTCOME_OK)
        return outcome;
    (void)import_cut_id(bytes_of(key->text), prefix, &id);
    if (value == NULL)
        outcome = import_put(import, id, (struct bytes){0}, 0, 0);
    else if ((flags & FLAG_COMPRESSED) != 0 && prefix[0] == '\0')
        return put_inflated(import, id, value, len, flags, left_s);
    else
        outcome = import_put(import, id, (struct bytes){.p = value, .len = len}, flags, left_s);
    free(value);
    return outcome;
}

enum outcome import_memcached(struct import *import, const char *address)
{
    struct client source = {0};
    struct keys keys = {0};
    int64_t now = 0;
    const struct options *options = import->call->options;
    const char *prefix = options->prefix != NULL ? options->prefix : "memc.sess.key.";
    struct client_limits limits = {
        .connect_ms = 1000, .answer_ms = options->timeout_ms > 0 ? (uint32_t)options->timeout_ms : 10000};
    if (client_open(&source, address, limits) != ERR_NONE)
        return command_fail(&source);
    enum outcome outcome = read_clock(&source, &now);
    if (outcome == OUTCOME_OK)
        outcome = refuse_cloakroomd(&source);
    if (outcome == OUTCOME_OK)
        outcome = read_keys(import, &source, "hash", prefix, &keys);
    import->progress.total = keys.n;
    for (size_t i = 0; outcome == OUTCOME_OK && i < keys.n; i++)
        outcome = take(import, &source, &keys.items[i], prefix, now);
    free_keys(&keys);
    client_close(&source);
    return outcome;
}
