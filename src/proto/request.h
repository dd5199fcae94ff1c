/*
 * request: what every dialect of the protocol parses to, and what is answered.
 *
 * bytes -> proto_next() -> struct request -> (server, engine) -> struct answer -> proto_put_*() -> bytes
 *
 * Ownership: key, value and argument point into the input that was parsed; they live as long as it does.
 * Meta commands (mg, ms, md, ma, me) are requests like the others, a get, a set and so on, with `meta` set and
 * more fields filled; their flags stay in `argument` as they came, for the answer to go through them again. So do those
 * of the session verbs (so, sw, sc, sk, sl, sn, se): what is a text among them (tags, holder, application, cursor) is
 * looked up there, with the functions of proto.h.
 *
 * Limits: a key is 1 to PROTO_KEY_MAX bytes, checked here; a value at most proto.value_max, checked here. What the
 * flags of session verbs hold is checked here, too, all of it.
 */
#ifndef CLOAKROOM_PROTO_REQUEST_H
#define CLOAKROOM_PROTO_REQUEST_H

#include "base/bytes.h"

enum { PROTO_KEY_MAX = 250 };

/* Of session verbs; lengths in bytes. */
enum {
    PROTO_APPLICATION_MAX = 64,
    PROTO_HOLDER_MAX = 120,
    PROTO_CURSOR_MAX = 64,
    PROTO_TAG_MAX = 64,
    PROTO_TAGS_MAX = 8, /* of a session */
    PROTO_HANDLE_DIGITS = 16,
    PROTO_PAGE = 100, /* lines of a list, unless told */
    PROTO_PAGE_MAX = 1000,
};

enum meta { META_NONE, META_GET, META_SET, META_DELETE, META_COUNT, META_DEBUG };

enum verb {
    VERB_GET, /* with `touch`: gat */
    VERB_SET, /* never with a cas: that is VERB_CAS */
    VERB_ADD,
    VERB_REPLACE,
    VERB_APPEND,
    VERB_PREPEND,
    VERB_CAS, /* text cas; binary set, add, replace with a cas: store if the key is there with this very cas
               */
    VERB_DELETE,
    VERB_INCR,
    VERB_DECR,
    VERB_TOUCH,
    VERB_FLUSH, /* exptime: the delay, 0 is now */
    VERB_STATS,
    VERB_VERSION,
    VERB_VERBOSITY,
    VERB_SHUTDOWN, /* text only, as are those with words of their own for an answer: see proto_put_line() */
    VERB_MEMLIMIT,
    VERB_DEBUGTIME, /* in the debug profile only */
    VERB_NOOP,
    VERB_QUIT,
    VERB_REFRESH_CERTS,
    VERB_CRAWLER, /* text: lru_crawler; its words are the argument, as those of the next three */
    VERB_SLABS,
    VERB_LRU,
    VERB_WATCH,
    VERB_LOGIN,     /* key: the user, value: the password; both empty when they were not understood */
    VERB_SASL_LIST, /* binary: which mechanisms there are */
    VERB_OPEN,      /* from here on session verbs, text only: so */
    VERB_WRITE,     /* sw */
    VERB_CLOSE,     /* sc */
    VERB_KILL,      /* sk; key: the id, with `by_handle` a handle, with `by_tag` a tag */
    VERB_LIST,      /* sl; no key, as with the two that follow */
    VERB_COUNT,     /* sn */
    VERB_EVENTS,    /* se; the last session verb */
    VERB_REFUSED,   /* nothing to do but to answer request.refusal */
};

/* Why a request was refused by the parser; each dialect has its own words for it. */
enum refusal {
    REFUSAL_NONE,
    REFUSAL_UNKNOWN,       /* ERROR; unknown command */
    REFUSAL_FORMAT,        /* CLIENT_ERROR bad command line format; invalid arguments, and closed */
    REFUSAL_CHUNK,         /* CLIENT_ERROR bad data chunk */
    REFUSAL_TOO_LARGE,     /* SERVER_ERROR object too large for cache; of sw with `excess` */
    REFUSAL_FULL,          /* SERVER_ERROR out of memory storing object: see proto_refuse_value */
    REFUSAL_EXPTIME,       /* CLIENT_ERROR invalid exptime argument */
    REFUSAL_DELTA,         /* CLIENT_ERROR invalid numeric delta argument */
    REFUSAL_DELETE_USAGE,  /* CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply] */
    REFUSAL_LINE_TOO_LONG, /* a line that cannot be a request: answered and closed */
    REFUSAL_HANGUP,        /* no client of ours (HTTP; binary: no magic): closed without an answer */
    REFUSAL_LOGIN,         /* first of all, say who you are; in binary closed, too */
    REFUSAL_LOGIN_END,     /* CLIENT_ERROR bad command line termination */
    REFUSAL_LOGIN_FORMAT,  /* CLIENT_ERROR bad authentication token format */
    REFUSAL_LOGIN_LONG,    /* longer than PROTO_LOGIN_MAX */
    REFUSAL_LOGIN_STEP,    /* SASL: go on by a step */
    /* of meta commands, each CLIENT_ERROR and: */
    REFUSAL_DUPLICATE,   /* duplicate flag */
    REFUSAL_FLAG,        /* invalid flag */
    REFUSAL_TOO_MANY,    /* options flags are too long */
    REFUSAL_TOKEN,       /* bad token in command line format */
    REFUSAL_KEY,         /* error decoding key */
    REFUSAL_INITIAL,     /* invalid numeric initial value */
    REFUSAL_NEW_DELTA,   /* invalid numeric delta value */
    REFUSAL_OPAQUE,      /* opaque token too long */
    REFUSAL_SET_MODE,    /* invalid mode for ms M token */
    REFUSAL_COUNT_MODE,  /* invalid mode for ma M token */
    REFUSAL_COUNT_FLAGS, /* invalid or duplicate flag: ma's word for all but the last two */
    /* of session verbs, besides some of the above: */
    REFUSAL_NO_TOKEN, /* token missing: give K<token> as so answered it */
    REFUSAL_TAGS,     /* too many tags: a session has at most 8 */
};

struct request {
    enum verb verb;
    enum refusal refusal; /* for VERB_REFUSED */
    enum meta meta;
    struct bytes key;   /* as it arrived; also echoed. See key_is_base64 */
    struct bytes value; /* the data block, without its \r\n */
    struct bytes
        argument; /* what follows stats, verbosity and others of the server's own; the flags of a meta command */
    uint32_t flags;          /* the client's own flags */
    uint32_t wait_ms;        /* so: see below */
    int64_t exptime;         /* as the client wrote it: relative, absolute, 0 or negative */
    uint64_t cas;            /* VERB_CAS: compared whatever it is; else (binary) 0 is "any" */
    uint64_t delta;          /* incr, decr */
    uint64_t initial;        /* incr, decr of a key that is not there, when `create` */
    int64_t create_exptime;  /* the life of what `create` makes; as exptime */
    int64_t recache_exptime; /* when `recache`; as exptime */
    uint64_t new_cas;        /* what the written item shows instead of a version; 0: none */
    bool create;             /* incr, decr, get, append, prepend: make the key if it is not there */
    bool touch;              /* get (gat), ma: set exptime too */
    bool create_last;        /* create_exptime has the last word over what is made, not exptime */
    bool recache;            /* mg: who finds an item that ends before recache_exptime is told to renew it */
    bool recache_last;       /* it is asked of exptime, not of the life that the item had */
    bool compare_cas;        /* compare the cas even if it is 0 */
    bool invalidate;         /* md: make it stale; ms: make it stale if the cas is an older one */
    bool drop_value;         /* md: leave it there without a value */
    bool without_value;      /* mg: the answer shows none */
    bool unseen;             /* mg: it does not count as read */
    bool key_is_base64;      /* the key is what that decodes to: proto_key() */
    bool with_cas;           /* text gets, gats: the answer shows the cas */
    bool with_key;           /* binary getk, gatk: the answer shows the key */
    bool replaces;   /* a set: what it may not replace for its size does not stay, unless it is a session */
    bool quiet;      /* text noreply; binary quiet variant: see proto_put_answer */
    bool last;       /* text get: the last key of its line, after which END is due */
    bool close;      /* close once the answer is out */
    uint8_t opcode;  /* binary: echoed */
    uint32_t opaque; /* binary: echoed, never interpreted */

    /* Of session verbs. so has wait_ms, when `has_wait`: how long to wait for the lease, 0: not at all. With
     * `has_token` cas is the token's version and delta its fence. With `touch` exptime is the idle life to begin anew.
     * sw has flags, 0 unless told, and with `create` create_exptime: seconds from when the session was made, 0: no
     * end. */
    uint32_t lease_s; /* so: how long to hold it at most; 0: as long as the connection */
    uint32_t grace_s; /* sc, when `succeeds`: how long its content stays readable */
    uint32_t made_s;  /* sw, when `has_age`: so long ago it was made */
    uint64_t
        revision; /* sw, sc, sk, when `has_revision`: of its writer, by which copies on several servers are told apart */
    uint64_t excess; /* sw that is refused as too large: by so many bytes */
    uint32_t page;   /* sl, se: how many lines at most, 1 to PROTO_PAGE_MAX */
    bool has_wait;
    bool has_token; /* sw, sc: always, unless `has_revision` */
    bool has_revision;
    bool has_age;
    bool tells_copy; /* so: what another server needs to have a copy of it is told, too */
    bool succeeds;   /* sc: another id has succeeded it; sk: another may, with this token */
    bool read_only;  /* so: take no lease */
    bool must_exist; /* so: make nothing */
    bool keep_lease; /* sw */
    bool is_bot;     /* so, sw */
    bool by_handle;  /* sk, sl */
    bool is_held;    /* sl: only those that are held */
    bool by_tag;     /* sk */
    bool has_tags;   /* sw: its tags, perhaps none, replace those there are; sl, sn: only what has the tag */
};

enum status {
    STATUS_OK,         /* hit, stored, deleted, touched, done; stats: reset */
    STATUS_MISS,       /* no such key; stats: no such argument */
    STATUS_NOT_STORED, /* a condition of add, replace, append, prepend did not hold */
    STATUS_EXISTS,     /* the cas did not match */
    STATUS_BUSY,       /* so: another holds the lease */
    STATUS_GONE,       /* so, sw: it has been killed or succeeded */
    STATUS_TOO_LARGE,
    STATUS_FULL,      /* out of memory storing object */
    STATUS_DISK_FULL, /* nothing has changed; goes on when there is room again */
    STATUS_READ_ONLY, /* the disk has failed */
    STATUS_LOADING,   /* what lies on disk is still being read */
    STATUS_NON_NUMERIC,
    STATUS_DENIED,  /* this listener does not allow the command; login: no such user and password */
    STATUS_REFUSED, /* request.refusal says why */
};

struct answer {
    enum status status;
    uint64_t cas;     /* of a hit; of what was stored, or counted */
    uint64_t number;  /* the new value after incr, decr; how many sk has killed, sn has counted */
    uint32_t flags;   /* of a hit; binary touch shows them too */
    size_t value_len; /* of a hit; of what was stored */

    /* For meta commands. Times left in seconds, -1: for ever. */
    int64_t ttl_s;         /* as it was found */
    int64_t touched_ttl_s; /* as exptime has it */
    int64_t created_ttl_s; /* as create_exptime has it */
    uint32_t idle_s;       /* since it was last read or written */
    uint64_t size;         /* what it takes, all told */
    bool is_created;
    bool was_fetched;
    bool is_stale;
    bool was_won; /* somebody else has been told to renew it */
    bool has_won; /* this one is told */

    /* For session verbs: see proto_put_answer(). */
    uint64_t token_version;
    uint64_t token_fence;
    uint64_t held_ms;         /* busy: since the holder has had it */
    struct bytes holder;      /* busy: what it says of itself, at most PROTO_HOLDER_MAX bytes; or empty */
    uint32_t waiting;         /* busy: how many wait for it */
    uint32_t waited_ms;       /* opened: how long that took */
    uint32_t age_s;           /* of a hit: since it was created */
    uint64_t revision;        /* when has_revision */
    const struct bytes *tags; /* of a hit, when has_revision: as long as it is being composed */
    size_t ntags;
    uint32_t life_s;   /* of a hit, when has_revision: from when it was made; 0: no end */
    bool is_held;      /* read, and its revision was asked for: somebody has the lease */
    bool has_revision; /* opened, and its revision was asked for: there is one, or a marker */
    bool has_token;    /* opened with a lease; written, and the lease was kept */
    bool is_succeeded; /* of a hit: the old one, readable for a while, of a session that has a new id */
};

#endif
