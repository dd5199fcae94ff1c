/*
 * binary: memcached's binary dialect, private to proto. What each function promises is said in proto.h.
 *
 *       0      1       2      4        5         6        8         12      16    24
 *      | 0x80 | opcode | keys | extras | datatype | vbucket | body     | opaque | cas | extras | key | value
 * | | 0x81 |        | key  |        |          | status  | = all three                                     |
 *
 * Promise: a header is judged when it is whole, before anything of its body is waited for; all lengths are
 * checked against each other and against what the opcode allows. Source: memcached's binary protocol
 * document, and 1.6's behaviour where that is silent. Not copied: memcached loses its place in the stream
 * after an unknown opcode with a key, and after a touch or stat with a body too long; here the former is
 * skipped exactly, the latter closed.
 */
#ifndef CLOAKROOM_PROTO_BINARY_H
#define CLOAKROOM_PROTO_BINARY_H

#include "proto/proto.h"

enum { BINARY_MAGIC_REQUEST = 0x80, BINARY_MAGIC_ANSWER = 0x81, BINARY_HEADER_LEN = 24 };

enum parse binary_next(struct proto *proto, const char *in, size_t len, size_t *ret_used, size_t *ret_need,
                       struct request *ret);

size_t binary_put_answer(const struct request *request, const struct answer *answer, char *out);
size_t binary_put_hit_head(const struct request *request, const struct answer *answer, char *out);
size_t binary_put_stat(const struct request *request, struct bytes name, struct bytes value, char *out);
size_t binary_put_error(const struct request *request, struct bytes words, char *out);
size_t binary_put_words(const struct request *request, struct bytes words, char *out);

#endif
