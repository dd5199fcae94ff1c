/*
 * token: the secrets that let in, one for each role, in files that nobody else can read.
 *
 *      FILE           the admin's: 64 hex digits and a line's end when it was made here; any word of 32 to 128 will do
 *      FILE-reader    the reader's
 *
 * Promise: a file that others can read or write is refused; one that is made has mode 0600 from the first moment on and
 * is there as a whole or not at all. Comparing takes as long whatever is compared.
 * Failure: ERR_USAGE or ERR_SYSTEM with one line in `error`; no line has a token in it.
 */
#ifndef CLOAKROOM_HTTP_TOKEN_H
#define CLOAKROOM_HTTP_TOKEN_H

#include "base/bytes.h"
#include "base/err.h"

enum { TOKEN_MIN = 32, TOKEN_MAX = 128 };

enum http_role { HTTP_NOBODY, HTTP_READER, HTTP_ADMIN, HTTP_NROLES };

struct token {
    size_t len; /* 0: there is none */
    char text[TOKEN_MAX];
};

struct tokens {
    struct token list[HTTP_NROLES];
};

/* *ret_complete false: one is not there and `may_make` is false. */
enum err tokens_open(const char *path, bool may_make, struct tokens *ret, bool *ret_complete,
                     char *error) ERR_MUST_CHECK;

enum http_role tokens_check(const struct tokens *tokens, struct bytes given);

/* `n` random bytes as 2n hex digits and a zero. */
void token_random(char *ret, size_t n);

#endif
