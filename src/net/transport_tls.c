/*
 * The encrypted socket, see transport.h. The handshake happens in the first reads, so that it waits as they do.
 *
 * Renegotiation is off, so a write never waits for something to read; a read may wait for room to write, in the
 * handshake and when the peer changes its key.
 */
#include "net/tls_private.h"
#include "net/transport.h"

#include <openssl/err.h>
#include <unistd.h>

static ssize_t why_no_read(struct transport *transport, int result)
{
    switch (SSL_get_error(transport->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TRANSPORT_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        return TRANSPORT_AGAIN_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TRANSPORT_CLOSED;
    default:
        return TRANSPORT_FAILED;
    }
}

/* Reads until `to` is full or OpenSSL holds nothing more: epoll tells of the socket only. What it holds when `to` is
 * full, or what went wrong behind good bytes, has to be asked for without waiting. */
static ssize_t tls_read(struct transport *transport, char *to, size_t len)
{
    SSL *ssl = transport->ssl;
    size_t n = 0;
    transport->has_more = false;
    while (n < len) {
        size_t got = 0;
        ERR_clear_error();
        int result = SSL_read_ex(ssl, to + n, len - n, &got);
        transport->is_shaking = transport->is_shaking && !SSL_is_init_finished(ssl);
        if (result != 1) {
            ssize_t why = why_no_read(transport, result);
            transport->has_more = n > 0 && why != TRANSPORT_AGAIN;
            return n > 0 ? (ssize_t)n : why;
        }
        n += got;
        if (!SSL_has_pending(ssl))
            return (ssize_t)n;
    }
    transport->has_more = true;
    return (ssize_t)n;
}

static ssize_t tls_write(struct transport *transport, const char *from, size_t len)
{
    size_t done = 0;
    ERR_clear_error();
    int result = SSL_write_ex(transport->ssl, from, len, &done);
    if (result == 1)
        return (ssize_t)done;
    return SSL_get_error(transport->ssl, result) == SSL_ERROR_WANT_WRITE ? TRANSPORT_AGAIN : TRANSPORT_FAILED;
}

static void tls_close(struct transport *transport)
{
    if (!transport->is_shaking)
        (void)SSL_shutdown(transport->ssl); /* says goodbye, if there is room for it */
    SSL_free(transport->ssl);
    ERR_clear_error();
    close(transport->fd);
    transport->ssl = NULL;
    transport->fd = -1;
}

bool transport_init_tls(struct transport *transport, int fd, struct tls *tls)
{
    static const struct transport_ops ops = {.read = tls_read, .write = tls_write, .close = tls_close};
    SSL *ssl = tls_accept(tls);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return false;
    }
    *transport = (struct transport){.ops = &ops, .fd = fd, .ssl = ssl, .is_shaking = true};
    return true;
}
