/* Sending and receiving, in the clear or by OpenSSL, see channel.h. */
#include "client/channel.h"
#include "client/connect.h"
#include "client/deadline.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { RECORD_BYTES = 16384 /* of TLS, at most */ };

/* ---- what OpenSSL reads and writes through: its own would raise SIGPIPE ---- */

static int fd_of(BIO *bio)
{
    return (int)(intptr_t)BIO_get_data(bio);
}

static int bio_write(BIO *bio, const char *from, int len)
{
    BIO_clear_retry_flags(bio);
    ssize_t n = send(fd_of(bio), from, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)n;
}

static int bio_read(BIO *bio, char *to, int len)
{
    BIO_clear_retry_flags(bio);
    ssize_t n = recv(fd_of(bio), to, (size_t)len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    return (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *p)
{
    (void)bio, (void)number, (void)p;
    return command == BIO_CTRL_FLUSH;
}

/* NULL: no memory. */
static BIO *bio_new(struct channel *channel)
{
    channel->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
    if (channel->method == NULL)
        return NULL;
    BIO_meth_set_write(channel->method, bio_write);
    BIO_meth_set_read(channel->method, bio_read);
    BIO_meth_set_ctrl(channel->method, bio_control);
    BIO *bio = BIO_new(channel->method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, (void *)(intptr_t)channel->fd);
    BIO_set_init(bio, 1);
    return bio;
}

/* ---- the handshake ---- */

static enum err refuse_tls(char *error, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    snprintf(error, CHANNEL_ERROR_MAX, "%s: %s", what, reason != NULL ? reason : "OpenSSL does not say why");
    return ERR_SYSTEM;
}

static const char *name_of(const struct address *address)
{
    return address->tls.name[0] != '\0' ? address->tls.name : address->host;
}

static bool is_ip(const char *name)
{
    unsigned char room[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, room) == 1 || inet_pton(AF_INET6, name, room) == 1;
}

static bool set_name(SSL *ssl, const struct address *address)
{
    const char *name = name_of(address);
    if (is_ip(name)) /* has no SNI */
        return address->tls.is_unverified || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    return SSL_set_tlsext_host_name(ssl, name) == 1 &&
           (address->tls.is_unverified || SSL_set1_host(ssl, name) == 1);
}

static enum err set_up(SSL_CTX *context, const struct address_tls *tls, char *error)
{
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_quiet_shutdown(context, 1);
    SSL_CTX_set_verify(context, tls->is_unverified ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (!tls->is_unverified && tls->ca[0] == '\0' && SSL_CTX_set_default_verify_paths(context) != 1)
        return refuse_tls(error, "the system's certificates cannot be read; give ca=");
    if (tls->ca[0] != '\0' && SSL_CTX_load_verify_locations(context, tls->ca, NULL) != 1)
        return refuse_tls(error, "the file of ca= cannot be read, or has no certificate in it");
    if (tls->cert[0] != '\0' && SSL_CTX_use_certificate_chain_file(context, tls->cert) != 1)
        return refuse_tls(error, "the file of cert= cannot be read, or has no certificate in it");
    if (tls->key[0] != '\0' && SSL_CTX_use_PrivateKey_file(context, tls->key, SSL_FILETYPE_PEM) != 1)
        return refuse_tls(error, "the file of key= cannot be read, or is not the key of cert=");
    return ERR_NONE;
}

static enum err explain(const SSL *ssl, const struct address *address, char *error)
{
    long verified = SSL_get_verify_result(ssl);
    unsigned long code = ERR_peek_error();
    if (!address->tls.is_unverified &&
        (verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH))
        snprintf(error, CHANNEL_ERROR_MAX,
                 "its certificate is for another name than %.120s; correct the address, or give the name "
                 "with name=",
                 name_of(address));
    else if (!address->tls.is_unverified && verified != X509_V_OK)
        snprintf(error, CHANNEL_ERROR_MAX,
                 "its certificate is not trusted: %s; give the certificate of who has signed it with ca=",
                 X509_verify_cert_error_string(verified));
    else if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER)
        snprintf(error, CHANNEL_ERROR_MAX,
                 "it does not speak TLS there; write tcp:// if that is meant, or start cloakroomd with -Z");
    else if (code == 0)
        snprintf(error, CHANNEL_ERROR_MAX,
                 "it ended the connection in the middle of the handshake; does it speak TLS there?");
    else
        return refuse_tls(error, "no agreement on TLS");
    return ERR_SYSTEM;
}

static short wanted_by(int ssl_error)
{
    return ssl_error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
}

static enum err shake_hands(struct channel *channel, const struct address *address, uint64_t deadline_ns,
                            char *error)
{
    for (;;) {
        ERR_clear_error();
        int n = SSL_connect(channel->ssl);
        int why = SSL_get_error(channel->ssl, n);
        if (n == 1)
            return ERR_NONE;
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            return explain(channel->ssl, address, error);
        enum err err = deadline_wait(deadline_ns, channel->fd, wanted_by(why));
        if (err == ERR_TIMEOUT)
            snprintf(error, CHANNEL_ERROR_MAX,
                     "no TLS handshake in time; the server hangs, or does not speak TLS there");
        else if (err != ERR_NONE)
            snprintf(error, CHANNEL_ERROR_MAX, "cannot wait: %s", strerror(errno));
        if (err != ERR_NONE)
            return err;
    }
}

static enum err secure(struct channel *channel, const struct address *address, uint64_t deadline_ns,
                       char *error)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL)
        return refuse_tls(error, "OpenSSL cannot begin");
    enum err err = set_up(context, &address->tls, error);
    channel->ssl = err == ERR_NONE ? SSL_new(context) : NULL;
    SSL_CTX_free(context);
    if (err != ERR_NONE)
        return err;
    BIO *bio = channel->ssl != NULL ? bio_new(channel) : NULL;
    if (bio == NULL)
        return refuse_tls(error, "OpenSSL cannot begin");
    SSL_set_bio(channel->ssl, bio, bio);
    if (!set_name(channel->ssl, address))
        return refuse_tls(error, "the server's name cannot be asked for");
    return shake_hands(channel, address, deadline_ns, error);
}

/* In the clear one system call then does for two. A system that cannot is waited for by poll(). */
static void set_patience(struct channel *channel, uint32_t ms)
{
    struct timeval patience = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    if (ms > 0 && setsockopt(channel->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0)
        channel->patience_ms = ms;
}

enum err channel_open(struct channel *channel, const struct address *address, uint32_t within_ms,
                      uint32_t answer_ms, char *error)
{
    static_assert((int)CHANNEL_ERROR_MAX >= (int)CONNECT_ERROR_MAX, "what connect_open() says fits");
    uint64_t deadline_ns = deadline_in(within_ms);
    *channel = (struct channel){.wanted = POLLIN};
    enum err err = connect_open(address, within_ms, &channel->fd, error);
    if (err == ERR_NONE && !address->is_tls) {
        set_patience(channel, answer_ms);
        channel->tells_of_end = address->kind == ADDRESS_UNIX;
    }
    if (err != ERR_NONE || !address->is_tls)
        return err;
    err = secure(channel, address, deadline_ns, error);
    if (err != ERR_NONE)
        channel_close(channel);
    return err;
}

void channel_close(struct channel *channel)
{
    SSL_free(channel->ssl);
    BIO_meth_free(channel->method);
    channel->ssl = NULL;
    channel->method = NULL;
    close(channel->fd);
}

/* ---- bytes ---- */

/* What OpenSSL answered that has moved nothing. */
static ssize_t fail_as(struct channel *channel, int result)
{
    int why = SSL_get_error(channel->ssl, result);
    bool is_over =
        why == SSL_ERROR_ZERO_RETURN ||
        (why == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING);
    if (is_over)
        return 0;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        channel->wanted = wanted_by(why);
        errno = EAGAIN;
    } else if (why == SSL_ERROR_SSL &&
               ERR_GET_REASON(ERR_peek_error()) == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED) {
        errno = EACCES;
    } else if (why != SSL_ERROR_SYSCALL || errno == 0) {
        errno = EPROTO;
    }
    return -1;
}

/* A part alone, when it fills a record; else as many as fit, copied together. */
static ssize_t send_secured(struct channel *channel, const struct iovec *parts, size_t n)
{
    char record[RECORD_BYTES];
    size_t len = 0;
    const void *from = record;
    if (n > 0 && parts[0].iov_len >= sizeof record) {
        from = parts[0].iov_base;
        len = sizeof record;
    }
    for (size_t i = 0; from == record && i < n; i++) {
        size_t room = sizeof record - len;
        size_t take = parts[i].iov_len < room ? parts[i].iov_len : room;
        memcpy(record + len, parts[i].iov_base, take);
        len += take;
    }
    ERR_clear_error();
    int sent = SSL_write(channel->ssl, from, (int)len);
    return sent > 0 ? sent : fail_as(channel, sent);
}

ssize_t channel_send(struct channel *channel, struct iovec *parts, size_t n)
{
    if (channel->ssl != NULL)
        return send_secured(channel, parts, n);
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = n};
    channel->wanted = POLLOUT;
    return sendmsg(channel->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t receive_secured(struct channel *channel, const struct iovec *part)
{
    ERR_clear_error();
    int got = SSL_read(channel->ssl, part->iov_base,
                       part->iov_len < RECORD_BYTES ? (int)part->iov_len : RECORD_BYTES);
    return got > 0 ? got : fail_as(channel, got);
}

static ssize_t receive_once(struct channel *channel, struct iovec *parts, size_t n, int flags)
{
    while (n > 1 && parts->iov_len == 0) {
        parts++;
        n--;
    }
    if (channel->ssl != NULL)
        return receive_secured(channel, parts);
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = n};
    return recvmsg(channel->fd, &message, flags);
}

/* False, with errno: nothing has come in time. */
static bool wait_to_receive(const struct channel *channel, uint64_t deadline_ns)
{
    enum err err = deadline_wait(deadline_ns, channel->fd, channel->wanted);
    if (err == ERR_TIMEOUT)
        errno = ETIMEDOUT;
    return err == ERR_NONE;
}

ssize_t channel_receive(struct channel *channel, struct iovec *parts, size_t n, uint64_t deadline_ns)
{
    bool is_ready = channel->ssl != NULL && SSL_has_pending(channel->ssl) == 1;
    channel->wanted = POLLIN;
    for (;;) {
        bool waits = channel->patience_ms > 0 && deadline_left_ms(deadline_ns) >= channel->patience_ms;
        if (!waits && !is_ready && !wait_to_receive(channel, deadline_ns))
            return -1;
        is_ready = false;
        ssize_t got = receive_once(channel, parts, n, waits ? 0 : MSG_DONTWAIT);
        if (got >= 0 || (errno != EINTR && errno != EAGAIN))
            return got;
    }
}

ssize_t channel_peek(struct channel *channel, char *to, size_t len)
{
    if (channel->ssl == NULL)
        return recv(channel->fd, to, len, MSG_DONTWAIT | MSG_PEEK);
    ERR_clear_error();
    int got = SSL_peek(channel->ssl, to, (int)len);
    return got > 0 ? got : fail_as(channel, got);
}
