/*
 * channel: bytes to and from a server, in the clear or under TLS; private to client.
 *
 * Promise: nothing here waits but channel_open() and channel_receive(), which end within their time. Under TLS (1.2 and newer) the server's
 * certificate is verified, and that it is for the name that was asked for, unless the address says verify=0; SIGPIPE is
 * not raised. Closing tells the server nothing: a forked child must be able to close what its parent goes on with.
 * Ownership: the struct is the caller's; what was opened is to be closed.
 * Failure: channel_open() has a line in `error` that says what is wrong and what to do, without naming the address. The
 * others: -1 and errno, EAGAIN when one has to wait for `wanted`, ETIMEDOUT, EACCES when the server wants a certificate.
 */
#ifndef CLOAKROOM_CLIENT_CHANNEL_H
#define CLOAKROOM_CLIENT_CHANNEL_H

#include "client/address.h"

#include <stddef.h>
#include <sys/uio.h>

enum { CHANNEL_ERROR_MAX = 320 };

struct channel {
    int fd;
    short wanted;         /* POLLIN or POLLOUT, after EAGAIN */
    uint32_t patience_ms; /* for so long the system itself waits when asked to receive; 0: it does not */
    bool
        tells_of_end; /* what is sent when the server has closed fails, and is seen by nobody: a unix socket */
    struct ssl_st *ssl; /* NULL: in the clear */
    struct bio_method_st *method;
};

/* `answer_ms`: how long answers will mostly be waited for; any other wait costs a system call more. */
enum err channel_open(struct channel *channel, const struct address *address, uint32_t within_ms,
                      uint32_t answer_ms, char *error) ERR_MUST_CHECK;
void channel_close(struct channel *channel);

/* As sendmsg() would. */
ssize_t channel_send(struct channel *channel, struct iovec *parts, size_t n);

/* As readv() would, when something has come; at least one part has room. 0: the server has closed. */
ssize_t channel_receive(struct channel *channel, struct iovec *parts, size_t n, uint64_t deadline_ns);

/* What has arrived, without taking it. */
ssize_t channel_peek(struct channel *channel, char *to, size_t len);

#endif
