/* The plain socket, see transport.h. */
#include "net/transport.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t result_of(ssize_t n)
{
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? TRANSPORT_AGAIN : TRANSPORT_FAILED;
}

static ssize_t plain_read(struct transport *transport, char *to, size_t len)
{
    return result_of(recv(transport->fd, to, len, 0));
}

static ssize_t plain_write(struct transport *transport, const char *from, size_t len)
{
    return result_of(send(transport->fd, from, len, MSG_NOSIGNAL));
}

static void plain_close(struct transport *transport)
{
    close(transport->fd);
    transport->fd = -1;
}

void transport_init_plain(struct transport *transport, int fd)
{
    static const struct transport_ops plain = {
        .read = plain_read, .write = plain_write, .close = plain_close};
    *transport = (struct transport){.ops = &plain, .fd = fd};
}
