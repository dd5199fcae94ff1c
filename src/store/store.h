/*
 * store: items in memory, in a log of segments per shard. No network, no protocol, no policy but room.
 *
 * Promise (README.md beside this file has the whole list):
 *   S3  no live session is dropped to make room (unless evict_sessions): what expired goes first, garbage is
 *       compacted away where it is a quarter or more, then cache is evicted, oldest first; only then is a *new*
 *       item refused with ERR_FULL, with headroom left so that what exists can be written again.
 *   S6  segments, index pages and large values together stay within limit_bytes.
 *   S7  nothing holds a shard longer than it takes to copy 64 KiB; larger values are staged and pinned outside
 *       the lock.
 *
 *
 * With a disk (the S numbers are those of README.md):
 *   S1  what a turn stored, touched or removed, or read of others' turns, may be answered once store_commit() has
 *       said so; sync `always`: once store_synced() has come to its ticket.
 *   S2  opening finds for each key the newest that was answered, or one newer that was on its way.
 *   S4  a record that fails its check is never shown; it is counted and named.
 *   S5  after a failed write or sync the store is read-only, and says why.
 *
 *      store_lock(key) -> struct store_entry -> put / touch / remove -> store_unlock() … store_commit() -> answer
 *
 * Ownership: an entry borrows its key from the caller and its item from the store, both until store_unlock().
 * Threads: any thread may call any function; an entry belongs to the thread that locked it.
 * Limits: keys of 1 to 250 bytes, values up to value_max, 2 MiB to 2 TiB of memory.
 * Failure: ERR_FULL, ERR_DISK_FULL, ERR_READ_ONLY after which nothing has changed; the old value is still there.
 *
 * Time is given in: seconds on a clock that never jumps (base/clock), never 0. An expiry of 0 is "never"; an
 * item is gone from the second of its expiry on.
 */
#ifndef CLOAKROOM_STORE_STORE_H
#define CLOAKROOM_STORE_STORE_H

#include "base/bytes.h"
#include "base/err.h"

struct attribute;
struct clock;
struct disk;
struct store;
struct shard;
struct segment;

/* What S3 tells apart. */
enum store_class { STORE_CACHE, STORE_SESSION, STORE_NCLASSES };

/* When what was written is to outlive a power cut: before it is answered, at most an interval later, or whenever
 * the system gets to it. A killed process loses nothing in any of them. */
/* So many descriptors may segments' files take: the server sees to it that there are as many. */
enum { STORE_FILES_MAX = 1024 };

enum store_sync { STORE_SYNC_INTERVAL, STORE_SYNC_ALWAYS, STORE_SYNC_NONE };

enum { STORE_PROBLEM_MAX = 256 };

/* Of recovery, in bytes of files. */
struct store_progress {
    _Atomic uint64_t loaded_bytes;
    _Atomic uint64_t load_bytes;
};

/* An item that goes without being removed: a live one to make room, or one that was over. */
enum store_drop { STORE_EVICTED, STORE_EXPIRED, STORE_FLUSHED };
struct store_dropped {
    enum store_drop why;
    struct bytes key;
    bool is_hashed;          /* the key */
    struct bytes attributes; /* see store/attributes.h */
    size_t value_len;
    int64_t ttl_s;   /* -1: for ever */
    uint32_t idle_s; /* since it was last read or written */
    enum store_class class;
    bool fetched;
};

struct store_config {
    uint64_t limit_bytes;   /* -m */
    uint64_t value_max;     /* -I */
    uint64_t seed;          /* of the index; from hash_random_seed() */
    uint32_t nshards;       /* a power of two up to 64, or 0: follows limit_bytes */
    uint32_t segment_bytes; /* a power of two from 8 KiB to 1 MiB, or 0: follows limit_bytes */
    bool may_grow;          /* store_set_limit() may raise the limit, which takes addresses */
    bool no_evict;          /* -M: refuse new cache items too instead of evicting */
    bool evict_sessions;    /* --evict-sessions: memcached's behaviour, oldest session segments go last */

    struct disk
        *disk; /* the data directory, the caller's until after store_free(); NULL: all is kept in memory */
    enum store_sync sync;
    const struct clock *clock;       /* with a disk */
    const char *boot_id;             /* tells one boot of the machine from another; NULL: unknown */
    char *problem;                   /* STORE_PROBLEM_MAX bytes for why store_new() failed, or NULL */
    struct store_progress *progress; /* how far recovery is, for other threads; or NULL */
    void (*notice)(void *arg, const char *line); /* what recovery has to say, from any thread; or NULL */
    void *notice_arg;
    /* Told of each, under a lock of the store, from any thread: it must not block, nor call the store; or NULL. */
    void (*dropped)(void *arg, const struct store_dropped *dropped);
    void *dropped_arg;
};

struct store_item {
    struct bytes value;
    uint64_t version; /* unique within the store, rising for a key; never 0 */
    uint64_t cas;     /* what clients are shown and compare: what one of them has set, else the version */
    uint32_t flags;
    uint32_t expiry_s;
    uint32_t seen_s; /* when it was last read or written; after a restart: not before that */
    enum store_class class;
    struct bytes attributes; /* see store/attributes.h */
    bool is_hashed;          /* the key is the hash of a name */
    bool fetched;            /* read since it was written; this and is_won are forgotten at a restart */
    bool is_stale;           /* written as such */
    bool is_won;             /* store_mark_won() since it was written */
};

/* Why an entry was not found: it was never there as far as can be told, or its time had come. */
enum store_miss { STORE_MISS_ABSENT, STORE_MISS_EXPIRED, STORE_MISS_FLUSHED };

/* A key, locked. `found` tells whether a live item lies under it; `item` is that item. */
struct store_entry {
    bool found;
    enum store_miss miss; /* when not found */
    struct store_item item;
    bool is_unsafe; /* it may show what never reached the disk, which has failed: not to be answered (S1) */
    uint64_t unwritten; /* set by store_unlock(): for store_commit() */
    /* private */
    struct store *store;
    struct shard *shard;
    struct bytes key;
    bool is_hashed;
    uint32_t tag;
    uint32_t now_s;
    struct slot *slot;
    struct record *record;
};

enum { STORE_ATTRIBUTES_MAX = 15 };

/* What to write: the value comes in two parts, so that append needs no buffer; either may be empty. */
struct store_write {
    struct bytes head;
    struct bytes tail;
    uint64_t cas;                       /* shown and compared in place of the new version; 0: none */
    const struct attribute *attributes; /* others than the cas, at most STORE_ATTRIBUTES_MAX */
    size_t nattributes;
    uint32_t flags;
    uint32_t expiry_s;
    enum store_class class;
    bool is_stale;    /* to mark what is there: a write of the same value, which the entry's may be */
    bool is_hashed;   /* as the entry's key */
    bool is_in_place; /* counts as no item stored: another number, or a mark, in the place of the old */
};

/* With a disk: opens or makes the directory and recovers what it holds. ERR_USAGE, ERR_SYSTEM: see `problem`. */
enum err store_new(const struct store_config *config, struct store **ret) ERR_MUST_CHECK;
/* All that was committed is on disk already, so this adds but a last sync. */
void store_free(struct store **store);
/* Frees the memory and touches the disk no more: for tests of crashes. */
void store_abandon(struct store **store);

/* Locks `key`'s shard and finds its item. Always pair with store_unlock(); lock one entry at a time. */
void store_lock(struct store *store, struct bytes key, uint32_t now_s, struct store_entry *ret);
/* The same for a key that is a hash, of STORE_LEAD_BYTES at least: what is written under it is hashed, too. */
void store_lock_hashed(struct store *store, struct bytes key, uint32_t now_s, struct store_entry *ret);
/* One that is there, by the front of its hashed key; entry->key is then the item's. Not found, nothing can be written. */
enum { STORE_LEAD_BYTES = 8 };
void store_lock_lead(struct store *store, const unsigned char lead[STORE_LEAD_BYTES], uint32_t now_s,
                     struct store_entry *ret);
void store_unlock(struct store_entry *entry);

/* Fetches what the look-ups of these keys will touch into the processor's caches, all at once: for a
 * batch, whose misses would otherwise be waited for one after the other. A hint, it changes nothing. At
 * most STORE_PREFETCH_MAX keys. */
enum { STORE_PREFETCH_MAX = 16 };
struct store_key {
    struct bytes key;
    bool is_hashed;
};
void store_prefetch(struct store *store, const struct store_key *keys, size_t n);

/* Writes a new item under the entry's key in place of what is there; ERR_FULL: nothing changed; unlock,
 * store_reclaim() and try again from store_lock(). On success entry->item.version is the new version. */
enum err store_put(struct store_entry *entry, const struct store_write *write) ERR_MUST_CHECK;

/* Is a value of this length to be staged and pinned rather than copied under the lock (S7)? */
bool store_is_large(const struct store *store, size_t key_len, size_t value_len);

/* A large value, copied outside any lock: stage, then lock, decide, and either put it or drop it.
 * `is_rewrite` as for store_reclaim(). Flags, expiry, class and staleness are those of the `write` it is put with,
 * as they may have changed meanwhile; value and cas are those it was staged with. A staged item put is owned by the store; NULLs *staged. */
enum err store_stage(struct store *store, struct bytes key, const struct store_write *write, bool is_rewrite,
                     struct segment **ret) ERR_MUST_CHECK;
enum err store_put_staged(struct store_entry *entry, const struct store_write *write,
                          struct segment **staged) ERR_MUST_CHECK;
void store_unstage(struct store *store, struct segment **staged);

/* Seconds that are kept in attributes, and so go on over a restart, to the caller's and back. 0 stays 0. */
uint32_t store_to_kept_s(const struct store *store, uint32_t s);
uint32_t store_from_kept_s(const struct store *store, uint32_t s);

/* A page of STORE_PAGE_BYTES out of the store's memory, zeroed, for what its owner keeps beside it; NULL: there is none. */
enum { STORE_PAGE_BYTES = 4096 };
void *store_take_page(struct store *store);
void store_give_page(struct store *store, void *page);

/* Keeps entry->item.value readable after store_unlock(), until store_unpin(). Large items only. */
struct segment *store_pin(struct store_entry *entry);
void store_unpin(struct store *store, struct segment *pinned);

enum err store_remove(struct store_entry *entry) ERR_MUST_CHECK;
/* The version that a write would get: for one that is over as soon as it is written. */
uint64_t store_next_version(struct store_entry *entry);
enum err store_touch(struct store_entry *entry, uint32_t expiry_s) ERR_MUST_CHECK;
/* It has been read, now. Of marks, entry->item goes on saying what was found. */
void store_mark_fetched(struct store_entry *entry);
/* What the item takes, all told. */
size_t store_item_size(const struct store_entry *entry);
/* Somebody has been told to refresh it: for others to know, until it is written. */
void store_mark_won(struct store_entry *entry);

/* Makes room for a write of `len` bytes (key and value) that was refused: a new item may not use the
 * headroom, a rewrite of a live session may. Call without an entry locked. False: nothing more can be
 * done, the write is to be refused. */
bool store_reclaim(struct store *store, size_t len, bool is_rewrite, uint32_t now_s);

/* Everything stored before second `at_s` is gone from then on (flush_all); at_s == now_s: at once,
 * including what was stored in this second so far. */
enum err store_flush(struct store *store, uint32_t now_s, uint32_t at_s,
                     uint64_t *ret_unwritten) ERR_MUST_CHECK;

/* The end of a turn, before its answers leave: brings what the shards of `unwritten` (all entries' together) hold to
 * where a SIGKILL cannot reach it. WAIT: answer once store_synced() is at *ret_ticket: in `always` mode, and in any while
 * the disk is far behind. FAILED: the disk has; what was answered before holds, this turn's requests do not. Without
 * an entry locked. */
enum store_commit { STORE_COMMIT_DONE, STORE_COMMIT_WAIT, STORE_COMMIT_FAILED };
enum store_commit store_commit(struct store *store, uint64_t unwritten, uint64_t *ret_ticket);

/* The highest ticket that outlives a power cut; and is any higher one waited for, or do files pile up, dead or
 * open? */
uint64_t store_synced(const struct store *store);
bool store_wants_sync(const struct store *store);

/* One round of syncing by the policy, and of removing dead files: blocks as long as the disk does. One thread at a
 * time calls this. ERR_READ_ONLY: the disk has failed, now or before. */
enum err store_sync(struct store *store) ERR_MUST_CHECK;

/* Why the store is read-only, or NULL. Static, or as long as the store. */
const char *store_disk_error(const struct store *store);

/* What a list tells of an item; the key is a copy. */
struct store_listed {
    struct store_item item; /* but for value and attributes */
    uint64_t size;          /* with head, key and padding */
    uint8_t marks;          /* ATTRIBUTE_MARKS; 0: none */
    size_t value_len;
    uint8_t key_len;
    char key[250];
};

/* Where a list stands. Zero it to begin. */
struct store_cursor {
    uint32_t shard;
    uint32_t depth;
    uint32_t bucket;
    uint64_t tag;
};

/* The next items, some or none, at most STORE_LIST_MAX. False: that was all. Nothing is held between two calls, so it
 * may take its time. What is there from the first to the last is told at least once, as it was at some moment of them,
 * and rarely twice; what comes or goes meanwhile may be told or not. *ret_unwritten as of an entry. */
enum { STORE_LIST_MAX = 56 };
bool store_list(struct store *store, struct store_cursor *cursor, uint32_t now_s,
                struct store_listed ret[STORE_LIST_MAX], size_t *ret_n, uint64_t *ret_unwritten);

/* May a list go on there? For a cursor that has been in other hands. */
bool store_cursor_is_sound(const struct store *store, const struct store_cursor *cursor);

/* The same, shown one by one under a lock of the store: it must not block, nor call the store. *ret_next is where to go
 * on. When the index has grown at *cursor meanwhile it begins there anew, and *cursor says so by another place. */
bool store_each(struct store *store, struct store_cursor *cursor, uint32_t now_s,
                void (*see)(void *arg, struct bytes key, const struct store_item *item), void *arg,
                struct store_cursor *ret_next, uint64_t *ret_unwritten);

/* A bounded piece of housekeeping: drops what expired, compacts where garbage is worth it. Returns how
 * many milliseconds may pass until the next call. */
uint32_t store_tidy(struct store *store, uint32_t now_s);

/* The memory limit from now on: from a sixteenth or so of what the store was opened with up to that, or up to
 * STORE_GROWTH_MAX times that if it may grow and the system had the addresses. Lowered below
 * what is used, nothing new comes in, cache is evicted and what exists may be written again, until it is down. False:
 * out of these bounds, nothing has changed. */
enum { STORE_GROWTH_MAX = 8 };
bool store_set_limit(struct store *store, uint64_t limit_bytes);

/* For how many seconds the item of this class that was neither read nor written for longest has not been; at most so:
 * what was read since its segment was last looked through counts as it was then. Looks at all segments. */
uint32_t store_oldest_age_s(struct store *store, enum store_class class, uint32_t now_s);

struct store_stats {
    uint64_t items[STORE_NCLASSES];      /* what has expired unseen still counts, for a minute at most */
    uint64_t live_bytes[STORE_NCLASSES]; /* records: header, key, value, padding */
    uint64_t used_bytes;                 /* segments, large values and index taken from limit_bytes */
    uint64_t limit_bytes;
    uint64_t new_limit_bytes; /* of that; what is above is kept for rewrites and compaction (S3) */
    uint64_t index_bytes;
    uint64_t garbage_bytes;
    uint64_t total_items;               /* ever stored, but for is_in_place */
    uint64_t evictions[STORE_NCLASSES]; /* live ones dropped for room */
    uint64_t evicted_unfetched[STORE_NCLASSES];
    uint64_t expired_unfetched[STORE_NCLASSES];
    uint64_t reclaimed[STORE_NCLASSES]; /* expired or flushed, and dropped */
    uint64_t copied_bytes;              /* by compaction */
    uint64_t appended_bytes;            /* by writes */
    uint64_t segments;
    uint32_t nshards;
    uint32_t segment_bytes;

    bool has_disk;
    bool is_loading; /* and the next two tell how far it is */
    uint64_t loaded_bytes;
    uint64_t load_bytes;
    enum store_sync sync;
    const char *disk_error; /* NULL: none */
    uint64_t disk_bytes;    /* in segment files that exist */
    uint64_t written_bytes; /* to files */
    uint64_t syncs;
    uint64_t recovered[STORE_NCLASSES];
    uint64_t recovery_ms;
    uint64_t
        damaged_records; /* found by recovery: runs of bytes that hold no good record between some that do */
    uint64_t torn_bytes; /* cut by recovery */
};

void store_read_stats(struct store *store, struct store_stats *ret);

#endif
