/*
 * idkey: the key that the ids of sessions are hashed with, from the file where it lies.
 *
 *      --id-key FILE              that one; else, with --data, DIR/key, which is made at the first start
 *      --former-id-key FILE       what was stored with that one is still found; else, with --data, DIR/key.former
 *
 * Without any the engine has a key that ends with it, as its sessions do.
 *
 * Failure: ERR_USAGE or ERR_SYSTEM, with the line to show in `problem`, of STORE_PROBLEM_MAX bytes; it begins with the
 * option's name unless it is about --data. Sessions without their key are no reason to make another one.
 */
#ifndef CLOAKROOM_SERVER_IDKEY_H
#define CLOAKROOM_SERVER_IDKEY_H

#include "server/server.h"

/* Before the engine's first op. */
enum err idkey_set(struct server *server, struct engine *engine, char *problem) ERR_MUST_CHECK;

#endif
