/* Loading certificates, see tls.h; what is done with them is in transport_tls.c. */
#include "net/tls.h"
#include "base/check.h"
#include "net/tls_private.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls {
    struct tls_config config;
    pthread_mutex_t lock; /* for ctx */
    SSL_CTX *ctx;
};

/* The first thing that went wrong is the reason; what follows in OpenSSL's queue only says where it was. */
static enum err refuse(char *error, const char *word, const char *value)
{
    unsigned long code = ERR_peek_error();
    const char *reason =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    snprintf(error, TLS_ERROR_MAX, "%s %.256s: %s", word, value, reason != NULL ? reason : "not understood");
    ERR_clear_error();
    return ERR_USAGE;
}

/* A key with a passphrase is refused, rather than asked for on some terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

static enum err load_own(SSL_CTX *ctx, const struct tls_config *config, char *error)
{
    const char *key = config->key != NULL ? config->key : config->chain_cert;
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(ctx, config->chain_cert) != 1)
        return refuse(error, "ssl_chain_cert", config->chain_cert);
    int type = config->key_is_der ? SSL_FILETYPE_ASN1 : SSL_FILETYPE_PEM;
    if (SSL_CTX_use_PrivateKey_file(ctx, key, type) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        return refuse(error, "ssl_key", key);
    return ERR_NONE;
}

static enum err load_authorities(SSL_CTX *ctx, const struct tls_config *config, char *error)
{
    static const int modes[] = {[TLS_VERIFY_NONE] = SSL_VERIFY_NONE,
                                [TLS_VERIFY_REQUEST] = SSL_VERIFY_PEER,
                                [TLS_VERIFY_REQUIRE] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT};
    SSL_CTX_set_verify(ctx, modes[config->verify], NULL);
    if (config->ca_cert == NULL)
        return ERR_NONE;
    if (SSL_CTX_load_verify_locations(ctx, config->ca_cert, NULL) != 1)
        return refuse(error, "ssl_ca_cert", config->ca_cert);
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(config->ca_cert);
    if (names == NULL)
        return refuse(error, "ssl_ca_cert", config->ca_cert);
    SSL_CTX_set_client_CA_list(ctx, names);
    return ERR_NONE;
}

static enum err set_rules(SSL_CTX *ctx, const struct tls_config *config, char *error)
{
    static const unsigned char id[] = "cloakroom";
    /* Answers move from buffer to buffer until they are out; idle connections have none. */
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ctx,
                           1); /* one system call for a record, not one for its head and one for its body */
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
    if (!config->session_cache) {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ctx, 0);
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION + (int)config->min_version);
    if (config->ciphers != NULL && SSL_CTX_set_cipher_list(ctx, config->ciphers) != 1)
        return refuse(error, "ssl_ciphers", config->ciphers);
    return ERR_NONE;
}

static enum err load(const struct tls_config *config, SSL_CTX **ret, char *error)
{
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL) {
        snprintf(error, TLS_ERROR_MAX, "TLS: %s", err_text(ERR_MEMORY));
        return ERR_MEMORY;
    }
    enum err err = set_rules(ctx, config, error);
    if (err == ERR_NONE)
        err = load_own(ctx, config, error);
    if (err == ERR_NONE)
        err = load_authorities(ctx, config, error);
    if (err == ERR_NONE)
        *ret = ctx;
    else
        SSL_CTX_free(ctx);
    return err;
}

enum err tls_new(const struct tls_config *config, struct tls **ret, char *error)
{
    SSL_CTX *ctx;
    enum err err = load(config, &ctx, error);
    if (err != ERR_NONE)
        return err;
    struct tls *tls = malloc(sizeof *tls);
    if (tls == NULL) {
        SSL_CTX_free(ctx);
        snprintf(error, TLS_ERROR_MAX, "TLS: %s", err_text(ERR_MEMORY));
        return ERR_MEMORY;
    }
    *tls = (struct tls){.config = *config, .ctx = ctx};
    CHECK(pthread_mutex_init(&tls->lock, NULL) == 0);
    *ret = tls;
    return ERR_NONE;
}

void tls_free(struct tls **tls_ptr)
{
    struct tls *tls = *tls_ptr;
    *tls_ptr = NULL;
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->ctx);
    CHECK(pthread_mutex_destroy(&tls->lock) == 0);
    free(tls);
}

enum err tls_reload(struct tls *tls, char *error)
{
    SSL_CTX *fresh;
    enum err err = load(&tls->config, &fresh, error);
    if (err != ERR_NONE)
        return err;
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *old = tls->ctx;
    tls->ctx = fresh;
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old); /* its connections hold it */
    return ERR_NONE;
}

SSL *tls_accept(struct tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    SSL *ssl = SSL_new(tls->ctx);
    pthread_mutex_unlock(&tls->lock);
    if (ssl != NULL)
        SSL_set_accept_state(ssl);
    return ssl;
}
