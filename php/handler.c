/*
 * The session handler: what PHP's core asks of one, as session verbs (docs/protocol.md).
 *
 *      open ─> [create_sid | validate_sid] ─> read ─> write | update_timestamp | neither ─> close
 *                      so … e              so         sw        sc                sc
 *
 *      session_regenerate_id(true):   destroy ─> close ─> open ─> create_sid ─> [validate_sid] ─> read
 *                                     sk … s                                                      so … S<token>
 *      session_regenerate_id(false):  write   ─> close ─> …
 *                                     [sw … l] sc … s
 *
 * Promise: one round trip to begin and one to end; what was not read whole is not written, so that no mishap at the
 * beginning replaces a session by an empty one; what was killed or written by another meanwhile is not overwritten.
 * Ownership: a struct session is PS(mod_data), from open to close.
 * Failure: FAILURE, and one E_WARNING of ours; PHP's core adds a line of its own.
 */
#include "session.h"

#include <ext/session/php_session.h>
#if PHP_VERSION_ID >= 80200
#include <ext/random/php_random.h>
#else
#include <ext/standard/php_random.h>
#endif

enum { SID_RANDOM_BYTES = 32, SID_LEN = 52 /* of 5 bits each */, DRAWS_MAX = 1000 };

/* ---- small things ---- */

static bool check_id(const zend_string *id)
{
    return ZSTR_LEN(id) <= ID_MAX && php_session_valid_key(ZSTR_VAL(id)) == SUCCESS;
}

/* Is this part of session_regenerate_id(), perhaps by way of a handler in PHP? Destroying and writing do not tell. */
static bool is_regenerating(void)
{
    for (const zend_execute_data *frame = EG(current_execute_data); frame != NULL;
         frame = frame->prev_execute_data)
        if (frame->func != NULL && frame->func->type == ZEND_INTERNAL_FUNCTION &&
            frame->func->common.function_name != NULL &&
            zend_string_equals_literal(frame->func->common.function_name, "session_regenerate_id"))
            return true;
    return false;
}

/* ---- the beginning and the end of a session ---- */

static zend_result open_as(enum stand_in which, void **mod_data, const char *save_path)
{
    char error[CLIENT_ERROR_MAX];
    if (!cloakroom_check_application(which))
        return FAILURE;
    if (!is_regenerating())
        CLOAKROOM_G(predecessor)[0] = '\0';
    struct pool *pool = pool_find(&CLOAKROOM_G(pools), stand_in_save_path(which, save_path), error);
    if (pool == NULL)
        return session_complain("%s", error);
    struct session *session = ecalloc(1, sizeof *session);
    session->copies.pool = pool;
    CLOAKROOM_G(current) = pool;
    CLOAKROOM_G(acting_as) = which;
    PS_SET_MOD_DATA(session);
    return SUCCESS;
}

static PS_OPEN_FUNC(cloakroom)
{
    (void)session_name;
    return open_as(STAND_IN_NONE, mod_data, save_path);
}

static PS_OPEN_FUNC(memcached)
{
    (void)session_name;
    return open_as(STAND_IN_MEMCACHED, mod_data, save_path);
}

static PS_OPEN_FUNC(memcache)
{
    (void)session_name;
    return open_as(STAND_IN_MEMCACHE, mod_data, save_path);
}

static PS_CLOSE_FUNC(cloakroom)
{
    struct session *session = PS_GET_MOD_DATA();
    if (session == NULL)
        return SUCCESS;
    session_give_back(session);
    session_forget(session);
    if (session->created != NULL)
        zend_string_release(session->created);
    CLOAKROOM_G(current) = NULL;
    if (!is_regenerating()) /* or else they are for the session that follows */
        CLOAKROOM_G(tags).n = 0;
    if (CLOAKROOM_G(complaining) == 0) /* else who complains has it still in hand; PHP frees it at the end */
        efree(session);
    PS_SET_MOD_DATA(NULL);
    return SUCCESS;
}

static PS_READ_FUNC(cloakroom)
{
    struct session *session = PS_GET_MOD_DATA();
    (void)maxlifetime;
    if (session == NULL)
        return FAILURE;
    if (!check_id(key))
        return session_complain(
            "this session id is too long or has characters that none has; it may have A-Z, a-z, 0-9, '-' and "
            "',', %d at most. session.use_strict_mode = 1 replaces it",
            ID_MAX);
    if (session->has_failed)
        return FAILURE;
    if (!session->is_fetched || !session_is_same(session->id, key)) {
        enum fetch fetched = session_fetch(session, key, false);
        if (fetched == FETCH_GONE) /* killed while this one waited: as for who comes right after that */
            fetched = session_fetch(session, key, false);
        if (fetched == FETCH_GONE)
            session_complain("%s: this session is being killed over and over; begin another",
                             session_where(session));
        if (fetched != FETCH_FOUND && fetched != FETCH_ABSENT)
            return FAILURE;
    }
    session->is_fetched = false;
    *val = session->value != NULL ? zend_string_copy(session->value) : ZSTR_EMPTY_ALLOC();
    return SUCCESS;
}

/* ---- ids ---- */

static zend_string *draw_id(void)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    unsigned char random[SID_RANDOM_BYTES];
    if (php_random_bytes_throw(random, sizeof random) == FAILURE)
        return NULL;
    zend_string *id = zend_string_alloc(SID_LEN, 0);
    unsigned bits = 0;
    unsigned nbits = 0;
    for (size_t i = 0, from = 0; i < SID_LEN; i++) {
        if (nbits < 5) {
            bits = bits << 8 | (from < sizeof random ? random[from] : 0U);
            from++;
            nbits += 8;
        }
        nbits -= 5;
        ZSTR_VAL(id)[i] = digits[bits >> nbits & 31];
    }
    ZSTR_VAL(id)[SID_LEN] = '\0';
    return id;
}

/* With several servers an id is drawn that suits them; after DRAWS_MAX in vain any will do. */
static PS_CREATE_SID_FUNC(cloakroom)
{
    struct session *session = PS_GET_MOD_DATA();
    zend_string *id = draw_id();
    for (int i = 0; i < DRAWS_MAX && id != NULL && session != NULL && !session_suits(session, id); i++) {
        zend_string_release(id);
        id = draw_id();
    }
    if (session != NULL && id != NULL) {
        if (session->created != NULL)
            zend_string_release(session->created);
        session->created = zend_string_copy(id);
    }
    return id;
}

/* An id of create_sid has 256 random bits: nobody is asked whether it exists. A server that cannot be asked is no
 * reason for a new id, which would log the visitor out: read() then fails. */
static PS_VALIDATE_SID_FUNC(cloakroom)
{
    struct session *session = PS_GET_MOD_DATA();
    if (session == NULL || !check_id(key) || session_is_same(session->created, key))
        return FAILURE;
    if (session->id != NULL)
        return session_is_same(session->id, key) ? SUCCESS : session_look_up(session, key);
    switch (session_fetch(session, key, true)) {
    case FETCH_FOUND:
    case FETCH_ABSENT:
        session->is_fetched = true;
        return SUCCESS;
    case FETCH_MISSING:
    case FETCH_GONE:
        return FAILURE;
    case FETCH_BUSY:
    case FETCH_PLAIN:
    case FETCH_FAILED:
    case FETCH_AWAY:
        break;
    }
    session->has_failed = true;
    return SUCCESS;
}

/* ---- writing ---- */

static PS_WRITE_FUNC(cloakroom)
{
    struct session *session = PS_GET_MOD_DATA();
    (void)maxlifetime;
    if (session == NULL)
        return FAILURE;
    if (is_regenerating())
        return session_succeed(session, key, val);
    return session_store(session, key, val, false);
}

/* Nothing has changed: the lease is given back, and the life begins anew. */
static PS_UPDATE_TIMESTAMP_FUNC(cloakroom)
{
    struct session *session = PS_GET_MOD_DATA();
    (void)maxlifetime;
    if (session == NULL || !session_is_same(session->id, key))
        return FAILURE;
    if (CLOAKROOM_G(tags).n > 0 && !session->is_succeeded)
        return session_store(session, key, val, false);
    return session_touch(session);
}

/* ---- the end ---- */

static PS_DESTROY_FUNC(cloakroom)
{
    struct session *session = PS_GET_MOD_DATA();
    if (session == NULL || !check_id(key))
        return FAILURE;
    if (is_regenerating())
        return session_kill_to_succeed(session, key);
    return session_kill(session, key);
}

/* The server does that by itself. */
static PS_GC_FUNC(cloakroom)
{
    (void)mod_data;
    (void)maxlifetime;
    *nrdels = 0;
    return 0;
}

/* The same handler but for how it is opened. */
#define HANDLER(name)                                                                                        \
    {                                                                                                        \
#name, ps_open_##name, ps_close_cloakroom, ps_read_cloakroom, ps_write_cloakroom,                    \
            ps_delete_cloakroom, ps_gc_cloakroom, ps_create_sid_cloakroom, ps_validate_sid_cloakroom,        \
            ps_update_timestamp_cloakroom                                                                    \
    }

static const ps_module handlers[STAND_INS] = {[STAND_IN_NONE] = HANDLER(cloakroom),
                                              [STAND_IN_MEMCACHED] = HANDLER(memcached),
                                              [STAND_IN_MEMCACHE] = HANDLER(memcache)};

void handler_register(void)
{
    php_session_register_module(&handlers[STAND_IN_NONE]);
    for (enum stand_in which = STAND_IN_MEMCACHED; which < STAND_INS; which++)
        if (stand_in_is_wanted(which))
            php_session_register_module(&handlers[which]);
}
