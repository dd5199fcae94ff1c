/*
 * datagram: one packet in, or one out, of a UDP socket, and who the peer is.
 *
 * Threads: any.
 * Failure: what cannot be sent is lost, as on the way.
 */
#ifndef CLOAKROOM_NET_DATAGRAM_H
#define CLOAKROOM_NET_DATAGRAM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

struct datagram_peer {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address;
    socklen_t len;
};

/* Its first `head_len` bytes go into `head`, up to `cap` behind them into `body`; what is longer is cut off. The number
 * of bytes of both, or -1 when there is none, or that failed. */
ssize_t datagram_receive(int fd, char *head, size_t head_len, char *body, size_t cap,
                         struct datagram_peer *ret);

/* False: it did not go out; the socket takes no more, or there is no way there. */
bool datagram_send(int fd, const struct datagram_peer *peer, const char *head, size_t head_len,
                   const char *body, size_t len);

/* Is it of this machine's loopback? Linux lets no such address in from outside, so it cannot be forged there. */
bool datagram_is_local(const struct datagram_peer *peer);

#endif
