/*
 * secret: comparing what must not be guessed piece by piece.
 *
 * Promise: how long it takes hangs on `len` alone, not on what the bytes are or where they differ.
 */
#ifndef CLOAKROOM_BASE_SECRET_H
#define CLOAKROOM_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

bool secret_equal(const void *a, const void *b, size_t len);

#endif
