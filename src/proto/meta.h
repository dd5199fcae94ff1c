/*
 * meta: the meta commands of the text dialect, private to proto. Their source is doc/protocol.txt of memcached,
 * and for the order in which errors are found its 1.6.45.
 *
 *      mg <key> <flag>*    ms <key> <bytes> <flag>*    md <key> <flag>*    ma <key> <flag>*    me <key> [b]
 *
 * Promise: a flag is a letter and perhaps a token right behind it; each may be there once, and any that one
 * of the commands knows is taken by all. The answer shows what was asked for in the order in which it was
 * asked for. Refused is answered even to the quiet.
 *
 * Not copied: base64 that is not the one text of its bytes is refused; an opaque that is too long is refused
 * before anything is done, not behind it.
 *
 * Limits: META_WORDS_MAX words in a line, with the command; an opaque of META_OPAQUE_MAX bytes, its letter
 * included; a key of 250 bytes as it is written, base64 or not.
 */
#ifndef CLOAKROOM_PROTO_META_H
#define CLOAKROOM_PROTO_META_H

#include "proto/proto.h"

enum { META_WORDS_MAX = 20, META_OPAQUE_MAX = 32 };

/* Parses what follows the name of the command; ret->verb is set already. Returns whether a value follows; its length
 * is then in ret->value.len, even if the line was refused. */
bool meta_parse(enum meta meta, struct bytes rest, struct request *ret);

size_t meta_put_answer(const struct request *request, const struct answer *answer, char *out);
size_t meta_put_hit_head(const struct request *request, const struct answer *answer, char *out);
size_t meta_put_hit_tail(const struct request *request, char *out);

#endif
