/*
 * text: memcached's text dialect, private to proto. What each function promises is said in proto.h.
 *
 *      set <key> <flags> <exptime> <bytes> [noreply]\r\n<value>\r\n     get <key> <key> ...\r\n
 *
 * Promise: answered as memcached 1.6.45 does, whose parser is stricter than that of 1.6.18: too few
 * arguments, a line of less than two characters or a length that is no number are "bad command line format";
 * surplus arguments are ignored; noreply counts as the last word of any line whose arguments are enough,
 * unknown commands included; when a length was read, the value is swallowed whatever else is wrong.
 *
 * Not copied: abbreviated names of administrative commands; that 1.6.45 deletes whatever stands behind the key of a
 * delete. Here, as in 1.6.18 and as memccapable wants it, only a 0 may stand there: anything else asks for a delay that
 * would not be kept.
 */
#ifndef CLOAKROOM_PROTO_TEXT_H
#define CLOAKROOM_PROTO_TEXT_H

#include "proto/proto.h"

enum parse text_next(struct proto *proto, const char *in, size_t len, size_t *ret_used, size_t *ret_need,
                     struct request *ret);

/* The line, with its end, that says this status for this verb. */
struct bytes text_words_for(const struct request *request, enum status status);

size_t text_put_answer(const struct request *request, const struct answer *answer, char *out);
size_t text_put_hit_head(const struct request *request, const struct answer *answer, char *out);
size_t text_put_hit_tail(const struct request *request, char *out);
size_t text_put_stat(struct bytes name, struct bytes value, char *out);
size_t text_put_error(const struct request *request, struct bytes words, char *out);
size_t text_put_line(const struct request *request, struct bytes line, char *out);
size_t text_put_version(struct bytes version, char *out);

#endif
