/*
 * client: one blocking connection to a server; what the tool and the PHP extension speak through.
 *
 *      client_open() -> client_send() -> client_read_line(), client_read_value() ... -> client_finish()
 *                         ^                                                                 |
 *                         +-----------------------------------------------------------------+
 *
 * Promise: every call ends within its time: connecting within connect_ms, and sending, each line and each
 * value within answer_ms, however slowly bytes drip in. An answer belongs to its request: whatever would
 * bring the two out of step (a time-out, an answer not read to its end, bytes that nobody asked for, what is
 * no protocol) closes the connection, and nothing is read from it again. Before anything of a request is
 * sent, it is looked whether the server has closed meanwhile: ERR_CLOSED from client_send() on a connection
 * that was idle means that the server has seen nothing of the request.
 *
 * Ownership: the struct is the caller's, in any memory; zeroed is closed. The socket belongs to it from
 * client_open() to client_close() or the first failure. Lines are borrowed, until the next call.
 * Threads: one at a time for one client; nothing is shared between two.
 * Limits: lines of CLIENT_LINE_MAX bytes; connect.h says what of connecting to a name is not bounded here.
 * Failure: each closes; `error` then has one line that names the server, what is wrong and what to do. Later
 * calls give ERR_CLOSED and leave that line as it is.
 */
#ifndef CLOAKROOM_CLIENT_CLIENT_H
#define CLOAKROOM_CLIENT_CLIENT_H

#include "base/bytes.h"
#include "base/err.h"
#include "client/channel.h"

enum {
    CLIENT_LINE_MAX = 2048,      /* of an answer's line, its end not counted */
    CLIENT_BUFFER_BYTES = 16384, /* read ahead at most */
    CLIENT_PARTS_MAX = 8,        /* of a request */
    CLIENT_SERVER_SHOWN_MAX = 128,
    CLIENT_ERROR_MAX = 512
};

struct client_limits {
    uint32_t connect_ms;
    uint32_t answer_ms;
};

struct client {
    char error[CLIENT_ERROR_MAX]; /* after a failure: one line, no newline, fit to be shown */

    /* Private. */
    bool is_open;
    bool is_asked; /* from client_send() to client_finish() */
    struct channel channel;
    uint32_t answer_ms;
    size_t begin, end; /* what is read ahead lies between them in `buffer` */
    char server[CLIENT_SERVER_SHOWN_MAX];
    char buffer[CLIENT_BUFFER_BYTES];
};

/* Connects to `server`, in one of the forms of address.h. ERR_USAGE: the address is none; ERR_SYSTEM or
 * ERR_TIMEOUT: nobody can be reached there. The struct needs no preparation, and must not be open. */
enum err client_open(struct client *client, const char *server, struct client_limits limits) ERR_MUST_CHECK;

/* The same where an address that address_parse() has taken apart says; `shown` stands in errors for it. */
enum err client_open_address(struct client *client, const char *shown, const struct address *address,
                             struct client_limits limits) ERR_MUST_CHECK;

bool client_is_open(const struct client *client);

/* From the next call on. */
void client_set_answer_ms(struct client *client, uint32_t answer_ms);

/* Is it still good, as far as can be seen? As client_send() looks before it sends. */
enum err client_look(struct client *client) ERR_MUST_CHECK;

/* Takes NULL, a zeroed client and a closed one, too. */
void client_close(struct client *client);

/* Sends one request, or several at once whose answers are then read in order; its bytes stand in up to
 * CLIENT_PARTS_MAX parts, so that a value need not be copied behind its head. */
enum err client_send(struct client *client, const struct bytes *parts, size_t n) ERR_MUST_CHECK;

/* The same, where the answer names its request and the caller looks at that: what nobody has asked for is then not looked
 * for on a unix socket, which tells of its end by itself. It saves a system call for each request. */
enum err client_send_numbered(struct client *client, const struct bytes *parts, size_t n) ERR_MUST_CHECK;

/* The next line of the answer, without its \r\n. */
enum err client_read_line(struct client *client, struct bytes *ret_line) ERR_MUST_CHECK;

/* The same for a line of `lru_crawler metadump`, which memcached ends with \n alone. */
enum err client_read_dump_line(struct client *client, struct bytes *ret_line) ERR_MUST_CHECK;

/* The next `len` bytes of the answer into `to`, and the \r\n behind them, which is not stored. After a
 * failure the bytes at `to` are undefined. */
enum err client_read_value(struct client *client, char *to, size_t len) ERR_MUST_CHECK;

/* The answer was read to its end; anything more fails with ERR_PROTOCOL. */
enum err client_finish(struct client *client) ERR_MUST_CHECK;

/* Is this line the protocol's way to refuse: ERROR, CLIENT_ERROR or SERVER_ERROR? Such a line is the whole
 * answer, and leaves the connection in step. */
bool client_is_refusal(struct bytes line);

/* The caller has read a line that is no answer to its request: closes, and says in `error` what was read and
 * what kind of server it looks like. Always ERR_PROTOCOL. */
enum err client_reject(struct client *client, struct bytes line);

#endif
