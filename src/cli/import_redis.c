/*
 * Sessions that php-redis left in a Redis or Valkey: SCAN for their keys, PTTL and GET for each. The few answers of Redis's
 * protocol that this needs are read over the blocking client, which bounds every wait; a library would bring a second way to
 * connect, to wait and to fail.
 */
#include "base/num.h"
#include "cli/import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 8, LIFETIME_DEFAULT_S = 1440, CURSOR_MAX = 32, PASSWORD_MAX = 512 };

/* Sends the words as Redis wants them: *2 $3 GET $1 k. A client sends few parts at once, so they become one. */
static enum outcome ask(struct client *source, const struct bytes *words, size_t n)
{
    char request[2048];
    int len = snprintf(request, sizeof request, "*%zu\r\n", n);
    for (size_t i = 0; i < n; i++) {
        int more = snprintf(request + len, sizeof request - (size_t)len, "$%zu\r\n%.*s\r\n", words[i].len,
                            (int)words[i].len, words[i].p);
        if (more >= (int)sizeof request - len)
            return OUTCOME_USAGE;
        len += more;
    }
    struct bytes part = {.p = request, .len = (size_t)len};
    return client_send(source, &part, 1) == ERR_NONE ? OUTCOME_OK : command_fail(source);
}

/* Reads a line that begins with `kind`, and the number behind it, or passes over what else it says. */
static enum outcome read_head(struct client *source, char kind, int64_t *ret)
{
    struct bytes line;
    char text[256];
    *ret = 0;
    if (client_read_line(source, &line) != ERR_NONE)
        return command_fail(source);
    struct bytes rest = {.p = line.p + 1, .len = line.len - (line.len > 0)};
    if (line.len > 0 && line.p[0] == kind && (kind == '+' || num_parse_i64(rest, ret)))
        return OUTCOME_OK;
    snprintf(text, sizeof text, "%.*s", (int)(line.len < 200 ? line.len : 200), line.p);
    if (line.len > 0 && line.p[0] == '-')
        command_complain("import: Redis refused: %s", text + 1);
    else
        command_complain("import: the source is no Redis");
    return line.len > 0 && line.p[0] == '-' ? OUTCOME_NO : OUTCOME_UNREACHABLE;
}

/* A text of known length; NULL where Redis has none. The caller's. */
static enum outcome read_text(struct import *import, struct client *source, char **ret, size_t *ret_len)
{
    int64_t len;
    *ret = NULL;
    *ret_len = 0;
    enum outcome outcome = read_head(source, '$', &len);
    if (outcome != OUTCOME_OK || len < 0)
        return outcome;
    char *text = len <= IMPORT_VALUE_MAX ? malloc((size_t)len + 1) : NULL;
    if (text == NULL)
        return command_trouble(import->call, ERR_MEMORY);
    if (client_read_value(source, text, (size_t)len) != ERR_NONE) {
        free(text);
        return command_fail(source);
    }
    text[len] = '\0';
    *ret = text;
    *ret_len = (size_t)len;
    return OUTCOME_OK;
}

static enum outcome finish(struct client *source)
{
    return client_finish(source) == ERR_NONE ? OUTCOME_OK : command_fail(source);
}

/* One that answers +OK. */
static enum outcome order(struct client *source, const struct bytes *words, size_t n)
{
    int64_t unused;
    enum outcome outcome = ask(source, words, n);
    if (outcome == OUTCOME_OK)
        outcome = read_head(source, '+', &unused);
    return outcome == OUTCOME_OK ? finish(source) : outcome;
}

/* "password" or "user password", from the file or the environment; false: it was complained about. */
static bool read_password(const struct options *options, char *to)
{
    const char *from_environment = getenv("REDISCLI_AUTH");
    snprintf(to, PASSWORD_MAX, "%s", from_environment == NULL ? "" : from_environment);
    if (options->password_file == NULL)
        return true;
    FILE *file = fopen(options->password_file, "re");
    bool is_read = file != NULL && fgets(to, PASSWORD_MAX, file) != NULL;
    if (!is_read)
        command_complain("import: --password-file %.200s: %s", options->password_file,
                         file == NULL ? strerror(errno) : "it is empty");
    if (file != NULL)
        fclose(file);
    to[strcspn(to, "\r\n")] = '\0';
    return is_read;
}

static enum outcome log_in(struct import *import, struct client *source)
{
    char password[PASSWORD_MAX];
    char number[16];
    const struct options *options = import->call->options;
    enum outcome outcome = OUTCOME_OK;
    if (!read_password(options, password))
        return OUTCOME_TROUBLE;
    char *blank = strchr(password, ' ');
    if (blank != NULL)
        *blank = '\0';
    struct bytes words[] = {bytes_of("AUTH"), bytes_of(password), bytes_of(blank == NULL ? "" : blank + 1)};
    if (password[0] != '\0')
        outcome = order(source, words, blank == NULL ? 2 : 3);
    explicit_bzero(password, sizeof password);
    snprintf(number, sizeof number, "%u", (unsigned)options->db);
    struct bytes select[] = {bytes_of("SELECT"), bytes_of(number)};
    if (outcome == OUTCOME_OK && options->db > 0)
        outcome = order(source, select, 2);
    return outcome;
}

static enum outcome take(struct import *import, struct client *source, struct bytes key, struct bytes id)
{
    int64_t left_ms;
    char *value = NULL;
    size_t len = 0;
    struct bytes pttl[] = {bytes_of("PTTL"), key};
    struct bytes get[] = {bytes_of("GET"), key};
    uint64_t lifetime_s = import->call->options->lifetime_s;
    enum outcome outcome = ask(source, pttl, 2);
    if (outcome == OUTCOME_OK)
        outcome = read_head(source, ':', &left_ms);
    if (outcome == OUTCOME_OK)
        outcome = finish(source);
    if (outcome == OUTCOME_OK)
        outcome = ask(source, get, 2);
    if (outcome == OUTCOME_OK)
        outcome = read_text(import, source, &value, &len);
    if (outcome == OUTCOME_OK)
        outcome = finish(source);
    if (outcome == OUTCOME_OK) {
        int64_t left_s = left_ms == -1 ? (int64_t)(lifetime_s > 0 ? lifetime_s : LIFETIME_DEFAULT_S)
                                       : (left_ms + 999) / 1000;
        outcome =
            import_put(import, id, (struct bytes){.p = value, .len = len}, 0, value == NULL ? 0 : left_s);
    }
    free(value);
    return outcome;
}

/* Keys of one answer to SCAN, which must be read to its end before anything else is asked. */
struct keys {
    char **items;
    size_t n;
};

static void free_keys(struct keys *keys)
{
    for (size_t i = 0; i < keys->n; i++)
        free(keys->items[i]);
    free(keys->items);
    *keys = (struct keys){0};
}

static enum outcome scan(struct import *import, struct client *source, const char *pattern, char *cursor,
                         struct keys *ret)
{
    int64_t n;
    char *text;
    size_t len;
    struct bytes words[] = {bytes_of("SCAN"),  bytes_of(cursor),  bytes_of("MATCH"),
                            bytes_of(pattern), bytes_of("COUNT"), bytes_of("500")};
    enum outcome outcome = ask(source, words, 6);
    if (outcome == OUTCOME_OK)
        outcome = read_head(source, '*', &n);
    if (outcome == OUTCOME_OK)
        outcome = read_text(import, source, &text, &len);
    if (outcome != OUTCOME_OK)
        return outcome;
    snprintf(cursor, CURSOR_MAX, "%s", text == NULL ? "0" : text);
    free(text);
    outcome = read_head(source, '*', &n);
    bool is_sane = n >= 0 && n <= 1 << 20;
    ret->items = outcome == OUTCOME_OK && is_sane ? calloc((size_t)n + 1, sizeof *ret->items) : NULL;
    if (outcome == OUTCOME_OK && ret->items == NULL)
        return command_trouble(import->call, ERR_MEMORY);
    while (outcome == OUTCOME_OK && ret->n < (size_t)n) {
        outcome = read_text(import, source, &ret->items[ret->n], &len);
        ret->n += outcome == OUTCOME_OK;
    }
    return outcome == OUTCOME_OK ? finish(source) : outcome;
}

enum outcome import_redis(struct import *import, const char *address)
{
    struct client source = {0};
    char pattern[256];
    char cursor[CURSOR_MAX] = "0";
    struct bytes id;
    const struct options *options = import->call->options;
    const char *prefix = options->prefix != NULL ? options->prefix : "PHPREDIS_SESSION:";
    struct client_limits limits = {
        .connect_ms = 1000, .answer_ms = options->timeout_ms > 0 ? (uint32_t)options->timeout_ms : 10000};
    snprintf(pattern, sizeof pattern, "%.200s*", prefix);
    if (client_open(&source, address, limits) != ERR_NONE)
        return command_fail(&source);
    enum outcome outcome = log_in(import, &source);
    do {
        struct keys keys = {0};
        if (outcome == OUTCOME_OK)
            outcome = scan(import, &source, pattern, cursor, &keys);
        for (size_t i = 0; outcome == OUTCOME_OK && i < keys.n; i++)
            if (keys.items[i] != NULL && import_cut_id(bytes_of(keys.items[i]), prefix, &id))
                outcome = take(import, &source, bytes_of(keys.items[i]), id);
        free_keys(&keys);
    } while (outcome == OUTCOME_OK && strcmp(cursor, "0") != 0);
    client_close(&source);
    return outcome;
}
