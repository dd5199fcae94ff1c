/*
 * lease_model: what the engine must answer about sessions and their leases, told by a model so simple that it can be read:
 * four sessions, six clients, arrays, no bytes. It knows L1 to L5 and L7 of the design as rules, not how the engine keeps
 * them.
 *
 * Versions and fences are numbers of its own; clients keep them beside what the engine gave them.
 *
 *      lease_model_ask() ──> pending ──> woken, by what others ask ──> lease_model_ask() again
 *                                   └──> lease_model_leave(), is_late ──> lease_model_ask() again
 *
 * Failure: none; who asks for what no client could ask aborts.
 */
#ifndef CLOAKROOM_TEST_LEASE_MODEL_H
#define CLOAKROOM_TEST_LEASE_MODEL_H

#include "engine/engine.h"
#include "engine/local.h"

enum { LEASE_SESSIONS = 4, LEASE_CLIENTS = 6, LEASE_TAGS = 3, LEASE_CLAIMS = 64, LEASE_NOBODY = -1 };

struct lease_token {
    uint64_t version; /* 0: there was none */
    uint64_t grant;   /* which giving of the lease; never the same twice */
};

/* By which name of a session it is asked for. */
enum lease_name {
    LEASE_VERB,
    LEASE_ITEM,      /* <prefix><id> */
    LEASE_LOCK,      /* <prefix>lock.<id> */
    LEASE_BARE,      /* <id> */
    LEASE_BARE_LOCK, /* <id>.lock */
};

/* A request, as far as it can matter. A set of a lock is php-memcache's release. */
struct lease_ask {
    enum op_kind kind;
    enum lease_name name;
    unsigned session;
    int client;
    struct lease_token token;
    struct lease_token predecessor;
    uint64_t content; /* of a write: the number of its value */
    uint32_t exptime_s;
    uint32_t wait_ms;
    uint32_t lease_s;
    uint32_t life_s;
    uint32_t grace_s;
    unsigned tags; /* a bit each */
    bool has_wait;
    bool has_life;
    bool has_tags;
    bool has_predecessor;
    bool read_only;
    bool must_exist;
    bool keep;
    bool succeeds;
    bool is_bot;
    bool by_handle;
    bool touch;
    bool create;
    bool may_wait;
    bool is_late;
};

struct lease_answer {
    bool is_pending;
    enum op_result result;
    uint64_t content; /* of a hit */
    int64_t ttl_s;    /* the same, of an open */
    uint64_t number;  /* of a counter */
    bool has_token;
    struct lease_token token;
    uint32_t wait_ms; /* pending */
    uint32_t waiting; /* busy */
    uint64_t held_ms;
};

struct lease_session {
    bool there; /* also what is left of a killed one; and until its time is over, which is to be looked at */
    bool killed;
    bool succeeded;
    bool first;
    bool bot;
    bool bare;
    bool fetched;
    uint64_t version;
    uint64_t content;
    uint32_t expiry_s; /* 0: never; so are the next */
    uint32_t creation_s;
    uint32_t end_s;
    unsigned tags;
};

struct lease_lock {
    bool exists; /* held, or lost: held by nobody, but the last who did may still write */
    int holder;
    bool is_lease;
    bool suffixed;
    uint64_t grant;
    uint64_t held_ns;
    uint64_t number; /* as a counter of php-memcache */
    uint32_t expiry_s;
    uint32_t life_s;
    uint32_t lost_s;
    int queue[LEASE_CLIENTS];
    unsigned nqueue;
};

struct lease_client {
    int waits; /* for which session, or LEASE_NOBODY */
    bool is_open;
    bool is_woken;
    bool is_gone;
    uint64_t arrival;
    int kept_at; /* its place there is kept */
    uint64_t kept;
    uint64_t kept_until_ns;
    uint64_t saw_killed;
    int asked; /* whose counter it has counted up last */
};

struct lease_claim {
    uint64_t grant; /* 0: free */
    uint32_t until_s;
    struct lease_session left;
};

struct lease_model {
    struct lock_limits limits;
    struct local_lives lives;
    uint64_t now_ns;
    struct lease_session sessions[LEASE_SESSIONS];
    struct lease_lock locks[LEASE_SESSIONS];
    struct lease_client clients[LEASE_CLIENTS];
    struct lease_claim claims[LEASE_CLAIMS];
    uint64_t versions;
    uint64_t grants;
    uint64_t first_grant; /* since the last start */
    uint64_t arrivals;
    struct lock_stats stats;
};

void lease_model_init(struct lease_model *model, const struct lock_limits *limits,
                      const struct local_lives *lives);
/* All are gone, the sessions stay. */
void lease_model_restart(struct lease_model *model);

void lease_model_ask(struct lease_model *model, const struct lease_ask *ask, struct lease_answer *ret);
/* It waits no more. */
void lease_model_leave(struct lease_model *model, int client);
/* Its connection is closed. */
void lease_model_gone(struct lease_model *model, int client);

/* Is it there and alive? NULL: no. */
const struct lease_session *lease_model_live(const struct lease_model *model, unsigned session);
bool lease_model_is_held(const struct lease_model *model, unsigned session);
/* 1: the next; 0: it waits for nothing. */
uint32_t lease_model_position(const struct lease_model *model, int client);
/* It waits for one that is over, and nobody has looked at that. */
bool lease_model_waits_in_vain(const struct lease_model *model, int client);
/* It looks. */
void lease_model_look(struct lease_model *model, int client);
/* Would these two names be cache now, as nothing says otherwise? */
bool lease_model_is_bare(const struct lease_model *model, unsigned session);
bool lease_model_is_bare_lock(const struct lease_model *model, unsigned session);

/* lease_model_locks.c: its parts that are about leases alone. */
enum lease_taking { LEASE_TAKEN, LEASE_WAITS, LEASE_BUSY, LEASE_GONE };
enum lease_taking lease_model_open(struct lease_model *model, const struct lease_ask *ask,
                                   struct lease_answer *ret);
void lease_model_lock_op(struct lease_model *model, const struct lease_ask *ask, struct lease_answer *ret);
/* The one that is held now, after what is over has gone on; or NULL. */
struct lease_lock *lease_model_held(struct lease_model *model, unsigned session);
bool lease_model_is_last(const struct lease_model *model, unsigned session, uint64_t grant);
void lease_model_release(struct lease_model *model, unsigned session, uint64_t grant);
/* For who may write: returns the grant that he has from now on. */
uint64_t lease_model_keep(struct lease_model *model, const struct lease_ask *ask);
void lease_model_turn_away(struct lease_model *model, unsigned session);
bool lease_model_any_suffixed(const struct lease_model *model);

static inline uint32_t lease_model_now_s(const struct lease_model *model)
{
    return clock_seconds_of(model->now_ns);
}

#endif
