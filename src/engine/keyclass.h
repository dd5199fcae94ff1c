/*
 * keyclass: what a key is, told by its name (design: S3 and "Sessions").
 *
 *      <prefix>lock.<id>   a lock of php-memcached      <prefix> is "memc.sess.key." unless configured
 *      <prefix><id>        a session
 *      <id>.lock           perhaps a lock of php-memcache: see local.c, is_suffixed_lock()
 *      anything else       cache, or a session of php-memcache whose lock was asked for
 *
 * Threads: pure; the list of prefixes never changes after start.
 */
#ifndef CLOAKROOM_ENGINE_KEYCLASS_H
#define CLOAKROOM_ENGINE_KEYCLASS_H

#include "base/bytes.h"

enum keyclass { KEYCLASS_PLAIN, KEYCLASS_SESSION, KEYCLASS_LOCK };

#define KEYCLASS_DEFAULT_PREFIX "memc.sess.key."
#define KEYCLASS_LOCK_SUFFIX    ".lock"

struct keyclass_config {
    const char *const *prefixes; /* owned by the caller, for the engine's life */
    size_t nprefixes;
};

/* *ret_id is the session's id within the key of a session or a lock, else the key. */
enum keyclass keyclass_split(const struct keyclass_config *config, struct bytes key, struct bytes *ret_id);

static inline enum keyclass keyclass_of(const struct keyclass_config *config, struct bytes key)
{
    struct bytes id;
    return keyclass_split(config, key, &id);
}

static inline bool keyclass_has_lock_suffix(struct bytes key)
{
    return key.len > sizeof KEYCLASS_LOCK_SUFFIX - 1 && key.p[key.len - 1] == 'k' &&
           bytes_ends_with(key, bytes_of(KEYCLASS_LOCK_SUFFIX));
}

#endif
