/*
 * handle: the keyed hash that stands for a session's id wherever it is kept or shown.
 *
 *      HMAC-SHA256(key, application, id) ─> 32 bytes ─> the first 24 and the application's name are the session's key
 *                                                   ─> the first 8 of them, in hex, are its handle
 *
 * Promise: the same id has the same hash as long as the key is the same, and neither can be told from the other without
 * the key: a handle names a session, and logs nobody in. Two sessions share one by chance only, at 4 billion of them.
 *
 * Ownership: nothing is kept.
 * Threads: any.
 */
#ifndef CLOAKROOM_ENGINE_HANDLE_H
#define CLOAKROOM_ENGINE_HANDLE_H

#include "base/bytes.h"

#include <openssl/sha.h>

enum {
    HANDLE_KEY_BYTES = 32,
    HANDLE_HASH_BYTES = 32,
    HANDLE_BYTES = 8,
    HANDLE_DIGITS = 16,
    HANDLE_PART_MAX = 255,
    HANDLE_SESSION_HASH = 24, /* of a session's key; what is behind it there names the application */
    HANDLE_SESSION_MAX = HANDLE_SESSION_HASH + 64
};

struct handle_key {
    unsigned char bytes[HANDLE_KEY_BYTES];
};

/* A key at work: what hashing with it begins from. */
struct handle_maker {
    SHA256_CTX inner;
    SHA256_CTX outer;
};

/* What a session is kept under. */
struct handle_session {
    char bytes[HANDLE_SESSION_MAX];
    uint8_t len;
};

/* One that no other start has. */
void handle_key_random(struct handle_key *ret);

void handle_maker_init(struct handle_maker *maker, const struct handle_key *key);

/* `application` and `id` have at most HANDLE_PART_MAX bytes each. */
void handle_hash(const struct handle_maker *maker, struct bytes application, struct bytes id,
                 unsigned char ret[HANDLE_HASH_BYTES]);

/* `application` has at most 64 bytes. */
void handle_session(const struct handle_maker *maker, struct bytes application, struct bytes id,
                    struct handle_session *ret);

static inline struct bytes handle_session_key(const struct handle_session *session)
{
    return (struct bytes){.p = session->bytes, .len = session->len};
}

/* Whose session it is, in a session's key. */
static inline struct bytes handle_application(struct bytes session_key)
{
    return (struct bytes){.p = session_key.p + HANDLE_SESSION_HASH,
                          .len = session_key.len - HANDLE_SESSION_HASH};
}

/* The digits of HANDLE_BYTES bytes, without a terminating zero. */
void handle_put(const void *bytes, char ret[HANDLE_DIGITS]);

/* The other way round; false: it is no handle. */
bool handle_read(struct bytes digits, unsigned char ret[HANDLE_BYTES]);

#endif
