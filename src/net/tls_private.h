/* tls_private: what tls.c gives to transport_tls.c. */
#ifndef CLOAKROOM_NET_TLS_PRIVATE_H
#define CLOAKROOM_NET_TLS_PRIVATE_H

#include "net/tls.h"

#include <openssl/ssl.h>

/* The server's side of a new connection; NULL: no memory. SSL_free() is the caller's. */
SSL *tls_accept(struct tls *tls);

#endif
