/*
 * tls: certificate, key and rules of the connections that are encrypted, from files, by OpenSSL.
 *
 * Promise: tls_reload() takes the new files as a whole or leaves all as it was; connections that are open keep
 * what they began with.
 *
 * Threads: tls_reload() and transport_init_tls() from any.
 * Failure: ERR_USAGE (a file or a word that is not good), ERR_SYSTEM or ERR_MEMORY, with one line in `error` that
 * names the word of -o and the file.
 */
#ifndef CLOAKROOM_NET_TLS_H
#define CLOAKROOM_NET_TLS_H

#include "base/err.h"

#include <stdbool.h>

enum { TLS_ERROR_MAX = 512 };

/* Of the client: no certificate is asked for; one is, and checked if there is one; there must be one. */
enum tls_verify { TLS_VERIFY_NONE, TLS_VERIFY_REQUEST, TLS_VERIFY_REQUIRE };

/* Texts are the caller's, and outlive the struct tls. */
struct tls_config {
    const char *chain_cert; /* PEM: the server's own first */
    const char *key;        /* NULL: in chain_cert, too */
    const char *ca_cert;    /* PEM: who signs for clients; NULL: nobody */
    const char *ciphers;    /* up to TLS 1.2; NULL: OpenSSL's */
    enum tls_verify verify;
    unsigned min_version; /* of TLS 1.x: x */
    bool key_is_der;
    bool session_cache; /* clients may resume sessions */
};

struct tls;

enum err tls_new(const struct tls_config *config, struct tls **ret, char *error) ERR_MUST_CHECK;
/* Connections that are open go on. Takes NULL. */
void tls_free(struct tls **tls);

/* Reads the files again. */
enum err tls_reload(struct tls *tls, char *error) ERR_MUST_CHECK;

#endif
