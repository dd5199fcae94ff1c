/*
 * conn: one connection, from accept to close.
 *
 *      conn_open() ─> READING ──all answered──> READING …
 *                        │  an op is pending ─> WAITING ──woken──> READING
 *                        │  the peer takes no more ─> WRITING ──taken──> READING
 *                        │  it has had its share of this turn ─> YIELDED ──next turn──> READING
 *                        │  it has become a watcher ─> WATCHING ─> WRITING … (watch.h)
 *                        │  its answers wait for the disk ─> SYNCING ──synced──> READING   (turn.h)
 *                        └─ end, error, quit ─> GONE (freed after the turn, or after its last mail)
 *
 * Promise: answers leave in the order of the requests. While it waits or writes it reads no further, so what
 * one peer can make the server hold is bounded: one read's worth of requests or one long one, one flush
 * mark's and one value's worth of answers.
 *
 * Ownership: belongs to its worker; the engine may hold its op while WAITING.
 * Threads: its worker's.
 */
#ifndef CLOAKROOM_SERVER_CONN_H
#define CLOAKROOM_SERVER_CONN_H

#include "engine/engine.h"
#include "net/loop.h"
#include "net/transport.h"
#include "proto/proto.h"
#include "server/buffer.h"
#include "server/worker.h"

enum conn_state {
    CONN_READING,
    CONN_WRITING,
    CONN_WAITING,
    CONN_YIELDED,
    CONN_SYNCING,
    CONN_WATCHING,
    CONN_GONE
};

struct dump;
struct listing;
struct watcher;

struct conn {
    struct loop_source source;
    struct loop_timer wait_timer; /* of a pending op */
    struct loop_mail mail; /* arrival at its worker; later: its op can go on, or it has its turn again */
    struct transport transport;
    struct loop_timer shake_timer; /* for its handshake */
    struct worker *worker;
    enum conn_state state;
    unsigned role;          /* 0 until its user has logged in */
    unsigned listener_role; /* what its role becomes then */
    uint32_t events;        /* what the loop watches */
    uint8_t nwrong_logins;
    bool is_last;      /* close once the answers are out */
    bool is_datagram;  /* it came as one, and ends with its answer: see udp.h */
    bool is_owed_mail; /* its mail is on the way: free it when that has come */
    struct proto proto;
    struct buffer in;
    struct buffer out;
    struct engine_client client;
    struct request request; /* the one under way */
    struct op op;
    struct op_session session; /* of the op, if it is one of a session verb */
    char key[PROTO_KEY_MAX];   /* its key, if the request has an encoded one */
    struct watcher *watcher;   /* it is one: see watch.h; else NULL */
    uint8_t closing;           /* why it closes: enum event_closed */
    struct dump *dump;         /* the answer under way, see dump.h; else NULL */
    struct listing *listing;   /* the same, see listing.h */
    uint32_t wait_left_ms;     /* of a pending op, from when its timer fires */
    struct conn *next_in_turn; /* have run in this turn, or wait for the disk: see turn.h */
    uint64_t ticket;           /* its answers wait for this to be synced */
    bool is_to_go_on;          /* there was more to carry out when its run ended */
    bool has_kept_input;       /* half a request, where it is to stay */
    struct conn *next;         /* among its worker's connections (roll.h) or in the graveyard */
    struct conn *prev;
    _Atomic uint32_t
        busy_s; /* when it last sent or took something; this and the next two are for others to see */
    _Atomic uint8_t seen_state;
    _Atomic bool seen_amid;
};

/* Takes over an accepted descriptor and hands it to `worker`, perhaps another thread's. Closes it when
 * there is no memory. */
void conn_open(struct worker *worker, int fd, const struct listener *listener, struct worker *from);

/* Closes it now; safe at any time of a turn. */
void conn_close(struct conn *conn);

/* Runs the connections that have read in this turn. They read first and run later so that the engine can
 * fetch what they all need at once. After the events of each turn. */
void conn_run_batch(struct worker *worker);

/* Its answers may leave: sends them, and goes on or waits for more. */
void conn_answer(struct conn *conn);

/* It is a watcher, and time for more lines. */
void conn_go_on_watching(struct conn *conn);

/* They have to wait for the disk: puts by what lies in buffers shared with others. False: it had to be closed. */
bool conn_put_by(struct conn *conn);

/* Room for PROTO_ANSWER_MAX bytes behind the answers so far; the caller adds to conn->out.len what it
 * used. NULL when there is no buffer: the peer then cannot be answered, so this was its last request. */
char *conn_answer_room(struct conn *conn);

/* For struct op: has the connection's own thread resume its op. From any thread. */
void conn_wake(struct op *op);

#endif
