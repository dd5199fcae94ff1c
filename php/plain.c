/* Sessions on a memcached of old, see plain.h. */
#include "plain.h"
#include "base/clock.h"
#include "base/num.h"
#include "codec.h"
#include "line.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>
#if PHP_VERSION_ID >= 80200
#include <ext/random/php_random.h>
#else
#include <ext/standard/php_random.h>
#endif

enum {
    KEY_MAX = 400, /* bytes; memcached takes 250 and says so of more */
    OWNER_LEN = 16,
    LOCK_LIFE_S = 30,
    PAUSE_FIRST_MS = 10,
    PAUSE_MOST_MS = 150,
    VALUE_MAX = 1 << 30,
    SAID_MAX = 121, /* bytes of a refusal that are shown */
    NS_PER_MS = 1000000,
    US_PER_MS = 1000
};

struct key {
    char text[KEY_MAX];
};

/* An application's prefix is its name with a dot, as --session-prefix of cloakroomd has it by itself. */
static struct key key_of(const char *what, const zend_string *id)
{
    struct key key;
    const char *application = CLOAKROOM_G(application);
    if (application != NULL && *application != '\0')
        snprintf(key.text, sizeof key.text, "%s.%s%s", application, what, ZSTR_VAL(id));
    else
        snprintf(key.text, sizeof key.text, "%s%s%s", stand_in_prefix(cloakroom_acting_as()), what,
                 ZSTR_VAL(id));
    return key;
}

static struct key session_key(const zend_string *id)
{
    return key_of("", id);
}

static struct key lock_key(const zend_string *id)
{
    return key_of("lock.", id);
}

/* ---- asking ---- */

static zend_result complain_of(const struct session *session)
{
    return session_complain("%s", session->server->error);
}

static zend_result complain_line(const struct session *session, struct bytes line)
{
    zend_result result = session_complain("%s: refused with '%.*s'", session_where(session),
                                          (int)(line.len < 120 ? line.len : 120), line.p);
    server_drop(session->server);
    return result;
}

static bool send_lines(const struct session *session, const struct line *line)
{
    const struct bytes part = {.p = line->text, .len = line->len};
    session->copies.pool->round_trips++;
    return server_say(session->server, cloakroom_limits(), &part, 1);
}

static bool is_word(struct bytes line, const char *word)
{
    return bytes_equal(line, bytes_of(word));
}

struct item {
    bool is_there;
    uint64_t flags;
    uint64_t cas;
    zend_string *value; /* the caller's to release */
};

static bool next_number(struct bytes *rest, uint64_t *ret)
{
    size_t len = 0;
    while (rest->len > 0 && rest->p[0] == ' ') {
        rest->p++;
        rest->len--;
    }
    while (len < rest->len && rest->p[len] != ' ')
        len++;
    struct bytes word = {.p = rest->p, .len = len};
    rest->p += len;
    rest->len -= len;
    return num_parse_u64(word, ret);
}

/* `VALUE <key> <flags> <bytes> <cas>`. The key must be the one that was asked for: an answer belongs to its request. */
static bool parse_head(struct bytes line, const char *key, struct item *ret, uint64_t *ret_len)
{
    struct bytes begin = bytes_of("VALUE ");
    size_t skip = begin.len + strlen(key);
    if (!bytes_starts_with(line, begin) || line.len <= skip ||
        memcmp(line.p + begin.len, key, strlen(key)) != 0)
        return false;
    struct bytes rest = {.p = line.p + skip, .len = line.len - skip};
    return rest.p[0] == ' ' && next_number(&rest, &ret->flags) && next_number(&rest, ret_len) &&
           *ret_len <= VALUE_MAX && next_number(&rest, &ret->cas) && rest.len == 0;
}

/* What a gets or gats is answered. False: the connection is closed, after a warning. */
static bool read_item(const struct session *session, const char *key, struct item *ret)
{
    struct bytes line;
    uint64_t len;
    *ret = (struct item){0};
    if (!server_next_line(session->server, &line)) {
        complain_of(session);
        return false;
    }
    if (is_word(line, "END"))
        return true;
    if (!parse_head(line, key, ret, &len)) {
        complain_line(session, line);
        return false;
    }
    ret->value = zend_string_alloc(len, 0);
    ZSTR_VAL(ret->value)[len] = '\0';
    if (!server_read_value(session->server, ZSTR_VAL(ret->value), len) ||
        !server_next_line(session->server, &line)) {
        complain_of(session);
    } else if (!is_word(line, "END")) {
        complain_line(session, line);
    } else {
        ret->is_there = true;
        return true;
    }
    zend_string_efree(ret->value);
    ret->value = NULL;
    return false;
}

/* ---- the lock ---- */

/* A lock that never ended would be that of a holder that was killed. */
static zend_long lock_life_s(void)
{
    zend_long run_s = zend_ini_long((char *)"max_execution_time", sizeof "max_execution_time" - 1, 0);
    if (CLOAKROOM_G(lease) > 0)
        return CLOAKROOM_G(lease);
    return run_s > 0 ? run_s : LOCK_LIFE_S;
}

static bool make_owner(char owner[static OWNER_LEN + 1])
{
    unsigned char random[OWNER_LEN / 2];
    if (php_random_bytes_throw(random, sizeof random) == FAILURE)
        return false;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(owner + 2 * i, 3, "%02x", random[i]);
    return true;
}

/* Only if it is still ours: cas. The end that is past makes it a removal. */
static void add_release(struct line *line, const struct session *session, const zend_string *id)
{
    if (session->lock_cas != 0)
        line_add(line, "cas %s 0 -1 1 %llu\r\n0\r\n", lock_key(id).text,
                 (unsigned long long)session->lock_cas);
}

/* What add_release() is answered; whatever that is, the lock is not ours any more. */
static bool end_release(struct session *session)
{
    struct bytes line;
    bool was_asked = session->lock_cas != 0;
    session->lock_cas = 0;
    session->copies.list[0].token[0] = '\0';
    return !was_asked || server_next_line(session->server, &line);
}

/* Something of one line, or nothing, and the lock is given back. */
static zend_result ask_and_release(struct session *session, struct line *line, const zend_string *id)
{
    struct bytes answer;
    bool is_asked = line->len > 0;
    add_release(line, session, id);
    if (line->len == 0)
        return SUCCESS;
    if (!send_lines(session, line) || (is_asked && !server_next_line(session->server, &answer)) ||
        !end_release(session) || !server_finish(session->server))
        return complain_of(session);
    return SUCCESS;
}

static void release(struct session *session, const zend_string *id)
{
    struct line line = {0};
    if (server_is_connected(session->server))
        (void)ask_and_release(session, &line, id);
}

/* ---- opening ---- */

static void take(struct session *session, zend_string *id, struct item *item)
{
    session->id = zend_string_copy(id);
    session->value = item->value;
    session->item_cas = item->cas;
    item->value = NULL;
    CLOAKROOM_G(current_id) = session->id;
}

static bool unpack(const struct session *session, struct item *item)
{
    if (!item->is_there)
        return true;
    zend_string *packed = item->value;
    item->value = codec_unpack(packed, item->flags);
    zend_string_release(packed);
    if (item->value == NULL)
        session_complain("%s: what is stored is said to be compressed (client flags %llu), and is not",
                         session_where(session), (unsigned long long)item->flags);
    return item->value != NULL;
}

static enum fetch finish_fetch(struct session *session, zend_string *id, struct item *item, bool must_exist)
{
    if (!server_finish(session->server)) {
        complain_of(session);
        if (item->value != NULL)
            zend_string_release(item->value);
        return FETCH_FAILED;
    }
    if (!item->is_there && must_exist) {
        release(session, id);
        return FETCH_MISSING;
    }
    if (!unpack(session, item)) {
        release(session, id);
        return FETCH_FAILED;
    }
    take(session, id, item);
    return session->value != NULL ? FETCH_FOUND : FETCH_ABSENT;
}

static enum fetch read_only_once(struct session *session, zend_string *id, bool must_exist)
{
    struct item item;
    struct key key = session_key(id);
    struct line line = {0};
    line_add(&line, "gets %s\r\n", key.text);
    if (!send_lines(session, &line)) {
        complain_of(session);
        return FETCH_FAILED;
    }
    return read_item(session, key.text, &item) ? finish_fetch(session, id, &item, must_exist) : FETCH_FAILED;
}

/* Asks for the lock, and reads behind it, in one go. */
static enum fetch fetch_once(struct session *session, zend_string *id, bool must_exist)
{
    struct key key = session_key(id);
    struct key lock = lock_key(id);
    struct line line = {0};
    struct bytes first;
    struct item held = {0};
    struct item item = {0};
    char owner[OWNER_LEN + 1];
    if (!make_owner(owner))
        return FETCH_FAILED;
    line_add(&line, "add %s 0 " ZEND_LONG_FMT " %d\r\n%s\r\ngets %s\r\ngats " ZEND_LONG_FMT " %s\r\n",
             lock.text, lock_life_s(), OWNER_LEN, owner, lock.text, line_life(false), key.text);
    if (!send_lines(session, &line) || !server_next_line(session->server, &first)) {
        complain_of(session);
        return FETCH_FAILED;
    }
    bool is_ours = is_word(first, "STORED");
    if (!is_ours && !is_word(first, "NOT_STORED")) {
        complain_line(session, first);
        return FETCH_FAILED;
    }
    if (!read_item(session, lock.text, &held))
        return FETCH_FAILED;
    is_ours = is_ours && held.is_there && zend_string_equals_cstr(held.value, owner, OWNER_LEN);
    session->lock_cas = is_ours ? held.cas : 0;
    if (held.value != NULL)
        zend_string_release(held.value);
    if (!read_item(session, key.text, &item))
        return FETCH_FAILED;
    if (is_ours) {
        strcpy(session->copies.list[0].token, "lock");
        return finish_fetch(session, id, &item, must_exist);
    }
    if (item.value != NULL)
        zend_string_release(item.value);
    if (server_finish(session->server))
        return FETCH_BUSY;
    complain_of(session);
    return FETCH_FAILED;
}

static void note_wait(struct session *session, uint64_t waited_ms, size_t tries)
{
    if (tries == 0)
        return;
    session->server->figures.waits++;
    session->server->figures.waited_ms += waited_ms;
}

static enum fetch fetch(struct session *session, zend_string *id, bool must_exist, bool read_only)
{
    uint64_t begin_ns = clock_steady_ns(&clock_system);
    uint64_t wait_ms = (uint64_t)cloakroom_wait_ms();
    uint64_t pause_ms = PAUSE_FIRST_MS;
    session->is_plain = true;
    for (size_t tries = 0;; tries++) {
        enum fetch fetched =
            read_only ? read_only_once(session, id, must_exist) : fetch_once(session, id, must_exist);
        uint64_t waited_ms = (clock_steady_ns(&clock_system) - begin_ns) / NS_PER_MS;
        if (fetched != FETCH_BUSY || waited_ms >= wait_ms) {
            note_wait(session, waited_ms, tries);
            if (fetched == FETCH_BUSY && !CLOAKROOM_G(busy_reads))
                session_complain(
                    "%s: another request holds this session (memcached cannot say who); waited %llu ms. "
                    "End it sooner (session_write_close()), or wait longer (cloakroom.wait)",
                    session_where(session), (unsigned long long)waited_ms);
            return fetched;
        }
        uint64_t left_ms = wait_ms - waited_ms;
        usleep((useconds_t)((pause_ms < left_ms ? pause_ms : left_ms) * US_PER_MS));
        pause_ms = 2 * pause_ms < PAUSE_MOST_MS ? 2 * pause_ms : PAUSE_MOST_MS;
    }
}

/* At the first that is one. */
enum fetch plain_fetch(struct session *session, zend_string *id, bool must_exist, bool read_only)
{
    for (size_t i = session->copies.n; i-- > 0;)
        if (session->copies.list[i].server->is_plain)
            session->server = session->copies.list[i].server;
    CLOAKROOM_G(predecessor)[0] = '\0';
    enum fetch fetched = fetch(session, id, must_exist, read_only);
    if (fetched == FETCH_BUSY && CLOAKROOM_G(busy_reads))
        fetched = fetch(session, id, must_exist, true);
    return fetched;
}

zend_result plain_look_up(const struct session *session, zend_string *id)
{
    struct item item;
    struct key key = session_key(id);
    struct line line = {0};
    line_add(&line, "gets %s\r\n", key.text);
    if (!send_lines(session, &line))
        return complain_of(session);
    if (!read_item(session, key.text, &item))
        return FAILURE;
    if (item.value != NULL)
        zend_string_release(item.value);
    if (!server_finish(session->server))
        return complain_of(session);
    return item.is_there ? SUCCESS : FAILURE;
}

/* ---- writing ---- */

/* Of an item, with its key and what memcached adds; 0: it does not say. */
static uint64_t largest_item(const struct session *session)
{
    struct bytes begin = bytes_of("STAT item_size_max ");
    struct bytes line;
    uint64_t found = 0;
    struct line ask = {0};
    line_add(&ask, "stats settings\r\n");
    if (!send_lines(session, &ask))
        return 0;
    do {
        if (!server_next_line(session->server, &line))
            return 0;
        if (bytes_starts_with(line, begin))
            (void)num_parse_u64((struct bytes){.p = line.p + begin.len, .len = line.len - begin.len}, &found);
    } while (bytes_starts_with(line, bytes_of("STAT ")));
    return is_word(line, "END") && server_finish(session->server) ? found : 0;
}

static zend_result complain_refused(const struct session *session, struct bytes line, size_t len)
{
    if (is_word(line, "EXISTS") || is_word(line, "NOT_STORED") || is_word(line, "NOT_FOUND"))
        return session_complain(
            "%s: another request has written or ended this session since this one has read it; "
            "nothing was stored. The lock has ended too soon: cloakroom.lease",
            session_where(session));
    uint64_t largest =
        bytes_starts_with(line, bytes_of("SERVER_ERROR object too large")) ? largest_item(session) : 0;
    char limit[80] = "";
    if (largest > 0)
        snprintf(limit, sizeof limit, ", of %llu that fit with its key; raise -I",
                 (unsigned long long)largest);
    return session_complain(
        "%s: refused with '%.*s'; what was stored before is still there (this session has %zu bytes%s)",
        session_where(session), (int)line.len, line.p, len, limit);
}

static zend_result store_for(struct session *session, zend_string *id, zend_string *value, zend_long life)
{
    uint32_t flags;
    struct line line = {0};
    struct line release = {0};
    struct bytes answer;
    struct key key = session_key(id);
    zend_string *packed = codec_pack(value, CLOAKROOM_G(compress), &flags);
    if (session->value != NULL)
        line_add(&line, "cas %s %u " ZEND_LONG_FMT " %zu %llu\r\n", key.text, flags, life, ZSTR_LEN(packed),
                 (unsigned long long)session->item_cas);
    else
        line_add(&line, "add %s %u " ZEND_LONG_FMT " %zu\r\n", key.text, flags, life, ZSTR_LEN(packed));
    add_release(&release, session, id);
    const struct bytes parts[] = {{.p = line.text, .len = line.len},
                                  {.p = ZSTR_VAL(packed), .len = ZSTR_LEN(packed)},
                                  {.p = "\r\n", .len = 2},
                                  {.p = release.text, .len = release.len}};
    session->copies.pool->round_trips++;
    bool is_said = server_say(session->server, cloakroom_limits(), parts, 4);
    zend_string_release(packed);
    if (!is_said || !server_next_line(session->server, &answer))
        return complain_of(session);
    char said[SAID_MAX];
    snprintf(said, sizeof said, "%.*s", (int)(answer.len < SAID_MAX ? answer.len : SAID_MAX - 1), answer.p);
    if (!end_release(session) || !server_finish(session->server))
        return complain_of(session);
    return strcmp(said, "STORED") == 0 ? SUCCESS : complain_refused(session, bytes_of(said), ZSTR_LEN(value));
}

zend_result plain_store(struct session *session, zend_string *id, zend_string *value)
{
    return store_for(session, id, value, line_life(session->value == NULL));
}

/* Its life has begun anew when it was opened; the request may have taken long. */
zend_result plain_touch(struct session *session)
{
    struct line line = {0};
    if (session->value != NULL)
        line_add(&line, "touch %s " ZEND_LONG_FMT "\r\n", session_key(session->id).text, line_life(false));
    return ask_and_release(session, &line, session->id);
}

void plain_give_back(struct session *session)
{
    if (session->id != NULL)
        release(session, session->id);
}

zend_result plain_kill(struct session *session, zend_string *id)
{
    struct line line = {0};
    line_add(&line, "delete %s\r\n", session_key(id).text);
    if (session_is_same(session->id, id))
        return ask_and_release(session, &line, id);
    struct session other = {.copies.pool = session->copies.pool, .server = session->server};
    return ask_and_release(&other, &line, id);
}

zend_result plain_succeed(struct session *session, zend_string *id, zend_string *value)
{
    if (session->value == NULL && ZSTR_LEN(value) == 0)
        return SUCCESS;
    return store_for(session, id, value, CLOAKROOM_G(grace) > 0 ? CLOAKROOM_G(grace) : -1);
}
