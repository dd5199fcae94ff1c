/*
 * human: times and sizes as people read and write them.
 *
 *      42s   12m05s   3h07m   12d04h   412d        850ms   2.4s        812B   1.5K   12.3M
 *
 * Promise: no blank stands within a text, so that each stays one word for awk; nothing is rounded up to what it has
 * not reached: 59.9 s are 59s.
 * Limits: HUMAN_MAX bytes, the zero included, take any number.
 */
#ifndef CLOAKROOM_CLI_HUMAN_H
#define CLOAKROOM_CLI_HUMAN_H

#include "base/bytes.h"

enum { HUMAN_MAX = 32 };

void human_put_seconds(uint64_t seconds, char to[static HUMAN_MAX]);
void human_put_ms(uint64_t ms, char to[static HUMAN_MAX]);
void human_put_size(uint64_t bytes, char to[static HUMAN_MAX]);

/* The local time of `unix_ms`, milliseconds since 1970, to the second: 2026-11-25T09:30:00. */
void human_put_time(uint64_t unix_ms, char to[static HUMAN_MAX]);

/* 90, 90s, 15m, 2h or 7d as seconds. False, and *ret untouched: it is no such thing, or too long for 64 bits. */
bool human_parse_duration(struct bytes text, uint64_t *ret_s);

#endif
