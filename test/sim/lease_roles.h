/*
 * lease_roles: who plays with the sessions, and what such a one does next: PHP processes with the extension or with one of
 * the stock handlers, a reader, an administrator.
 */
#ifndef CLOAKROOM_TEST_LEASE_ROLES_H
#define CLOAKROOM_TEST_LEASE_ROLES_H

#include "sim/lease_play.h"

enum lease_role {
    LEASE_BY_VERBS,
    LEASE_PHP_MEMCACHED,
    LEASE_PHP_MEMCACHE,
    LEASE_READER,
    LEASE_ADMIN,
    LEASE_NROLES
};

/* A client that has nothing under way does something. */
void lease_roles_act(struct lease_play *play, int client, enum lease_role role);

#endif
