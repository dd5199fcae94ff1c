/*
 * handle: what stands for a session where keys are shown: short text from a keyed hash of its id.
 *
 *      HMAC-SHA256(key, application, id) ─> 32 bytes ─> the first 8 of them, in hex
 *
 * Promise: the same id has the same handle as long as the key is the same, and none can be told from its handle without
 * the key: a handle names a session, and logs nobody in. Two sessions share one by chance only, at 4 billion of them.
 *
 * Ownership: nothing is kept.
 * Threads: any.
 */
#ifndef CLOAKROOM_ENGINE_HANDLE_H
#define CLOAKROOM_ENGINE_HANDLE_H

#include "base/bytes.h"

enum { HANDLE_KEY_BYTES = 32, HANDLE_HASH_BYTES = 32, HANDLE_DIGITS = 16, HANDLE_PART_MAX = 255 };

struct handle_key {
    unsigned char bytes[HANDLE_KEY_BYTES];
};

/* One that no other start has. */
void handle_key_random(struct handle_key *ret);

/* `application` and `id` have at most HANDLE_PART_MAX bytes each. */
void handle_hash(const struct handle_key *key, struct bytes application, struct bytes id,
                 unsigned char ret[HANDLE_HASH_BYTES]);

/* The digits, without a terminating zero. */
void handle_put(const unsigned char hash[HANDLE_HASH_BYTES], char ret[HANDLE_DIGITS]);

#endif
