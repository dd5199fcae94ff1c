/*
 * login: who is it? What a connection may say before anything else where there are users. Private to proto.
 *
 *      text      set <any> <any> <any> <bytes>\r\n<user> <password>\r\n      until proto_let_in() nothing else is read
 *      binary    SASL PLAIN: [<user>] NUL <user> NUL <password>, in `auth` or in the `step` after an empty one
 *
 * Promise: answered as memcached 1.6 does, which reads neither noreply nor anything but `set` before. What it
 * is told is never longer than PROTO_LOGIN_MAX: who has not said who he is makes nobody keep more than that.
 *
 * Not copied: memcached lets a token be as long as its buffer, closes on a longer one and crashes on the longest.
 */
#ifndef CLOAKROOM_PROTO_LOGIN_H
#define CLOAKROOM_PROTO_LOGIN_H

#include "proto/proto.h"

enum { LOGIN_MECHANISM_MAX = 32 };

/* As proto_next(), for DIALECT_LOGIN. */
enum parse login_next(struct proto *proto, const char *in, size_t len, size_t *ret_used, size_t *ret_need,
                      struct request *ret);

/* A whole SASL packet: its mechanism is ret->key, its message ret->value. Makes user and password of them, or a
 * VERB_REFUSED that asks for a step. */
void login_take_sasl(struct proto *proto, bool is_step, struct request *ret);

#endif
