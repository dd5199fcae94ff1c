/*
 * house: a thread that does one chore again and again, and sleeps in between.
 *
 * Threads: house_hurry() any; the rest one.
 */
#ifndef CLOAKROOM_ENGINE_HOUSE_H
#define CLOAKROOM_ENGINE_HOUSE_H

#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Zeroed, it is one that was never started. */
struct house {
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool stop;
    bool hurry;
    uint32_t (*chore)(void *arg);
    void *arg;
};

/* `chore` returns how many milliseconds may pass until its next turn. */
enum err house_start(struct house *house, uint32_t (*chore)(void *arg), void *arg) ERR_MUST_CHECK;
/* The next turn is due now. */
void house_hurry(struct house *house);
/* Waits for the chore under way. Fine for one never started. */
void house_stop(struct house *house);

#endif
