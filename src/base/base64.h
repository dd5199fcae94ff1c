/*
 * base64: the encoding of RFC 4648, section 4, with its padding.
 *
 * Promise: strict. Each sequence of bytes has exactly one text that decodes to it, so a text may stand for
 * its bytes: no spaces within, no padding missing, no bits left over.
 */
#ifndef CLOAKROOM_BASE_BASE64_H
#define CLOAKROOM_BASE_BASE64_H

#include "base/bytes.h"

/* Room for what `text_len` bytes of text decode to. */
#define BASE64_DECODED_MAX(text_len) ((text_len) / 4 * 3)

/* Writes BASE64_DECODED_MAX(text.len) bytes at most. False: that is no base64, or stands for nothing. */
bool base64_decode(struct bytes text, char *ret, size_t *ret_len);

#endif
