/*
 * guard: bytes placed flush against an unreadable page, so that reading one byte too many is a fault.
 *
 *      | unreadable page | room ......................... | unreadable page |
 *                        ^ guard_place_front()            ^ guard_place() ends here
 *
 * Ownership: the bytes of guard_place() live until the next call or guard_close().
 */
#ifndef CLOAKROOM_TEST_GUARD_H
#define CLOAKROOM_TEST_GUARD_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard {
    char *base; /* of the room */
    size_t room;
    size_t page;
};

static inline struct guard guard_open(size_t room)
{
    struct guard guard = {.page = (size_t)sysconf(_SC_PAGESIZE)};
    guard.room = (room / guard.page + 1) * guard.page;
    char *map = mmap(NULL, guard.room + 2 * guard.page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map + guard.page, guard.room, PROT_READ | PROT_WRITE) != 0)
        abort();
    guard.base = map + guard.page;
    return guard;
}

static inline void guard_close(struct guard *guard)
{
    munmap(guard->base - guard->page, guard->room + 2 * guard->page);
}

/* Copies `len` bytes to the end of the readable room. */
static inline const char *guard_place(struct guard *guard, const char *bytes, size_t len)
{
    if (len > guard->room)
        abort();
    char *at = guard->base + guard->room - len;
    if (len > 0)
        memcpy(at, bytes, len);
    return at;
}

/* The same at its front: for code that looks back. */
static inline const char *guard_place_front(struct guard *guard, const char *bytes, size_t len)
{
    if (len > guard->room)
        abort();
    memcpy(guard->base, bytes, len);
    return guard->base;
}

#endif
