/*
 * bytes: a borrowed run of bytes, and numbers in a fixed byte order.
 *
 * Ownership: struct bytes never owns; whoever hands one out says how long it lives.
 * Limits: no function here allocates, reads past `len`, or needs a terminating zero.
 */
#ifndef CLOAKROOM_BASE_BYTES_H
#define CLOAKROOM_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const char *p;
    size_t len;
};

/* The bytes of a C string, without its zero. */
static inline struct bytes bytes_of(const char *s)
{
    return (struct bytes){.p = s, .len = strlen(s)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool bytes_starts_with(struct bytes b, struct bytes prefix)
{
    return b.len >= prefix.len && (prefix.len == 0 || memcmp(b.p, prefix.p, prefix.len) == 0);
}

static inline bool bytes_ends_with(struct bytes b, struct bytes suffix)
{
    return b.len >= suffix.len &&
           (suffix.len == 0 || memcmp(b.p + b.len - suffix.len, suffix.p, suffix.len) == 0);
}

/* Big-endian (network order) loads and stores; `p` needs no alignment. */
static inline uint16_t bytes_get_be16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap16(v);
}

static inline uint32_t bytes_get_be32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

static inline uint64_t bytes_get_be64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

static inline void bytes_put_be16(void *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof v);
}

static inline void bytes_put_be32(void *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}

static inline void bytes_put_be64(void *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}

#endif
