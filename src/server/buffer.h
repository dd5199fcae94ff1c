/*
 * buffer: bytes of a connection that could not be dealt with at once, and the bound on all of them together.
 *
 * A connection with nothing under way has no buffer: it reads into, and answers from, two buffers of its
 * worker. Only what is left over, half a request or an answer the peer does not take, moves to a buffer of
 * its own.
 *
 * Ownership: a buffer is either lent (the worker's) or owned (allocated, counted in the pool).
 * Threads: a buffer belongs to one worker; the pool to all.
 * Limits: a connection can always have BUFFER_SMALL_BYTES, so those who hoard harm only those who want much;
 * what is larger is refused where it would take all owned buffers together beyond the pool's limit.
 */
#ifndef CLOAKROOM_SERVER_BUFFER_H
#define CLOAKROOM_SERVER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUFFER_SMALL_BYTES = 16 << 10 };

struct buffer_pool {
    _Atomic uint64_t used_bytes;
    _Atomic uint64_t nrefused;
    uint64_t limit_bytes;
};

struct buffer {
    char *p;
    size_t len; /* bytes in it */
    size_t cap;
    size_t at; /* bytes of these that are done with */
    bool owned;
};

/* Begins with lent memory of `cap` bytes. */
void buffer_lend(struct buffer *buffer, char *p, size_t cap);

/* Frees owned memory; the buffer is empty and has no memory. */
void buffer_drop(struct buffer *buffer, struct buffer_pool *pool);

/* Room for `more` bytes behind those in it, moving to owned memory when the present one is too small.
 * False: the pool has none. */
bool buffer_reserve(struct buffer *buffer, struct buffer_pool *pool, size_t more);

/* The same, but always to owned memory. False: the pool has none, all is as before. */
bool buffer_reserve_own(struct buffer *buffer, struct buffer_pool *pool, size_t more);

/* Makes the bytes its own, and drops those done with. False: the pool has none. */
bool buffer_keep(struct buffer *buffer, struct buffer_pool *pool);

#endif
