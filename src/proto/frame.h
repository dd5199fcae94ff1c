/*
 * frame: the head of each datagram of memcached over UDP.
 *
 *      | request id | sequence number | datagrams of the message | 0 | then as over TCP
 *        16 bits      16                16                         16      (network order)
 *
 * Source: memcached's doc/protocol.txt, "UDP protocol". A request is one datagram; an answer may be several.
 * Promise: pure; reads not past `len`.
 */
#ifndef CLOAKROOM_PROTO_FRAME_H
#define CLOAKROOM_PROTO_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_BYTES = 8,
    FRAME_DATA_MAX = 1392, /* of an answer in one datagram, as memcached: it then fits a network's packet */
    FRAME_REQUEST_MAX = 65535
};

/* False: this is no request that is answered: too short, empty, or one of several datagrams. */
bool frame_read(const char *in, size_t len, uint16_t *ret_id);

/* How many datagrams an answer of `len` bytes takes, at most UINT16_MAX. */
size_t frame_count(size_t len);

void frame_put(uint16_t id, uint16_t sequence, uint16_t count, char out[FRAME_BYTES]);

#endif
