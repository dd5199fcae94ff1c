/*
 * php_cloakroom: the module's settings and what it keeps; private to php/.
 *
 * Ownership: a session that an error handler of the application closes, while a function of ours has it in hand, stays
 * until the request ends. The pools of servers live as long as the thread (the process, without ZTS); all else as long as a
 * request.
 */
#ifndef CLOAKROOM_PHP_CLOAKROOM_H
#define CLOAKROOM_PHP_CLOAKROOM_H

#ifdef HAVE_CONFIG_H
#include "config.h" /* phpize's: says that this is a library of its own */
#endif

#include <php.h>
#include <stdbool.h>

#include "pool.h"
#include "stand_in.h"
#include "tags.h"

extern zend_module_entry cloakroom_module_entry;

/* What goes along with a session from server to server, and from an old id to a new one. */
struct belongings {
    int64_t made_s;  /* when it was made, since 1970 */
    uint64_t life_s; /* its absolute end, from then on; 0: none */
    struct tags tags;
};

enum {
    REDUNDANCY_MAX = 8,
    TOKEN_MAX = 44, /* two numbers of 64 bits, a dash and a zero */
    ID_MAX = 250,   /* what the protocol takes */
    HOST_MAX = 64,
    HOLDER_MAX = 120,  /* bytes of who holds a lease */
    REQUEST_MAX = 1900 /* bytes of a line, its opaque not counted */
};

enum asker { ASKER_UNKNOWN, ASKER_HUMAN, ASKER_BOT };

/* clang-format off */
ZEND_BEGIN_MODULE_GLOBALS(cloakroom)
    zend_long connect_timeout; /* ms */
    zend_long read_timeout;    /* ms */
    zend_long retry;           /* ms */
    zend_long wait;            /* ms */
    zend_long lease;           /* s */
    zend_long grace;           /* s */
    zend_long redundancy;      /* servers that have a session */
    zend_long first_life;      /* s; 0: as long as any other */
    zend_long compress;        /* bytes from which on values are; 0: none */
    zend_long wait_now;        /* ms, in place of `wait`; -1: that one */
    bool busy_reads;           /* who has waited in vain reads */
    unsigned complaining;      /* warnings on their way: the application's error handler may be running */
    char *application;
    char *tag_from;
    char *bot_pattern;
    enum asker asker; /* of this request */
    bool stand_in;
    bool lock;
    char host[HOST_MAX]; /* what this machine calls itself, as of the start */
    struct pool *pools;
    struct pool *current;        /* of the session that is open, or NULL */
    enum stand_in acting_as;     /* the name by which the session that is open was asked for */
    zend_string *current_id;     /* its id, borrowed; or NULL */
    char predecessor[TOKEN_MAX]; /* of the session that the next one takes the place of, or "" */
    const struct server *predecessor_server; /* only to be compared */
    struct belongings inherited; /* of the predecessor */
    struct tags tags;            /* given by cloakroom_tag(), not yet sent */
ZEND_END_MODULE_GLOBALS(cloakroom)
/* clang-format on */

ZEND_EXTERN_MODULE_GLOBALS(cloakroom)

#define CLOAKROOM_G(v) ZEND_MODULE_GLOBALS_ACCESSOR(cloakroom, v)

#if defined(ZTS) && defined(COMPILE_DL_CLOAKROOM)
ZEND_TSRMLS_CACHE_EXTERN()
#endif

/* handler.c */
void handler_register(void);

/* Who the open session, or else session.save_handler, takes us for. */
enum stand_in cloakroom_acting_as(void);

/* False, after a warning: the prefix of a php.ini of old makes no name of an application. */
bool cloakroom_check_application(enum stand_in which);

/* On how many of its servers a session is. */
size_t cloakroom_redundancy(const struct pool *pool);

/* How long to wait for a lease. */
zend_long cloakroom_wait_ms(void);

/* What goes on in the settings, for a request to a server. */
struct server_limits cloakroom_limits(void);

/* ` A<application>`, or nothing; as long as the settings stay. */
const char *cloakroom_application_flag(char room[static 80]);

#endif
