/*
 * lock_private: what lock.c and lock_wait.c share: one lock, and who waits for it. Under the table's mutex.
 */
#ifndef CLOAKROOM_ENGINE_LOCK_PRIVATE_H
#define CLOAKROOM_ENGINE_LOCK_PRIVATE_H

#include "engine/lock.h"

struct lock {
    struct lock *next_in_bucket;
    struct lock *next_of_client;
    struct lock *next_lost;
    struct engine_client *client; /* NULL: it is lost */
    uint64_t fence;
    uint64_t held_ns; /* since then */
    uint32_t lost_s;  /* when it was lost */
    bool is_lease;    /* taken by an open: its holder has a token */
    uint8_t holder_len;
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
    char holder[OP_HOLDER_MAX];
    char key[];
};

static inline struct bytes lock_key_of(const struct lock *lock)
{
    return (struct bytes){.p = lock->key, .len = lock->key_len};
}

/* The one of a session, held or lost; or NULL. */
struct lock *lock_find(struct lock_table *table, struct bytes session);
/* For who asks: one that is over has been given on before, a lost one is none. */
struct lock *lock_find_for(struct lock_table *table, struct bytes session, struct op *op);
/* Makes it, or takes a lost one over, for op->client; NULL: no memory. */
struct lock *lock_take(struct lock_table *table, struct bytes session, const struct op *op);
/* To who has waited longest, or to nobody. */
void lock_give_back(struct lock_table *table, struct lock *lock);
/* The same, for one whose holder has not done it. */
void lock_break(struct lock_table *table, struct lock *lock);
/* Becomes that client's; the next: under a new fence. */
void lock_move(struct lock *lock, struct engine_client *client);
void lock_pass_on(struct lock_table *table, struct lock *lock, struct engine_client *client);
/* Stock handlers hold one session at a time: another one that is still held was left behind on a kept connection. */
void lock_give_back_others(struct lock_table *table, struct engine_client *client, const struct lock *lock);
bool lock_is_over(const struct lock *lock, uint32_t now_s);
/* One that is over goes on. */
void lock_end(struct lock_table *table, struct lock *lock);
/* lock_lease.c: takes it off the list of lost ones. */
void lock_find_again(struct lock_table *table, struct lock *lock);
void lock_lose(struct lock_table *table, struct lock *lock);
/* Forgets one that nobody holds, nor waits for. */
void lock_drop(struct lock_table *table, struct lock *lock);

/* Has the op wait, as long as its kind may; false: it is not to, since it has, or too many do. */
bool lock_wait(struct lock_table *table, struct lock *lock, struct op *op);

/* Takes one out who waits, whoever asks for that. */
void lock_wait_leave(struct lock_table *table, struct lock *lock, struct op *op);

/* Takes out who has waited longest; NULL: nobody waits. */
struct op *lock_wait_next(struct lock_table *table, struct lock *lock);

/* Does nobody wait who came before the op, which has been taken out? */
bool lock_wait_is_first(const struct lock *lock, const struct op *op);

#endif
