/*
 * arena: the memory limit, handed out in segments of one size and in single blocks for large values.
 *
 * Promise (S6): what is out at any time is at most limit_bytes. A segment given back is kept for the next
 * taker, so a busy store makes no system calls; its memory goes back to the system when the store is idle, or
 * a block needs the room.
 *
 * Segments are cut from one region of addresses, reserved at the start and backed by memory as it is used, in
 * huge pages where the system has them: with a million items each look-up is a miss of the processor's
 * caches, and without huge pages one of its address cache, too.
 *
 *      region:  | segment | segment | … in use, idle, or emptied … | never used |
 *
 * Who may take the last of it (S3), from the outside in:
 *
 *      |<------------------------- limit_bytes ------------------------->|
 *      |  anyone                     | headroom: rewrites | reserve: compaction |
 *
 * Where recovery has loaded more than the limit, or the limit was lowered below what is out, what exists may still be rewritten and compacted, as if the limit
 * were what is out at the least since; so it comes down as data goes, and nothing new comes in before.
 *
 * Threads: any; one lock of its own, held for a few instructions, but while memory goes back to the system: a
 * fraction of a millisecond for each MiB (blocks are mapped outside).
 * Failure: NULL when the rank may take no more, or the system has no memory.
 */
#ifndef CLOAKROOM_STORE_ARENA_H
#define CLOAKROOM_STORE_ARENA_H

#include "base/bytes.h"
#include "base/err.h"

#include <pthread.h>

enum arena_rank { ARENA_NEW, ARENA_REWRITE, ARENA_COMPACTION };

struct arena {
    pthread_mutex_t lock;
    _Atomic uint64_t limit_bytes; /* this and the next are written under the lock, read without */
    _Atomic uint64_t headroom_bytes;
    uint64_t reserve_bytes;
    _Atomic uint64_t used_bytes;  /* out; written under the lock, read without */
    bool is_loading;              /* recovery: no rank's limit holds */
    _Atomic uint64_t floor_bytes; /* more than the limit was out: the least that has been since */
    uint32_t segment_bytes;
    char *region;
    uint64_t region_bytes;
    char *mapping; /* what the region was cut from, for alignment */
    uint64_t mapping_bytes;
    uint32_t nsegments; /* in the region */
    uint32_t nfresh;    /* the first never used */
    uint32_t *idle; /* given back: those still backed by memory from the front, emptied ones from the back */
    uint32_t nidle;
    uint32_t nemptied;
};

/* `region_bytes` of addresses: as much as the limit, or more where more is to be loaded. */
enum err arena_init(struct arena *arena, uint64_t limit_bytes, uint64_t region_bytes, uint32_t segment_bytes,
                    uint64_t headroom_bytes, uint64_t reserve_bytes) ERR_MUST_CHECK;
/* Also after a failed arena_init(). */
void arena_fini(struct arena *arena);

/* Recovery is over, the limit holds. */
void arena_end_loading(struct arena *arena);

/* The limit and what is kept for rewrites, from now on; at most what arena_init() was given. */
void arena_set_limit(struct arena *arena, uint64_t limit_bytes, uint64_t headroom_bytes);

/* May `rank` take `len` more bytes now? An answer for the moment. */
bool arena_has(const struct arena *arena, uint64_t len, enum arena_rank rank);

/* So much may be out before ARENA_NEW gets nothing more. */
uint64_t arena_new_limit(const struct arena *arena);

/* Could it, were nothing else out? */
bool arena_could(const struct arena *arena, uint64_t len, enum arena_rank rank);

/* segment_bytes of memory, aligned to 4096, contents undefined. */
void *arena_take_segment(struct arena *arena, enum arena_rank rank);
void arena_give_segment(struct arena *arena, void *segment);

/* Gives the memory of idle segments back to the system, at most `n` of them, while more than `keep_bytes`
 * are idle. True: there is more to give. */
bool arena_trim(struct arena *arena, uint64_t keep_bytes, uint32_t n);

/* `len` bytes, a multiple of 4096, aligned to a page, zeroed. */
void *arena_take_block(struct arena *arena, uint64_t len, enum arena_rank rank);
void arena_give_block(struct arena *arena, void *block, uint64_t len);

#endif
