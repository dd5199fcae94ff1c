/*
 * census: how many sessions of which application live, and which have which tag.
 *
 * Promise: counts are exact for what has been told; what expires is told within a minute. Who has a tag is found
 * without looking at who has not.
 *
 *      a session begins or changes ─> census_prepare() ─> pairs of (tag, handle)
 *                                  ─> census_settle(), at its end too ─> counts
 *
 * Ownership: pages for the pairs come from the store.
 * Threads: any; counts without a lock, tags and new applications under one. It is the innermost: it may be taken with a
 * shard's lock held, and calls nothing but the store's pages.
 * Limits: CENSUS_APPLICATIONS_MAX applications.
 * Failure: there may be no room for a tag, or for one more application; then nothing has changed.
 */
#ifndef CLOAKROOM_ENGINE_CENSUS_H
#define CLOAKROOM_ENGINE_CENSUS_H

#include "engine/handle.h"
#include "engine/pairs.h"
#include "engine/traits.h"
#include "store/store.h"

#include <pthread.h>

enum { CENSUS_APPLICATIONS_MAX = 256 };

struct census_application {
    _Atomic uint64_t nsessions;
    uint8_t len;
    char name[HANDLE_SESSION_MAX - HANDLE_SESSION_HASH];
};

struct census {
    pthread_mutex_t mutex;
    _Atomic uint32_t napplications; /* their names are read without the lock: none ever changes */
    struct census_application *applications;
    _Atomic uint64_t nbare;
    struct pairs pairs;
};

enum err census_init(struct census *census, struct store *store) ERR_MUST_CHECK;
void census_fini(struct census *census);

/* A session is about to change from what was to what is; NULL: none. False: no room, and nothing has changed. Then one
 * of the other two, with the same. */
bool census_prepare(struct census *census, struct bytes session_key, const struct traits *was,
                    const struct traits *is);
void census_settle(struct census *census, struct bytes session_key, const struct traits *was,
                   const struct traits *is);
void census_abandon(struct census *census, struct bytes session_key, const struct traits *was,
                    const struct traits *is);

/* May there be sessions of this one's application? */
bool census_has_application(struct census *census, struct bytes session_key);

/* Live ones of an application; NULL: of all. */
uint64_t census_count(const struct census *census, const struct bytes *application);
/* Number `n` from 0 on; its name stays as long as the census. False: there are not so many. */
bool census_application(const struct census *census, uint32_t n, struct bytes *ret_name,
                        uint64_t *ret_nsessions);
static inline uint64_t census_bare(const struct census *census)
{
    return __atomic_load_n(&census->nbare, __ATOMIC_RELAXED);
}

/* Handles of those that may have the tag (two tags share a hash by chance), rising, from behind `*after` on, or all from
 * the first when `after` is NULL. How many, at most `max`. */
size_t census_tagged(struct census *census, struct bytes application, struct bytes tag, const uint64_t *after,
                     uint64_t *ret, size_t max);

/* A handle as a number, and back. */
static inline uint64_t census_handle(struct bytes session_key)
{
    return bytes_get_be64(session_key.p);
}

#endif
