/*
 * claims: what a session leaves to the one that takes its place: tags, creation, absolute end, for whoever has its
 * token.
 *
 *      old one ends, by token ─> claims_leave() ── 5 s ──> forgotten
 *      new one opens, naming that token ─> claims_pass(), to its own token ─> written ─> claims_take()
 *
 * Ownership: copies of all.
 * Threads: any; one lock.
 * Limits: CLAIMS_MAX at a time; the oldest make room.
 */
#ifndef CLOAKROOM_ENGINE_CLAIMS_H
#define CLOAKROOM_ENGINE_CLAIMS_H

#include "base/err.h"
#include "engine/traits.h"

#include <pthread.h>

enum { CLAIMS_MAX = 1024, CLAIMS_OPEN_S = 5, CLAIMS_PASSED_S = 3600 };

struct claim {
    uint32_t until_s;
    uint64_t age; /* the lower the older */
    struct traits traits;
    char tags[TRAITS_TAGS_MAX * TRAITS_TAG_MAX];
};

struct claims {
    pthread_mutex_t mutex;
    uint64_t fences[CLAIMS_MAX]; /* of their tokens; 0: free. Apart, since all are looked through */
    uint16_t like
        [CLAIMS_MAX]; /* how many of these are the same modulo CLAIMS_MAX: each write of a session asks for one
                                    that is mostly not there */
    struct claim *list;
    uint64_t last_age;
};

enum err claims_init(struct claims *claims) ERR_MUST_CHECK;
void claims_fini(struct claims *claims);

void claims_leave(struct claims *claims, uint64_t fence, const struct traits *traits, uint32_t now_s);
/* False: there is none, or no more. */
bool claims_pass(struct claims *claims, uint64_t from_fence, uint64_t to_fence, uint32_t now_s);
/* Fills what is claimed of *ret, its tags in `room` of TRAITS_TAGS_MAX * TRAITS_TAG_MAX bytes; false: there is none. It
 * stays there until claims_forget(). */
bool claims_find(struct claims *claims, uint64_t fence, uint32_t now_s, struct traits *ret, char *room);
void claims_forget(struct claims *claims, uint64_t fence);

#endif
