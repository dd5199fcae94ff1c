/* Lent and owned memory of connections, see buffer.h. */
#include "server/buffer.h"
#include "base/check.h"

#include <stdlib.h>
#include <string.h>

enum { OWNED_MIN = 2048 };

void buffer_lend(struct buffer *buffer, char *p, size_t cap)
{
    CHECK(!buffer->owned);
    *buffer = (struct buffer){.p = p, .cap = cap};
}

void buffer_drop(struct buffer *buffer, struct buffer_pool *pool)
{
    if (buffer->owned) {
        __atomic_fetch_sub(&pool->used_bytes, buffer->cap, __ATOMIC_RELAXED);
        free(buffer->p);
    }
    *buffer = (struct buffer){0};
}

static char *take(struct buffer_pool *pool, size_t cap)
{
    uint64_t used = __atomic_add_fetch(&pool->used_bytes, cap, __ATOMIC_RELAXED);
    char *p = used <= pool->limit_bytes || cap <= BUFFER_SMALL_BYTES ? malloc(cap) : NULL;
    if (p == NULL) {
        __atomic_fetch_sub(&pool->used_bytes, cap, __ATOMIC_RELAXED);
        __atomic_fetch_add(&pool->nrefused, 1, __ATOMIC_RELAXED);
    }
    return p;
}

/* Moves what is not done with to owned memory of `cap` bytes. */
static bool move(struct buffer *buffer, struct buffer_pool *pool, size_t cap)
{
    size_t len = buffer->len - buffer->at;
    CHECK(cap >= len);
    if (cap < OWNED_MIN)
        cap = OWNED_MIN;
    char *p = take(pool, cap);
    if (p == NULL)
        return false;
    if (len > 0)
        memcpy(p, buffer->p + buffer->at, len);
    buffer_drop(buffer, pool);
    *buffer = (struct buffer){.p = p, .len = len, .cap = cap, .owned = true};
    return true;
}

bool buffer_reserve(struct buffer *buffer, struct buffer_pool *pool, size_t more)
{
    if (buffer->cap - buffer->len >= more)
        return true;
    size_t len = buffer->len - buffer->at;
    if (buffer->owned && buffer->cap - len >= more) {
        memmove(buffer->p, buffer->p + buffer->at, len);
        buffer->len = len;
        buffer->at = 0;
        return true;
    }
    return move(buffer, pool, len + more);
}

bool buffer_reserve_own(struct buffer *buffer, struct buffer_pool *pool, size_t more)
{
    if (buffer->owned)
        return buffer_reserve(buffer, pool, more);
    return move(buffer, pool, buffer->len - buffer->at + more);
}

bool buffer_keep(struct buffer *buffer, struct buffer_pool *pool)
{
    return buffer->owned || move(buffer, pool, buffer->len - buffer->at);
}
