/*
 * call: one request and its answer.
 *
 *      READING ── whole ──> begins ── CALL_DONE ───────────────────────────────────────────> answered
 *                              │                                                                ↑
 *                              └ CALL_MORE: put aside (MHD suspends it), goes on a piece a turn ┘ then as CALL_DONE
 *
 * What it tells or has changed may not be safe yet (S1): `unwritten`, as of an op, is committed before it is answered.
 *
 * Ownership: the daemon's, from the request's first line until MHD has done with it; `job` is freed with it.
 * Threads: the HTTP thread.
 */
#ifndef CLOAKROOM_HTTP_CALL_H
#define CLOAKROOM_HTTP_CALL_H

#include "engine/engine.h"
#include "http/token.h"

#include <jansson.h>
#include <microhttpd.h>

enum { CALL_BODY_MAX = 4096, CALL_PATH_MAX = 256, CALL_COOKIE_MAX = 256, CALL_SAFETY_POLL_MS = 5 };

#define CALL_COOKIE "cloakroom"

struct http;
struct login;
struct page;
struct route;

enum call_step { CALL_DONE, CALL_MORE };

struct reply {
    unsigned status;
    const char *type;
    char *text; /* freed; NULL: `page`, or nothing */
    size_t len;
    const struct page *page;
    const char *allow; /* methods, of a 405 */
    char cookie[CALL_COOKIE_MAX];
};

struct call {
    struct http *http;
    struct MHD_Connection *connection;
    char method[8];
    char path[CALL_PATH_MAX];
    const struct route *route;
    enum http_role role;
    const struct login *login; /* it came with that cookie; NULL: with a token, or nothing */
    size_t body_len;
    bool has_begun;
    bool is_aside;
    bool is_too_large;
    uint64_t not_before_ns; /* it waits so long; 0: it does not */
    uint64_t unwritten;
    uint64_t ticket; /* waits for the disk; 0: it does not */
    enum call_step (*go_on)(struct call *call);
    void *job;    /* the route's; freed with the call, as is the next */
    json_t *list; /* what it has gathered */
    struct reply reply;
    struct call *next; /* those that are aside */
    char body[CALL_BODY_MAX];
};

/* The daemon's. */
struct call *call_new(struct http *http, struct MHD_Connection *connection, const char *path,
                      const char *method);
void call_free(struct call *call);
/* A piece of its work, or of its waiting. True: it can be answered. */
bool call_run(struct call *call, uint64_t now_ns);
/* Hands reply to MHD. */
enum MHD_Result call_answer(struct call *call);

/* For routes. Each returns CALL_DONE. `json` is taken; NULL: out of memory. */
enum call_step call_json(struct call *call, unsigned status, json_t *json);
enum call_step call_text(struct call *call, const char *type, char *text, size_t len);
enum call_step call_page(struct call *call, const struct page *page);
enum call_step call_refuse(struct call *call, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A header, or a word behind the `?`. False: there is none; ret is then empty. */
bool call_header(struct call *call, const char *name, struct bytes *ret);
bool call_argument(struct call *call, const char *name, struct bytes *ret);
/* One with a number; *ret stays when there is none. False: it is none, or out of bounds, and that has been answered. */
bool call_number(struct call *call, const char *name, uint64_t min, uint64_t max, uint64_t *ret);

/* What stands behind the route's path. */
struct bytes call_rest(const struct call *call);

struct engine *call_engine(const struct call *call);
uint64_t call_now_ns(const struct call *call);

/* Text of a client's as JSON: what is no UTF-8 shows as U+FFFD. */
json_t *call_string(struct bytes text);

#endif
