/*
 * doctor_server: what the servers say that the views name.
 *
 *      {"address": "127.0.0.1:11211", "state": "answers", "kind": "cloakroomd", "version": "0.1.0", "views": ["8.2 fpm pool www"],
 *       "handler": "memcached", "round_trip_us": 84, "clock_ms": 0, "stats": {…}, "settings": {…},
 *       "large": {"seen": 900, "n": 2, "size": 990000, "handle": "0123456789abcdef"}, "error": ""}
 *
 * state: answers, login (it wants one), missing (a socket that is not there), unreachable, other (no such protocol).
 * kind: cloakroomd, memcached, redis; "" where it is not known. clock_ms: how far its clock is ahead of ours.
 * large, of a cloakroomd: of the sessions that were looked at, how many are near what -I allows, and the largest.
 */
#ifndef CLOAKROOM_CLI_DOCTOR_SERVER_H
#define CLOAKROOM_CLI_DOCTOR_SERVER_H

#include "cli/doctor.h"

enum { DOCTOR_SERVER_NEARLY_LARGE = 80 }; /* per cent of -I */

/* The server of a view's first address; NULL: none is known. */
const json_t *doctor_server_of(const struct doctor *doctor, const json_t *view);

bool doctor_server_is(const struct doctor *doctor, const json_t *view, const char *kind);

/* A number of `stats settings`; 0 where it is not told. */
long doctor_server_setting(const struct doctor *doctor, const json_t *view, const char *name);

#endif
