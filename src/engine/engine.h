/*
 * engine: what a server asks of whatever keeps the items. The server never knows which engine it has.
 *
 *      fill op -> engine_submit() -> SUBMIT_DONE: the result is in op
 *                                 -> SUBMIT_PENDING ... op->wake(op), from any thread
 *                                      -> engine_resume(), in the client's own thread -> as submit
 *
 * Promise: an op is answered exactly once, unless cancelled. Ops of one client are answered in the order of
 * submission, since a client has one op under way at a time. Results and values are only ever written from
 * within submit and resume, so a client's buffers are touched by no thread but its own.
 * An op may be resumed by another engine than it was submitted to (loading.h); so an op unknown to cancel() is too late.
 * Ownership: op, its key and value belong to the caller until it is answered or cancelled. While it is
 * pending the engine reads nothing of it: key and value may move before it is resumed.
 * Threads: submit, resume, cancel and client_gone of one client come from one thread; different clients from
 * any.
 * Failure: is a result; submit itself cannot fail.
 */
#ifndef CLOAKROOM_ENGINE_ENGINE_H
#define CLOAKROOM_ENGINE_ENGINE_H

#include "base/bytes.h"
#include "base/clock.h"
#include "engine/handle.h"
#include "store/store.h"

struct engine;
struct op;
struct lock;

enum op_kind {
    OP_GET,
    OP_SET,
    OP_ADD,
    OP_REPLACE,
    OP_APPEND,
    OP_PREPEND,
    OP_DELETE,
    OP_INCR,
    OP_DECR,
    OP_TOUCH,
    /* Of sessions, by the verbs: op->session says more. */
    OP_OPEN, /* the first of these */
    OP_WRITE,
    OP_CLOSE,
    OP_KILL,
};

enum op_result {
    OP_OK,
    OP_MISS, /* op->miss tells more */
    OP_NOT_STORED,
    OP_EXISTS, /* the cas differs */
    OP_TOO_LARGE,
    OP_FULL, /* no room, S3; the old value is still there, but for op->replaces */
    OP_NON_NUMERIC,
    OP_DISK_FULL, /* nothing has changed; goes on when there is room again */
    OP_READ_ONLY, /* the disk has failed (S5) */
    OP_LOADING,   /* what lies on disk is still being read */
    OP_BUSY,      /* open: another holds the lease */
    OP_GONE,      /* the session has been killed, or another has taken its place */
};

/* One connection as the engine sees it: what is given back when it closes. Zero it to begin. */
struct engine_client {
    struct lock *locks; /* held by it, newest first; this and the next under the lock table's lock */
    uint32_t nlocks;
    uint64_t lock_asked; /* hash of the `<id>.lock` that its last op counted up; 0: none */
    uint64_t
        arrival; /* in the queue for a lock, kept for a while after it has waited in vain (lock_wait.c) */
    uint64_t arrival_at; /* which one; 0: none is kept */
    uint64_t arrival_until_ns;
    uint64_t
        saw_killed; /* version of the last killed session's marker that it has read: it may begin a new one; or 0 */
};

/* What a hit tells its sink; what is behind `cas`, only when op->detailed. Times left in seconds, -1: for ever. */
struct op_hit {
    size_t value_len;
    uint32_t flags;
    uint64_t cas;
    int64_t ttl_s;         /* as it was found */
    int64_t touched_ttl_s; /* as exptime has it */
    int64_t created_ttl_s; /* as create_exptime has it */
    uint64_t size;         /* what it takes, all told */
    uint64_t version;      /* of what was read, or written, by a verb */
    uint32_t idle_s;       /* since it was last read or written */
    bool is_created;       /* it was not there: this op makes it */
    bool was_fetched;
    bool is_stale;
    bool was_won; /* somebody else has been told to renew it */
    bool has_won; /* this one is told */
};

/* What an open gives and a write names: a version of the session, and which of those who have opened it. */
struct op_token {
    uint64_t version;
    uint64_t fence;
};

enum { OP_HOLDER_MAX = 120, OP_TAGS_MAX = 8 };

/* An op on a session. In: what was asked for. Its bytes belong to the caller, like the op's, and may move while it is
 * pending. */
struct op_session {
    struct bytes application;
    unsigned char handle[HANDLE_BYTES]; /* kill by_handle: instead of a key */
    struct op_token
        token; /* in: of write, close, and of kill if `succeeds`; out: of open, and of write if kept */
    struct op_token predecessor; /* open: what came of the session with that token goes on in this one */
    uint32_t wait_ms;            /* open: at most, if has_wait */
    uint32_t lease_s;            /* open: 0: as long as its connection */
    uint32_t life_s;             /* write: absolute, if has_life; 0: none */
    uint32_t made_s;             /* write, if has_age: so long ago it was made */
    uint64_t revision;           /* write, close, kill, if has_revision; out: of open, if it tells */
    uint32_t grace_s;            /* close, if `succeeds`: so long it can still be read */
    struct bytes holder;         /* open: who asks; for others to read */
    struct bytes tags[OP_TAGS_MAX];
    size_t ntags;
    bool has_wait;
    bool has_life;
    bool has_tags; /* write: they replace those it has */
    bool has_predecessor;
    bool has_age;
    bool has_revision; /* out, of open: there is something, be it what is left of a killed one */
    bool is_copy;      /* write, close, kill: there is no token; the revision decides, see traits.h */
    bool tells;        /* open: what a copy elsewhere is to have */
    bool read_only;
    bool must_exist;
    bool keep; /* write: the lease */
    bool succeeds;
    bool is_bot;
    bool by_handle;

    /* Out. */
    bool has_token;
    bool is_succeeded; /* open: it can be read only, for a while */
    uint32_t waited_ms;
    uint32_t age_s;
    uint32_t told_life_s;          /* of open, if it tells: its end, from when it was made; 0: none */
    const struct bytes *told_tags; /* the same; while place() is called */
    size_t ntold_tags;
    bool told_held;   /* of open, if it tells and only reads: somebody has its lease here */
    uint32_t waiting; /* of who is busy: how many wait, how long it has been held, by whom */
    uint64_t held_ms;
    size_t holder_len;
    char holder_text[OP_HOLDER_MAX];

    /* The engine's. */
    uint64_t asked_ns;
    bool is_gone;
};

struct op {
    enum op_kind kind;
    struct bytes key;
    struct bytes value;
    uint32_t flags;
    int64_t exptime; /* as memcached's clients write it: relative, absolute, 0 or negative */
    uint64_t cas;    /* compared when compare_cas */
    uint64_t delta;
    uint64_t initial;        /* incr, decr: the value of a new key, when create */
    int64_t create_exptime;  /* the life of a new key, when create; as exptime */
    int64_t recache_exptime; /* get, when recache; as exptime */
    uint64_t new_cas;        /* what is written shows in place of its version; 0: nothing */
    bool compare_cas;
    bool create; /* incr, decr, append, prepend, get: make the key if it is not there; get makes it empty */
    bool create_last; /* what is made lives as long as create_exptime says, even with touch */
    bool touch;       /* get, incr, decr: set exptime too; delete with invalidate: the life of what stays */
    bool renewing; /* get: its client can be told to renew the item: it is then the only one who is (won) */
    bool recache;  /* ... also when the item ends before recache_exptime */
    bool recache_last;  /* ... with the life that touch gives it */
    bool invalidate;    /* delete: make it stale; set with an older cas: store, and make it stale */
    bool drop_value;    /* delete: leave it there without its value */
    bool replaces;      /* set: what it cannot replace for its size or want of room goes, if it is cache */
    bool without_value; /* get: place() is called, but the value is not wanted */
    bool unseen;        /* get: does not count as read */
    bool detailed;
    bool is_watched; /* class is wanted, though it takes a look-up */
    bool may_wait;   /* its client reads the answer before it goes on: SUBMIT_PENDING is welcome */
    bool is_late;    /* it has waited wait_ms and was taken back: now it is answered, come what may */
    uint32_t now_s;  /* steady seconds, never 0 */
    struct engine_client *client;
    struct op_session *session;     /* of the verbs; else NULL */
    const struct engine_memo *memo; /* of its thread's looks ahead, or NULL */

    /* get, open: where the value goes. Called at most once, perhaps under a lock of the engine: it must not
     * block nor call the engine. Returns hit->value_len bytes of room, or NULL when it has none (the
     * result is OP_FULL). */
    char *(*place)(struct op *op, const struct op_hit *hit);

    /* A pending op can go on: see to it that engine_resume() is called. From any thread, perhaps before
     * submit has returned; once for each SUBMIT_PENDING. It must not block nor call the engine. */
    void (*wake)(struct op *op);

    enum op_result result;
    enum store_class class; /* what the item is, or would have been */
    bool was_found;         /* there was an item, of so many bytes, before anything was done */
    size_t found_len;
    enum store_miss miss;
    struct op_hit hit;      /* of a get; hit.cas of any write */
    uint64_t number;        /* after incr, decr */
    uint32_t wait_ms;       /* pending: how long at most, 0: no bound; see engine_submit() */
    struct op *next, *prev; /* the engine's, while it is pending; so are the next two */
    uint64_t arrival;
    struct lock *waits_for; /* NULL: for none */
    uint64_t unwritten;     /* not to be answered before engine_commit() has been asked about it; or 0 */
};

/* Steady seconds as ops carry them: never 0, nor so small as to meet an expiry that stands for "over". */
static inline uint32_t engine_now_s(uint64_t steady_ns)
{
    return clock_seconds_of(steady_ns);
}

/* What a look ahead has found out about keys, for the ops that follow soon: opaque. Zero it to begin. */
enum { ENGINE_MEMO_KEYS = 32, ENGINE_MEMO_KEY_MAX = 64 };
struct engine_memo {
    struct {
        uint8_t key_len; /* 0: none */
        char key[ENGINE_MEMO_KEY_MAX];
        struct handle_session session;
    } list[ENGINE_MEMO_KEYS];
};

enum submit { SUBMIT_DONE, SUBMIT_PENDING };

struct lock_stats {
    uint64_t held;
    uint64_t broken; /* given back because the connection closed, or asked for another */
    uint64_t waiting;
    uint64_t waits;
    uint64_t late; /* waited in vain */
};

enum { ENGINE_NEVENTS = 8 }; /* see engine/journal.h */

struct engine_stats {
    struct store_stats store;
    struct lock_stats locks;
    uint64_t sessions; /* that live; the store counts what is left of killed ones, too */
    uint64_t events[ENGINE_NEVENTS];
    uint64_t refused_full[STORE_NCLASSES];
    uint64_t refused_disk;
};

/* Which sessions. A tag is one of the application's, the default one's unless has_application. */
struct engine_filter {
    struct bytes application;
    struct bytes tag;
    struct bytes except; /* kill: the id of one that stays */
    uint64_t handle;     /* list: this one */
    bool has_application;
    bool has_tag;
    bool has_except;
    bool has_handle;
    bool
        is_held; /* list: those that somebody holds now, stored or not yet; who waits for one waits for these */
};

/* Where a list stands. Zero it to begin. */
struct engine_cursor {
    struct store_cursor at; /* without a tag; of held ones: at.bucket, of the table of leases */
    uint64_t handle;        /* the last that was told, of all, or of those at that place */
    bool has_handle;
};

/* What a list tells of a session. */
struct engine_session {
    unsigned char handle[HANDLE_BYTES];
    uint8_t application_len;
    char application[HANDLE_SESSION_MAX - HANDLE_SESSION_HASH];
    uint32_t age_s; /* 0: unknown, too */
    uint32_t idle_s;
    int64_t ttl_s; /* -1: for ever */
    uint64_t size; /* 0: it is held, and not stored yet; then the above are 0, too */
    bool is_held;
    struct op_session lease; /* waiting, held_ms, holder: when it is held */
    size_t ntags;
    uint8_t tag_lens[OP_TAGS_MAX];
    char tag_text[OP_TAGS_MAX * 64]; /* one behind the other */
};

struct journal_event;

/* Told, from the sync thread, whenever engine_synced() has moved on or never will. It must not block. */
struct engine_watch {
    void (*synced)(struct engine_watch *watch);
    struct engine_watch *next;
};

/* What a key names, as far as is known. */
enum engine_kind { ENGINE_PLAIN, ENGINE_SESSION, ENGINE_LOCK };

struct engine_ops {
    enum submit (*submit)(struct engine *engine, struct op *op);
    /* Keys that will be asked for next, at most ENGINE_PREFETCH_MAX: a hint. NULL when it is of no use to
     * the engine. */
    void (*prefetch)(struct engine *engine, struct engine_memo *memo, const struct bytes *keys, size_t n);
    enum submit (*resume)(struct engine *engine, struct op *op);
    /* Takes a pending op back. True: it will not be woken any more. False: too late, wake() runs or has
     * run; the op must stay until it has, and is then over without a resume. */
    bool (*cancel)(struct engine *engine, struct op *op);
    /* The connection has closed: what it holds is given back. It has no op under way. */
    void (*client_gone)(struct engine *engine, struct engine_client *client);
    /* flush_all with its delay, an exptime as clients write it; 0 is now. */
    enum op_result (*flush)(struct engine *engine, uint32_t now_s, int64_t exptime, uint64_t *ret_unwritten);
    /* See engine_commit(). NULL, all three: what is answered needs no more than memory. */
    enum store_commit (*commit)(struct engine *engine, uint64_t unwritten, uint64_t *ret_ticket);
    uint64_t (*synced)(struct engine *engine);
    void (*watch)(struct engine *engine, struct engine_watch *watch);
    void (*forget_watches)(struct engine *engine);
    /* The memory for items from now on, in bytes. False: it cannot be that much. NULL: it cannot be changed. */
    bool (*set_limit)(struct engine *engine, uint64_t limit_bytes);
    void (*read_stats)(struct engine *engine, struct engine_stats *ret);
    /* See store_oldest_age_s(). NULL: it is not known. */
    uint32_t (*oldest_age_s)(struct engine *engine, enum store_class class, uint32_t now_s);
    bool (*list)(struct engine *engine, struct store_cursor *cursor, uint32_t now_s, struct store_listed *ret,
                 size_t *ret_n, uint64_t *ret_unwritten);
    enum engine_kind (*kind)(struct engine *engine, struct bytes key, bool is_session,
                             unsigned char ret_handle[HANDLE_BYTES]);
    uint32_t (*position)(struct engine *engine, const struct op *op);
    bool (*list_sessions)(struct engine *engine, const struct engine_filter *filter,
                          struct engine_cursor *cursor, uint32_t now_s, struct engine_session *ret,
                          size_t max, size_t *ret_n, uint64_t *ret_unwritten);
    bool (*kill_tagged)(struct engine *engine, const struct engine_filter *filter,
                        struct engine_cursor *cursor, struct op *op, uint64_t *ret_nkilled);
    uint64_t (*count_sessions)(struct engine *engine, const struct bytes *application);
    bool (*application)(struct engine *engine, uint32_t n, struct bytes *ret_name, uint64_t *ret_nsessions);
    size_t (*read_events)(struct engine *engine, uint64_t after, struct journal_event *ret, size_t max);
    void (*free)(struct engine *engine);
};

enum { ENGINE_PREFETCH_MAX = STORE_PREFETCH_MAX };

struct engine {
    const struct engine_ops *ops;
};

/* One that is pending with a bound on its wait: after that the caller takes it back by engine_cancel(), and if that
 * was not too late, sets is_late and resumes it. */
static inline enum submit engine_submit(struct engine *engine, struct op *op)
{
    return engine->ops->submit(engine, op);
}

static inline void engine_prefetch(struct engine *engine, struct engine_memo *memo, const struct bytes *keys,
                                   size_t n)
{
    if (engine->ops->prefetch != NULL)
        engine->ops->prefetch(engine, memo, keys, n);
}

static inline enum submit engine_resume(struct engine *engine, struct op *op)
{
    return engine->ops->resume(engine, op);
}

static inline bool engine_cancel(struct engine *engine, struct op *op)
{
    return engine->ops->cancel(engine, op);
}

static inline void engine_client_gone(struct engine *engine, struct engine_client *client)
{
    engine->ops->client_gone(engine, client);
}

static inline enum op_result engine_flush(struct engine *engine, uint32_t now_s, int64_t exptime,
                                          uint64_t *ret_unwritten)
{
    return engine->ops->flush(engine, now_s, exptime, ret_unwritten);
}

/* Once a turn, before its answers leave, with the `unwritten` of all its ops together, if that is not 0 (S1). WAIT:
 * they may leave once engine_synced() has come to the ticket; FAILED: never. */
static inline enum store_commit engine_commit(struct engine *engine, uint64_t unwritten, uint64_t *ret_ticket)
{
    return engine->ops->commit(engine, unwritten, ret_ticket);
}

#define ENGINE_SYNC_FAILED UINT64_MAX /* no ticket is that high */

/* How far; ENGINE_SYNC_FAILED once the disk has failed. */
static inline uint64_t engine_synced(struct engine *engine)
{
    return engine->ops->synced(engine);
}

/* Until engine_forget_watches(), after which none is called any more. */
static inline void engine_watch(struct engine *engine, struct engine_watch *watch)
{
    if (engine->ops->watch != NULL)
        engine->ops->watch(engine, watch);
}

static inline void engine_forget_watches(struct engine *engine)
{
    if (engine->ops->forget_watches != NULL)
        engine->ops->forget_watches(engine);
}

static inline bool engine_set_limit(struct engine *engine, uint64_t limit_bytes)
{
    return engine->ops->set_limit != NULL && engine->ops->set_limit(engine, limit_bytes);
}

static inline uint32_t engine_oldest_age_s(struct engine *engine, enum store_class class, uint32_t now_s)
{
    return engine->ops->oldest_age_s == NULL ? 0 : engine->ops->oldest_age_s(engine, class, now_s);
}

static inline void engine_read_stats(struct engine *engine, struct engine_stats *ret)
{
    engine->ops->read_stats(engine, ret);
}

/* Not while it is being loaded. */
static inline bool engine_can_list(const struct engine *engine)
{
    return engine->ops->list != NULL;
}

/* As store_list(), with STORE_LIST_MAX of them at most. Locks are in no list. */
static inline bool engine_list(struct engine *engine, struct store_cursor *cursor, uint32_t now_s,
                               struct store_listed *ret, size_t *ret_n, uint64_t *ret_unwritten)
{
    return engine->ops->list(engine, cursor, now_s, ret, ret_n, ret_unwritten);
}

/* What `key` names, told by its name and by `is_session` (what lies there is one); for any but a plain one the handle of
 * the session in ret_handle. What ends like a lock of php-memcache counts as one: it is known too late whether it is.
 * While it is being loaded every key counts as a session, with a handle of zeros. */
static inline enum engine_kind engine_kind(struct engine *engine, struct bytes key, bool is_session,
                                           unsigned char ret_handle[HANDLE_BYTES])
{
    memset(ret_handle, 0, HANDLE_BYTES);
    return engine->ops->kind == NULL ? ENGINE_SESSION
                                     : engine->ops->kind(engine, key, is_session, ret_handle);
}

/* Does it know sessions? Not while it is being loaded. */
static inline bool engine_has_sessions(const struct engine *engine)
{
    return engine->ops->list_sessions != NULL;
}

/* The next sessions, some or none, at most `max`. False: that was all. */
static inline bool engine_list_sessions(struct engine *engine, const struct engine_filter *filter,
                                        struct engine_cursor *cursor, uint32_t now_s,
                                        struct engine_session *ret, size_t max, size_t *ret_n,
                                        uint64_t *ret_unwritten)
{
    return engine->ops->list_sessions(engine, filter, cursor, now_s, ret, max, ret_n, ret_unwritten);
}

/* Kills some of those that have filter->tag, and adds to how many. `op` is a kill, with its session, as for
 * engine_submit(); false: that was all, or it went wrong, as op->result says (OP_OK, OP_MISS: it did not). */
static inline bool engine_kill_tagged(struct engine *engine, const struct engine_filter *filter,
                                      struct engine_cursor *cursor, struct op *op, uint64_t *ret_nkilled)
{
    return engine->ops->kill_tagged(engine, filter, cursor, op, ret_nkilled);
}

/* Live ones of an application; NULL: of all. */
static inline uint64_t engine_count_sessions(struct engine *engine, const struct bytes *application)
{
    return engine->ops->count_sessions(engine, application);
}

/* Application number `n`, from 0 on, which is the default one without a name, and how many of its sessions live. The name
 * is the engine's. False: there are not so many. */
static inline bool engine_application(struct engine *engine, uint32_t n, struct bytes *ret_name,
                                      uint64_t *ret_nsessions)
{
    return engine->ops->application != NULL && engine->ops->application(engine, n, ret_name, ret_nsessions);
}

/* As journal_read(). */
static inline size_t engine_read_events(struct engine *engine, uint64_t after, struct journal_event *ret,
                                        size_t max)
{
    return engine->ops->read_events(engine, after, ret, max);
}

/* How many are to come before a pending op that waits for a lease, and itself; 0: it does not. Whoever waits by an open
 * asks this now and then, since a lease that is over goes on when it is looked at; so an op may be woken meanwhile. */
static inline uint32_t engine_position(struct engine *engine, const struct op *op)
{
    return engine->ops->position == NULL ? 0 : engine->ops->position(engine, op);
}

/* Empties the pointer; NULL inside is fine. No op may be under way. */
static inline void engine_free(struct engine **engine)
{
    if (*engine != NULL)
        (*engine)->ops->free(*engine);
    *engine = NULL;
}

#endif
