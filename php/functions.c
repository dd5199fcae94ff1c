/* The functions for what no other handler has: tags, lists, killing, counting; see cloakroom.stub.php. */
#include "php_cloakroom.h"
#include "base/version.h"

#include <ext/session/php_session.h>
#include <php_ini.h>
#include <stdio.h>

enum { PAGE_MAX = 1000, HANDLE_DIGITS = 16, CURSOR_MAX = 128 };

static bool complain(const char *text)
{
    php_error_docref(NULL, E_WARNING, "Cloakroom: %s", text);
    return false;
}

/* That of the session that is open, or else of session.save_path. NULL, after a warning: that means none. */
static struct pool *find_pool(void)
{
    char error[CLIENT_ERROR_MAX];
    if (CLOAKROOM_G(current) != NULL)
        return CLOAKROOM_G(current);
    const char *path =
        stand_in_save_path(cloakroom_acting_as(),
                           zend_ini_string((char *)"session.save_path", sizeof "session.save_path" - 1, 0));
    struct pool *pool = pool_find(&CLOAKROOM_G(pools), path != NULL ? path : "", error);
    if (pool == NULL)
        complain(error);
    return pool;
}

static bool ask(struct pool *pool, struct server *server, const char *text, struct reply *ret)
{
    pool->round_trips++;
    return server_ask(server, cloakroom_limits(), bytes_of(text), (struct bytes){0}) &&
           server_next(server, ret);
}

static bool refuse(struct server *server)
{
    server_refuse(server);
    return false;
}

/* An answer of one line, with a number. */
static bool ask_number(struct pool *pool, struct server *server, const char *text, uint64_t *ret)
{
    struct reply reply;
    if (!ask(pool, server, text, &reply))
        return false;
    if (reply.code != REPLY_DONE && reply.code != REPLY_MISSING)
        return refuse(server);
    *ret = reply.code == REPLY_DONE ? reply.number : 0;
    return server_finish(server);
}

/* Each server is asked. As many as have copies elsewhere may be away; -1: there were more, after a warning. A session
 * counts as often as there are copies of it. */
static zend_long ask_all(struct pool *pool, const char *text)
{
    uint64_t sum = 0;
    size_t ncopies = cloakroom_redundancy(pool);
    const struct server *failed = NULL;
    size_t nfailed = 0;
    for (size_t i = 0; i < pool->n; i++) {
        uint64_t number;
        if (ask_number(pool, &pool->servers[i], text, &number)) {
            sum += number;
        } else {
            failed = &pool->servers[i];
            nfailed++;
        }
    }
    if (nfailed >= ncopies) {
        complain(failed->error);
        return -1;
    }
    return (zend_long)((sum + ncopies - 1) / ncopies);
}

static bool check_tag(const char *text, size_t len, uint32_t argument)
{
    if (tags_is_tag(text, len))
        return true;
    zend_argument_value_error(argument, "must have 1 to %d bytes, no spaces and no control characters",
                              TAG_MAX);
    return false;
}

static void return_number(zval *return_value, zend_long number)
{
    if (number < 0)
        RETURN_FALSE;
    RETURN_LONG(number);
}

ZEND_FUNCTION(cloakroom_tag)
{
    zval *values;
    uint32_t n;
    struct tags tags = {0};
    ZEND_PARSE_PARAMETERS_START(1, -1)
    Z_PARAM_VARIADIC('+', values, n)
    ZEND_PARSE_PARAMETERS_END();
    for (uint32_t i = 0; i < n; i++) {
        if (Z_TYPE(values[i]) != IS_STRING) {
            zend_argument_type_error(i + 1, "must be of type string, %s given",
                                     zend_zval_type_name(&values[i]));
            RETURN_THROWS();
        }
        if (!check_tag(Z_STRVAL(values[i]), Z_STRLEN(values[i]), i + 1))
            RETURN_THROWS();
        if (!tags_add(&tags, Z_STRVAL(values[i]), Z_STRLEN(values[i])))
            RETURN_BOOL(complain("a session has at most 8 tags; none was set"));
    }
    if (CLOAKROOM_G(current_id) == NULL)
        RETURN_BOOL(complain("no session is open that could be tagged; call session_start() before"));
    for (size_t i = 0; i < CLOAKROOM_G(current)->n; i++)
        if (server_is_plain(&CLOAKROOM_G(current)->servers[i]))
            RETURN_BOOL(complain("this server is a plain memcached; tags need cloakroomd there"));
    CLOAKROOM_G(tags) = tags;
    RETURN_TRUE;
}

static bool is_handle(const char *text, size_t len)
{
    return len == HANDLE_DIGITS && strspn(text, "0123456789abcdef") == HANDLE_DIGITS;
}

ZEND_FUNCTION(cloakroom_kill)
{
    char *what;
    size_t len;
    bool except_current = false;
    char line[REQUEST_MAX];
    char room[80];
    ZEND_PARSE_PARAMETERS_START(1, 2)
    Z_PARAM_STRING(what, len)
    Z_PARAM_OPTIONAL
    Z_PARAM_BOOL(except_current)
    ZEND_PARSE_PARAMETERS_END();
    if (!check_tag(what, len, 1))
        RETURN_THROWS();
    struct pool *pool = find_pool();
    if (pool == NULL)
        RETURN_FALSE;
    const zend_string *current = except_current ? CLOAKROOM_G(current_id) : NULL;
    if (except_current && current == NULL)
        RETURN_BOOL(complain("no session is open that could be spared; call session_start() before"));
    if (is_handle(what, len))
        snprintf(line, sizeof line, "sk %s h%s", what, cloakroom_application_flag(room));
    else
        snprintf(line, sizeof line, "sk %s g%s%s%s", what, cloakroom_application_flag(room),
                 current != NULL ? " X" : "", current != NULL ? ZSTR_VAL(current) : "");
    return_number(return_value, ask_all(pool, line));
}

ZEND_FUNCTION(cloakroom_count)
{
    char *tag = NULL;
    size_t len = 0;
    char line[REQUEST_MAX];
    char room[80];
    ZEND_PARSE_PARAMETERS_START(0, 1)
    Z_PARAM_OPTIONAL
    Z_PARAM_STRING_OR_NULL(tag, len)
    ZEND_PARSE_PARAMETERS_END();
    if (tag != NULL && !check_tag(tag, len, 1))
        RETURN_THROWS();
    struct pool *pool = find_pool();
    if (pool == NULL)
        RETURN_FALSE;
    snprintf(line, sizeof line, "sn%s%s%s", cloakroom_application_flag(room), tag != NULL ? " G" : "",
             tag != NULL ? tag : "");
    return_number(return_value, ask_all(pool, line));
}

static void add_text(zval *array, const char *name, struct bytes text)
{
    add_assoc_stringl(array, name, text.len > 0 ? text.p : "", text.len);
}

/* `list` is by handle: of a session with copies one is told. */
static void add_session(zval *list, const struct reply *reply)
{
    zval one;
    zval tags;
    if (zend_hash_str_exists(Z_ARRVAL_P(list), reply->handle.p, reply->handle.len))
        return;
    array_init(&one);
    array_init(&tags);
    add_text(&one, "handle", reply->handle);
    add_text(&one, "application", reply->application);
    add_assoc_long(&one, "age", (zend_long)reply->age_s);
    add_assoc_long(&one, "idle", (zend_long)reply->idle_s);
    add_assoc_long(&one, "ttl", (zend_long)reply->ttl_s);
    add_assoc_long(&one, "size", (zend_long)reply->size);
    add_assoc_bool(&one, "is_held", reply->is_held);
    add_assoc_long(&one, "held_ms", (zend_long)reply->held_ms);
    add_text(&one, "holder", reply->holder);
    add_assoc_long(&one, "waiting", (zend_long)reply->waiting);
    for (size_t i = 0; i < reply->ntags; i++)
        add_next_index_stringl(&tags, reply->tags[i].p, reply->tags[i].len);
    add_assoc_zval(&one, "tags", &tags);
    zend_hash_str_add(Z_ARRVAL_P(list), reply->handle.p, reply->handle.len, &one);
}

/* One page, behind the cursor, which then is that of the next; "" when there is none. */
static bool add_page(struct pool *pool, struct server *server, const char *tag, size_t n,
                     char cursor[static CURSOR_MAX], zval *list)
{
    char line[REQUEST_MAX];
    char room[80];
    struct reply reply;
    snprintf(line, sizeof line, "sl G%s N%zu%s%s%s", tag, n, cloakroom_application_flag(room),
             cursor[0] != '\0' ? " C" : "", cursor);
    if (!ask(pool, server, line, &reply))
        return false;
    while (reply.code == REPLY_SESSION) {
        add_session(list, &reply);
        if (!server_next(server, &reply))
            return false;
    }
    if (reply.code != REPLY_EMPTY || reply.cursor.len >= CURSOR_MAX)
        return refuse(server);
    snprintf(cursor, CURSOR_MAX, "%.*s", (int)reply.cursor.len, reply.cursor.len > 0 ? reply.cursor.p : "");
    return server_finish(server);
}

/* All that a server has, as long as there is room for them. */
static bool add_sessions(struct pool *pool, struct server *server, const char *tag, size_t most, zval *list)
{
    char cursor[CURSOR_MAX] = "";
    do {
        size_t have = zend_hash_num_elements(Z_ARRVAL_P(list));
        if (have >= most)
            return true;
        if (!add_page(pool, server, tag, most - have < PAGE_MAX ? most - have : PAGE_MAX, cursor, list))
            return false;
    } while (cursor[0] != '\0');
    return true;
}

ZEND_FUNCTION(cloakroom_sessions)
{
    char *tag;
    size_t len;
    zend_long most = PAGE_MAX;
    ZEND_PARSE_PARAMETERS_START(1, 2)
    Z_PARAM_STRING(tag, len)
    Z_PARAM_OPTIONAL
    Z_PARAM_LONG(most)
    ZEND_PARSE_PARAMETERS_END();
    if (!check_tag(tag, len, 1))
        RETURN_THROWS();
    if (most < 1) {
        zend_argument_value_error(2, "must be at least 1");
        RETURN_THROWS();
    }
    struct pool *pool = find_pool();
    if (pool == NULL)
        RETURN_FALSE;
    zval by_handle;
    const struct server *failed = NULL;
    size_t nfailed = 0;
    array_init(&by_handle);
    for (size_t i = 0; i < pool->n; i++)
        if (!add_sessions(pool, &pool->servers[i], tag, (size_t)most, &by_handle)) {
            failed = &pool->servers[i];
            nfailed++;
        }
    if (nfailed >= cloakroom_redundancy(pool)) {
        zval_ptr_dtor(&by_handle);
        RETURN_BOOL(complain(failed->error));
    }
    array_init_size(return_value, zend_hash_num_elements(Z_ARRVAL(by_handle)));
    zval *one;
    ZEND_HASH_FOREACH_VAL(Z_ARRVAL(by_handle), one)
    {
        Z_ADDREF_P(one);
        add_next_index_zval(return_value, one);
    }
    ZEND_HASH_FOREACH_END();
    zval_ptr_dtor(&by_handle);
}

static void add_figures(zval *array, const struct server_figures *figures)
{
    add_assoc_long(array, "connects", (zend_long)figures->connects);
    add_assoc_long(array, "round_trips", (zend_long)figures->round_trips);
    add_assoc_long(array, "waits", (zend_long)figures->waits);
    add_assoc_long(array, "waited_ms", (zend_long)figures->waited_ms);
    add_assoc_long(array, "failures", (zend_long)figures->failures);
}

static void add_server(zval *list, const struct server *server)
{
    zval one;
    array_init(&one);
    add_assoc_string(&one, "server", server->shown);
    add_assoc_bool(&one, "connected", server_is_connected(server));
    add_assoc_bool(&one, "plain", server_is_plain(server));
    add_figures(&one, &server->figures);
    add_assoc_string(&one, "last_error", server->error);
    add_next_index_zval(list, &one);
}

/* Of all servers together, and each. */
static void add_pool(zval *array, const struct pool *pool)
{
    struct server_figures sum = {.round_trips = pool->round_trips};
    const char *last_error = "";
    bool is_connected = false;
    bool is_plain = false;
    zval list;
    array_init(&list);
    for (size_t i = 0; i < pool->n; i++) {
        const struct server *server = &pool->servers[i];
        sum.connects += server->figures.connects;
        sum.waits += server->figures.waits;
        sum.waited_ms += server->figures.waited_ms;
        sum.failures += server->figures.failures;
        is_plain = is_plain || server_is_plain(server);
        is_connected = is_connected || server_is_connected(server);
        last_error = server->error[0] != '\0' ? server->error : last_error;
        add_server(&list, server);
    }
    add_assoc_string(array, "server", pool->path);
    add_assoc_bool(array, "connected", is_connected);
    add_assoc_bool(array, "plain", is_plain);
    add_figures(array, &sum);
    add_assoc_string(array, "last_error", last_error);
    add_assoc_zval(array, "servers", &list);
}

ZEND_FUNCTION(cloakroom_status)
{
    ZEND_PARSE_PARAMETERS_NONE();
    array_init(return_value);
    add_assoc_string(return_value, "version", VERSION_TEXT);
    const struct pool *pool = find_pool();
    if (pool != NULL)
        add_pool(return_value, pool);
}
