/*
 * web: HTTP as settings ask for it: where, with which files, and what it is told about the server; see http/http.h.
 *
 *      web_open()            web_start()             web_complete()
 *      as root: socket,      workers are there,      the store is loaded:
 *      certificate           /health answers         tokens are made
 *
 * HTTP that was not asked for must not keep the server from starting: main goes on without, and says why.
 *
 * Threads: all functions from main's.
 * Failure: one line in `error` that says what to do.
 */
#ifndef CLOAKROOM_SERVER_WEB_H
#define CLOAKROOM_SERVER_WEB_H

#include "base/err.h"
#include "http/http.h"
#include "server/listener.h"

enum { WEB_ERROR_MAX = HTTP_ERROR_MAX + 128, WEB_ADDRESS_MAX = 256, WEB_SHOWN_MAX = 320 };

struct server;

struct web {
    struct http *http;         /* NULL: none */
    struct listener *listener; /* one, or NULL */
    char *token_file;
    char address[WEB_ADDRESS_MAX]; /* without a port; "": a unix socket */
    bool is_plain;                 /* and others than this machine may be on the way */
};

enum err web_open(struct web *web, struct server *server, char *error) ERR_MUST_CHECK;
enum err web_start(struct web *web, char *error) ERR_MUST_CHECK;
enum err web_complete(struct web *web, char *error) ERR_MUST_CHECK;
/* Where it is, for people; "": nowhere. */
void web_tell_address(const struct web *web, char *ret, size_t size);
/* SIGHUP: reads the tokens, certificate and key again. */
enum err web_reload(struct web *web, char *error) ERR_MUST_CHECK;
/* Before the workers end. Takes one that was never opened. */
void web_close(struct web *web);

#endif
