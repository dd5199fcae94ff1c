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
static struct server *find_server(void)
{
    char error[CLIENT_ERROR_MAX];
    if (CLOAKROOM_G(current) != NULL)
        return CLOAKROOM_G(current);
    const char *path =
        stand_in_save_path(cloakroom_acting_as(),
                           zend_ini_string((char *)"session.save_path", sizeof "session.save_path" - 1, 0));
    struct server *server = server_find(&CLOAKROOM_G(servers), path != NULL ? path : "", error);
    if (server == NULL)
        complain(error);
    return server;
}

static bool ask(struct server *server, const char *text, struct reply *ret)
{
    return (server_ask(server, cloakroom_limits(), bytes_of(text), (struct bytes){0}) &&
            server_next(server, ret)) ||
           complain(server->error);
}

/* An answer of one line, with a number. -1: after a warning. */
static zend_long ask_number(struct server *server, const char *text)
{
    struct reply reply;
    if (!ask(server, text, &reply))
        return -1;
    if (reply.code != REPLY_DONE && reply.code != REPLY_MISSING) {
        server_drop(server);
        complain(
            "the server answered something else than a number; is this cloakroomd, and of this version?");
        return -1;
    }
    zend_long number = reply.code == REPLY_DONE ? (zend_long)reply.number : 0;
    if (!server_finish(server)) {
        complain(server->error);
        return -1;
    }
    return number;
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
    struct server *server = find_server();
    if (server == NULL)
        RETURN_FALSE;
    const zend_string *current = except_current ? CLOAKROOM_G(current_id) : NULL;
    if (except_current && current == NULL)
        RETURN_BOOL(complain("no session is open that could be spared; call session_start() before"));
    if (is_handle(what, len))
        snprintf(line, sizeof line, "sk %s h%s", what, cloakroom_application_flag(room));
    else
        snprintf(line, sizeof line, "sk %s g%s%s%s", what, cloakroom_application_flag(room),
                 current != NULL ? " X" : "", current != NULL ? ZSTR_VAL(current) : "");
    return_number(return_value, ask_number(server, line));
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
    struct server *server = find_server();
    if (server == NULL)
        RETURN_FALSE;
    snprintf(line, sizeof line, "sn%s%s%s", cloakroom_application_flag(room), tag != NULL ? " G" : "",
             tag != NULL ? tag : "");
    return_number(return_value, ask_number(server, line));
}

static void add_text(zval *array, const char *name, struct bytes text)
{
    add_assoc_stringl(array, name, text.len > 0 ? text.p : "", text.len);
}

static void add_session(zval *list, const struct reply *reply)
{
    zval one;
    zval tags;
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
    add_next_index_zval(list, &one);
}

/* One page, behind the cursor, which then is that of the next; "" when there is none. */
static bool add_page(struct server *server, const char *tag, size_t n, char cursor[static CURSOR_MAX],
                     zval *list)
{
    char line[REQUEST_MAX];
    char room[80];
    struct reply reply;
    snprintf(line, sizeof line, "sl G%s N%zu%s%s%s", tag, n, cloakroom_application_flag(room),
             cursor[0] != '\0' ? " C" : "", cursor);
    if (!ask(server, line, &reply))
        return false;
    while (reply.code == REPLY_SESSION) {
        add_session(list, &reply);
        if (!server_next(server, &reply))
            return complain(server->error);
    }
    if (reply.code != REPLY_EMPTY || reply.cursor.len >= CURSOR_MAX) {
        server_drop(server);
        return complain(
            "the server answered something else than a list; is this cloakroomd, and of this version?");
    }
    snprintf(cursor, CURSOR_MAX, "%.*s", (int)reply.cursor.len, reply.cursor.len > 0 ? reply.cursor.p : "");
    return server_finish(server) || complain(server->error);
}

ZEND_FUNCTION(cloakroom_sessions)
{
    char *tag;
    size_t len;
    zend_long most = PAGE_MAX;
    char cursor[CURSOR_MAX] = "";
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
    struct server *server = find_server();
    if (server == NULL)
        RETURN_FALSE;
    array_init(return_value);
    do {
        size_t left = (size_t)most - zend_hash_num_elements(Z_ARRVAL_P(return_value));
        if (left == 0)
            return;
        if (!add_page(server, tag, left < PAGE_MAX ? left : PAGE_MAX, cursor, return_value)) {
            zval_ptr_dtor(return_value);
            RETURN_FALSE;
        }
    } while (cursor[0] != '\0');
}

ZEND_FUNCTION(cloakroom_status)
{
    ZEND_PARSE_PARAMETERS_NONE();
    array_init(return_value);
    add_assoc_string(return_value, "version", VERSION_TEXT);
    struct server *server = find_server();
    if (server == NULL)
        return;
    add_assoc_string(return_value, "server", server->path);
    add_assoc_bool(return_value, "connected", server_is_connected(server));
    add_assoc_long(return_value, "connects", (zend_long)server->figures.connects);
    add_assoc_long(return_value, "round_trips", (zend_long)server->figures.round_trips);
    add_assoc_long(return_value, "waits", (zend_long)server->figures.waits);
    add_assoc_long(return_value, "waited_ms", (zend_long)server->figures.waited_ms);
    add_assoc_long(return_value, "failures", (zend_long)server->figures.failures);
    add_assoc_string(return_value, "last_error", server->error);
}
