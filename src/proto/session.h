/*
 * session: the session verbs of the text dialect, private to proto. docs/protocol.md, "Session verbs", is their source.
 *
 *      so <id> <flag>*    sw <id> <bytes> <flag>*    sc <id> <flag>*    sk <id> <flag>*
 *      sl <flag>*         sn <flag>*                 se <flag>*
 *
 * Promise: a flag is a letter and perhaps a token right behind it; each may be there once, but the tags of sw. Stricter
 * than meta commands are: a flag that does not belong to the verb is refused, and so is anything behind a letter that
 * takes no token. The first thing that is wrong in a line is told; what is missing after that.
 *
 * What a request has that is accepted is whole: tokens are numbers, texts have the length and the characters that they
 * may have, a handle has its digits. Nobody behind proto has to look again.
 *
 * Limits: those of request.h; an opaque of META_OPAQUE_MAX bytes, its letter included; an id of 250 bytes as it is
 * written, base64 or not.
 */
#ifndef CLOAKROOM_PROTO_SESSION_H
#define CLOAKROOM_PROTO_SESSION_H

#include "proto/proto.h"

static inline bool session_is(const struct request *request)
{
    return request->verb >= VERB_OPEN && request->verb <= VERB_EVENTS;
}

/* Parses what follows the name of the verb; ret->verb is set already. Returns whether a value follows; its length is
 * then in ret->value.len, even if the line was refused. */
bool session_parse(struct bytes rest, struct request *ret);

size_t session_put_answer(const struct request *request, const struct answer *answer, char *out);
size_t session_put_hit_head(const struct request *request, const struct answer *answer, char *out);

#endif
