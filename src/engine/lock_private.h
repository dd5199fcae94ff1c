/*
 * lock_private: what lock.c and lock_wait.c share: one lock, and who waits for it. Under the table's mutex.
 */
#ifndef CLOAKROOM_ENGINE_LOCK_PRIVATE_H
#define CLOAKROOM_ENGINE_LOCK_PRIVATE_H

#include "engine/lock.h"

struct lock {
    struct lock *next_in_bucket;
    struct lock *next_of_client;
    struct engine_client *client;
    uint64_t version;
    uint32_t expiry_s;
    uint32_t life_s; /* that it was last given by name; 0: no end */
    uint32_t flags;
    uint32_t seen_s; /* last read or written */
    uint8_t key_len;
    uint8_t value_len;
    bool suffixed;
    bool is_stale;
    bool is_won;
    bool is_fetched;
    uint32_t nwaiting;
    struct op *first; /* waits longest; by op->arrival */
    struct op *last;
    char value[LOCK_VALUE_MAX];
    char key[];
};

/* Has the op wait, as long as its kind may; false: it is not to, since it has, or too many do. */
bool lock_wait(struct lock_table *table, struct lock *lock, struct op *op);

/* Takes one out who waits, whoever asks for that. */
void lock_wait_leave(struct lock_table *table, struct lock *lock, struct op *op);

/* Takes out who has waited longest; NULL: nobody waits. */
struct op *lock_wait_next(struct lock_table *table, struct lock *lock);

/* Does nobody wait who came before the op, which has been taken out? */
bool lock_wait_is_first(const struct lock *lock, const struct op *op);

#endif
