/*
 * transport: how bytes get in and out of a connection, so that TLS can take the place of the plain socket.
 *
 * What is not the plain socket may hold bytes that epoll does not tell of: see has_more.
 *
 * Ownership: transport_close() closes the descriptor.
 * Threads: one at a time.
 */
#ifndef CLOAKROOM_NET_TRANSPORT_H
#define CLOAKROOM_NET_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ssl_st;
struct tls;
struct transport;

/* More than 0: so many bytes. Otherwise one of these. AGAIN_WRITE is a read that cannot go on before the socket takes
 * bytes. */
enum { TRANSPORT_CLOSED = 0, TRANSPORT_AGAIN = -1, TRANSPORT_FAILED = -2, TRANSPORT_AGAIN_WRITE = -3 };

struct transport_ops {
    ssize_t (*read)(struct transport *transport, char *to, size_t len);
    ssize_t (*write)(struct transport *transport, const char *from, size_t len);
    void (*close)(struct transport *transport);
};

struct transport {
    const struct transport_ops *ops;
    int fd;
    bool is_shaking; /* its handshake is not over */
    bool has_more; /* the last read left something that the socket does not show: read again before waiting */
    struct ssl_st *ssl;
};

/* A connected, non-blocking socket as it is. */
void transport_init_plain(struct transport *transport, int fd);

/* The same, encrypted; the handshake is part of the first reads. False: no memory, and the descriptor stays open. */
bool transport_init_tls(struct transport *transport, int fd, struct tls *tls);

static inline ssize_t transport_read(struct transport *transport, char *to, size_t len)
{
    return transport->ops->read(transport, to, len);
}

static inline ssize_t transport_write(struct transport *transport, const char *from, size_t len)
{
    return transport->ops->write(transport, from, len);
}

static inline void transport_close(struct transport *transport)
{
    transport->ops->close(transport);
}

#endif
