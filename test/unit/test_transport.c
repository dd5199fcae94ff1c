/*
 * Promises of transport.h and tls.h: what epoll cannot tell of is told by has_more; a read that needs room to write
 * says so; a reload is taken as a whole or not at all.
 */
#include "unit.h"

#include "net/tls.h"
#include "net/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct play {
    char path[64]; /* certificate and key */
    struct tls_config config;
    struct tls *tls;
    struct transport server;
    SSL_CTX *client_ctx;
    SSL *client;
    int client_fd;
};

/* A new pair of certificate, signed by itself, and key. */
static void write_certificate(const char *path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    assert_non_null(key);
    X509_set_version(cert, 2);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    FILE *file = fopen(path, "w");
    assert_int_equal(PEM_write_X509(file, cert), 1);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void begin(struct play *play)
{
    char error[TLS_ERROR_MAX];
    int fds[2];
    *play = (struct play){.path = "/tmp/cloakroom-cert-XXXXXX"};
    signal(SIGPIPE, SIG_IGN);
    close(mkstemp(play->path));
    write_certificate(play->path);
    play->config = (struct tls_config){.chain_cert = play->path, .min_version = 2};
    assert_int_equal(tls_new(&play->config, &play->tls, error), ERR_NONE);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_true(transport_init_tls(&play->server, fds[0], play->tls));
    assert_true(play->server.is_shaking);
    play->client_fd = fds[1];
    play->client_ctx = SSL_CTX_new(TLS_client_method());
    play->client = SSL_new(play->client_ctx);
    SSL_set_fd(play->client, play->client_fd);
    SSL_set_connect_state(play->client);
}

static void end(struct play *play)
{
    transport_close(&play->server);
    SSL_free(play->client);
    SSL_CTX_free(play->client_ctx);
    close(play->client_fd);
    tls_free(&play->tls);
    unlink(play->path);
}

static void shake(struct play *play)
{
    char byte;
    for (int i = 0; i < 10 && (play->server.is_shaking || !SSL_is_init_finished(play->client)); i++) {
        (void)SSL_do_handshake(play->client);
        assert_int_equal(transport_read(&play->server, &byte, 1), TRANSPORT_AGAIN);
    }
    assert_false(play->server.is_shaking);
}

static void the_rest_of_a_record_is_told_of(void **state)
{
    (void)state;
    struct play play;
    char in[10000];
    char out[10000];
    begin(&play);
    shake(&play);
    assert_false(play.server.has_more);
    memset(out, 'x', sizeof out);
    assert_int_equal(SSL_write(play.client, out, sizeof out), sizeof out);
    assert_int_equal(transport_read(&play.server, in, 100), 100);
    assert_true(play.server.has_more);
    assert_int_equal(transport_read(&play.server, in, 100), 100);
    assert_true(play.server.has_more);
    assert_int_equal(transport_read(&play.server, in, sizeof in), sizeof in - 200);
    assert_false(play.server.has_more);
    assert_int_equal(transport_read(&play.server, in, sizeof in), TRANSPORT_AGAIN);
    assert_false(play.server.has_more);
    end(&play);
}

static void several_records_are_read_at_once(void **state)
{
    (void)state;
    struct play play;
    char in[100];
    begin(&play);
    shake(&play);
    for (int i = 0; i < 5; i++)
        assert_int_equal(SSL_write(play.client, "hello", 5), 5);
    assert_int_equal(transport_read(&play.server, in, sizeof in), 25);
    assert_false(play.server.has_more);
    end(&play);
}

/* A goodbye right behind bytes came in the same piece: epoll will not tell of it again. */
static void a_goodbye_behind_bytes_is_told_of(void **state)
{
    (void)state;
    struct play play;
    char in[100];
    begin(&play);
    shake(&play);
    assert_int_equal(SSL_write(play.client, "hello", 5), 5);
    (void)SSL_shutdown(play.client);
    assert_int_equal(transport_read(&play.server, in, sizeof in), 5);
    assert_true(play.server.has_more);
    assert_int_equal(transport_read(&play.server, in, sizeof in), TRANSPORT_CLOSED);
    end(&play);
}

static void a_handshake_may_wait_for_room(void **state)
{
    (void)state;
    struct play play;
    char junk[4096] = {0};
    char byte;
    size_t filled = 0;
    begin(&play);
    assert_int_equal(SSL_do_handshake(play.client), -1); /* its hello is out */
    for (ssize_t n; (n = write(play.server.fd, junk, sizeof junk)) > 0;)
        filled += (size_t)n;
    assert_int_equal(transport_read(&play.server, &byte, 1), TRANSPORT_AGAIN_WRITE);
    assert_int_equal(transport_read(&play.server, &byte, 1), TRANSPORT_AGAIN_WRITE);
    for (ssize_t n = 1; filled > 0 && n > 0;) {
        n = read(play.client_fd, junk, sizeof junk < filled ? sizeof junk : filled);
        filled -= n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(filled, 0);
    shake(&play);
    end(&play);
}

static void what_the_peer_does_not_take_waits(void **state)
{
    (void)state;
    struct play play;
    static char big[1 << 20];
    static char in[1 << 20];
    size_t sent = 0;
    size_t got = 0;
    begin(&play);
    shake(&play);
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i % 251);
    while (got < sizeof big) {
        ssize_t n = 0;
        while (sent < sizeof big && (n = transport_write(&play.server, big + sent, sizeof big - sent)) > 0)
            sent += (size_t)n;
        assert_true(sent == sizeof big || n == TRANSPORT_AGAIN);
        int read = SSL_read(play.client, in + got, (int)(sizeof in - got));
        assert_true(read > 0);
        got += (size_t)read;
    }
    assert_memory_equal(in, big, sizeof big);
    end(&play);
}

static void what_is_no_tls_fails(void **state)
{
    (void)state;
    struct play play;
    char byte;
    begin(&play);
    assert_int_equal(write(play.client_fd, "get key\r\n", 9), 9);
    assert_int_equal(transport_read(&play.server, &byte, 1), TRANSPORT_FAILED);
    assert_true(play.server.is_shaking);
    end(&play);
}

static void a_reload_is_whole_or_not_at_all(void **state)
{
    (void)state;
    struct play play;
    char error[TLS_ERROR_MAX];
    begin(&play);
    assert_int_equal(tls_reload(play.tls, error), ERR_NONE);
    FILE *file = fopen(play.path, "w");
    fputs("nonsense\n", file);
    fclose(file);
    assert_int_equal(tls_reload(play.tls, error), ERR_USAGE);
    assert_non_null(strstr(error, "ssl_chain_cert"));
    assert_non_null(strstr(error, play.path));
    assert_null(strchr(error, '\n'));
    transport_close(&play.server);
    close(play.client_fd);
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_true(transport_init_tls(&play.server, fds[0], play.tls));
    play.client_fd = fds[1];
    SSL_free(play.client);
    play.client = SSL_new(play.client_ctx);
    SSL_set_fd(play.client, play.client_fd);
    SSL_set_connect_state(play.client);
    shake(&play);
    end(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_of_a_record_is_told_of),
        cmocka_unit_test(several_records_are_read_at_once),
        cmocka_unit_test(a_goodbye_behind_bytes_is_told_of),
        cmocka_unit_test(a_handshake_may_wait_for_room),
        cmocka_unit_test(what_the_peer_does_not_take_waits),
        cmocka_unit_test(what_is_no_tls_fails),
        cmocka_unit_test(a_reload_is_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
