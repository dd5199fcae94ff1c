/*
 * decide: what memcached's rules make of an op and the item it meets. Pure; whoever keeps the item carries it
 * out.
 *
 * Promise: the same rules for items of the store and for lock keys. Source: doc/protocol.txt of memcached
 * 1.6.
 * Ownership: a verdict borrows from the op, the item and its own `digits`: copy it, and point again.
 */
#ifndef CLOAKROOM_ENGINE_DECIDE_H
#define CLOAKROOM_ENGINE_DECIDE_H

#include "base/clock.h"
#include "base/num.h"
#include "engine/engine.h"

/* The item an op meets; `found` false: none. */
struct decide_item {
    bool found;
    struct bytes value;
    uint32_t flags;
    uint32_t expiry_s;
    uint64_t cas;
    bool is_stale;
    bool is_won;
    bool is_fetched;
};

/* The exptimes of an op as steady seconds, see decide_expiry(). */
struct decide_lives {
    uint32_t expiry_s;
    uint32_t create_expiry_s;
    uint32_t recache_s;
};

enum verdict_kind {
    VERDICT_NOTHING, /* leave it as it is; result says why */
    VERDICT_PUT,
    VERDICT_REMOVE,
    VERDICT_TOUCH,
    VERDICT_READ, /* a hit; touch it too when op->touch */
    VERDICT_MAKE, /* a hit of what is put first */
};

struct verdict {
    enum verdict_kind kind;
    enum op_result result;
    struct store_write write; /* to put; the caller adds the class */
    uint32_t expiry_s;        /* to touch */
    bool is_created;          /* to put: nothing is there yet, and the op has asked for that */
    bool wins;                /* its client is told to renew the item */
    bool marks_won;           /* mark the item as won, once it has been put or read */
    bool marks_fetched;       /* and as read, once it has been put */
    uint64_t number;
    char digits[NUM_MAX];
    size_t ndigits;
};

/* Fills *ret. */
void decide(const struct op *op, const struct decide_item *item, const struct decide_lives *lives,
            uint64_t value_max, struct verdict *ret);

/* What of an op's exptimes it uses; the rest is 0. */
struct decide_lives decide_lives(const struct op *op, const struct clock *clock);

/* What a hit tells besides value, flags and cas: of the item as it was found, and what becomes of it. What only
 * the keeper of items knows is left as it is. */
void decide_describe(const struct op *op, const struct decide_item *item, const struct decide_lives *lives,
                     const struct verdict *verdict, struct op_hit *ret);

/*
 * memcached's exptime to steady seconds: 0 is never; up to 30 days it is relative; more is a wall time; what
 * is negative or already past gives DECIDE_EXPIRED. A result is never 0 unless exptime is.
 */
enum { DECIDE_RELATIVE_MAX_S = 60 * 60 * 24 * 30, DECIDE_EXPIRED = 1 };
uint32_t decide_expiry(int64_t exptime, uint32_t now_s, const struct clock *clock);

/* So much later, however much that is: a client may say 136 years, which are not to begin anew at 0. */
static inline uint32_t decide_later(uint32_t s, uint32_t by_s)
{
    return s > UINT32_MAX - by_s ? UINT32_MAX : s + by_s;
}

#endif
