/*
 * codec: values of sessions, made smaller on their way; private to php/.
 *
 * The form is php-memcache's (zlib's own, and 2 among the client flags), so that either reads what the other has stored.
 * php-memcached's session handler reads no flags: it takes such a session for a broken one.
 *
 * Promise: what was packed unpacks to the same bytes; what is damaged is told, and not taken for a value.
 * Ownership: strings are counted; the caller releases what is returned.
 * Limits: a value that claims to be more than 1,032 times as long as it is packed is damaged: zlib gets no further.
 */
#ifndef CLOAKROOM_PHP_CODEC_H
#define CLOAKROOM_PHP_CODEC_H

#include <php.h>
#include <stdint.h>

enum { CODEC_ZLIB = 2 };

/* `value` itself, with no flags, where it is shorter than `least` bytes (0: any is) or would not get a fifth smaller. */
zend_string *codec_pack(zend_string *value, zend_long least, uint32_t *ret_flags);

/* NULL: it is damaged. */
zend_string *codec_unpack(zend_string *packed, uint64_t flags);

#endif
