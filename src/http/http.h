/*
 * http: what operators ask over HTTP: health, metrics, a JSON API about sessions, and the dashboard's files.
 *
 *      http_new()  ── http_start() ── http_open_tokens() ── … ── http_reload() ── … ── http_free()
 *      reads the     a thread of      from here on who has
 *      certificate   its own serves   a token is let in
 *
 * Promise: one thread serves, and never disturbs those that serve clients: it holds their locks for no longer than a
 * look at a few sessions, and what takes longer goes on in pieces, between which others are answered. No value and no
 * id of a session is served. What is shown can be acknowledged (S1): it waits for the disk where a client would.
 * Nobody without a token gets more than health, the description of the API and the dashboard's files; nothing is served
 * under a foreign name (Host), nor to pages from elsewhere (Origin).
 *
 * Ownership: texts of the config belong to the caller and outlive the struct http, as does the listening socket.
 * Threads: all functions from one, but what `host` has, which the HTTP thread calls.
 * Limits: HTTP_CONNECTIONS_MAX connections, 16 KiB of headers, 4 KiB of body, 20 s for a request and its answer.
 * Failure: one line in `error` of HTTP_ERROR_MAX bytes that says what to do; no client can cause one.
 */
#ifndef CLOAKROOM_HTTP_HTTP_H
#define CLOAKROOM_HTTP_HTTP_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { HTTP_ERROR_MAX = 512, HTTP_CONNECTIONS_MAX = 32, HTTP_DESCRIPTORS = HTTP_CONNECTIONS_MAX + 8 };

struct engine;
struct http;

/* What only the server knows. */
struct http_facts {
    const char *version;
    uint64_t uptime_s;
    uint64_t connections;
    uint64_t connections_max;
    bool no_evict;
    bool evict_sessions;
    bool has_disk;
    uint64_t disk_free; /* bytes; of the file system of --data */
};

struct http_host {
    void *arg;
    struct engine *(*engine)(void *arg);
    void (*facts)(void *arg, struct http_facts *ret);
    /* What `stats` shows, line by line. */
    void (*stats)(void *arg, void (*line)(void *to, struct bytes name, struct bytes value), void *to);
};

struct http_config {
    int fd;                   /* listening */
    const char *address;      /* as it was given, without a port; NULL: a unix socket */
    const char *const *names; /* more names that are ours, in Host */
    size_t nnames;
    const char *token_file;
    const char *cert; /* files, PEM; NULL: no TLS */
    const char *key;
    const struct clock *clock;
    struct http_host host;
};

/* Reads the certificate. */
enum err http_new(const struct http_config *config, struct http **ret, char *error) ERR_MUST_CHECK;
enum err http_start(struct http *http, char *error) ERR_MUST_CHECK;

/* Reads the tokens, and makes those that are not there if `may_make`. */
enum err http_open_tokens(struct http *http, bool may_make, char *error) ERR_MUST_CHECK;

/* Reads certificate and key again; what is not good changes nothing. Open connections are closed. */
enum err http_reload(struct http *http, char *error) ERR_MUST_CHECK;

/* Ends the thread and all connections. Takes one that never started, and NULL. */
void http_free(struct http **http);

#endif
