/*
 * transport: how bytes get in and out of a connection, so that TLS can take the place of the plain socket.
 *
 * Ownership: transport_close() closes the descriptor.
 * Threads: one at a time.
 */
#ifndef CLOAKROOM_NET_TRANSPORT_H
#define CLOAKROOM_NET_TRANSPORT_H

#include <stddef.h>
#include <sys/types.h>

struct transport;

/* More than 0: so many bytes. Otherwise one of these. */
enum { TRANSPORT_CLOSED = 0, TRANSPORT_AGAIN = -1, TRANSPORT_FAILED = -2 };

struct transport_ops {
    ssize_t (*read)(struct transport *transport, char *to, size_t len);
    ssize_t (*write)(struct transport *transport, const char *from, size_t len);
    void (*close)(struct transport *transport);
};

struct transport {
    const struct transport_ops *ops;
    int fd;
};

/* A connected, non-blocking socket as it is. */
void transport_init_plain(struct transport *transport, int fd);

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
