/*
 * keyclass: what a key is, told by its name (design: S3 and "Sessions").
 *
 *      <prefix>lock.<id>   a lock of php-memcached      <prefix> is "memc.sess.key." unless configured
 *      <prefix><id>        a session
 *      <id>.lock           perhaps a lock of php-memcache: see naming.h
 *      <id>                perhaps a session of php-memcache: see there
 *      anything else       cache
 *
 * Each prefix belongs to an application, whose sessions are apart from those of others: "shop." to shop, "x:=shop" too,
 * and the one of php-memcached to the default application, whose name is empty.
 *
 * Ownership: the configured words are the caller's, for the table's life.
 * Threads: pure; a table never changes.
 */
#ifndef CLOAKROOM_ENGINE_KEYCLASS_H
#define CLOAKROOM_ENGINE_KEYCLASS_H

#include "base/bytes.h"

enum keyclass { KEYCLASS_PLAIN, KEYCLASS_SESSION, KEYCLASS_LOCK };

#define KEYCLASS_DEFAULT_PREFIX "memc.sess.key."
#define KEYCLASS_LOCK_SUFFIX    ".lock"

enum { KEYCLASS_APPLICATION_MAX = 64 };

struct keyclass_prefix {
    struct bytes prefix;
    struct bytes application;
};

struct keyclass_config {
    const struct keyclass_prefix *prefixes;
    size_t nprefixes;
    bool
        has_bare; /* a key that looks like an id of PHP's is that of a session, and with the suffix of its lock */
};

/* What a configured word, PREFIX or PREFIX=APPLICATION, says; false: it names no application, nor can one be made of the
 * prefix; or that is empty. */
bool keyclass_read(const char *word, struct keyclass_prefix *ret);

/* 0 to KEYCLASS_APPLICATION_MAX letters, digits, or . _ - : */
bool keyclass_is_application(struct bytes name);

/* *ret_id is the session's id within the key of a session or a lock, *ret_application whose it is; else the key and
 * the default one. */
enum keyclass keyclass_split(const struct keyclass_config *config, struct bytes key,
                             struct bytes *ret_application, struct bytes *ret_id);

static inline bool keyclass_has_lock_suffix(struct bytes key)
{
    return key.len > sizeof KEYCLASS_LOCK_SUFFIX - 1 && key.p[key.len - 1] == 'k' &&
           bytes_ends_with(key, bytes_of(KEYCLASS_LOCK_SUFFIX));
}

/* Without the suffix. */
static inline struct bytes keyclass_locked_id(struct bytes key)
{
    return (struct bytes){.p = key.p, .len = key.len - (sizeof KEYCLASS_LOCK_SUFFIX - 1)};
}

/* Is it made of what PHP makes session ids of? */
bool keyclass_may_be_id(struct bytes key);
/* ... and as long as those that PHP makes are? */
enum { KEYCLASS_ID_MIN = 22 };
static inline bool keyclass_looks_like_id(struct bytes key)
{
    return key.len >= KEYCLASS_ID_MIN && keyclass_may_be_id(key);
}

#endif
