/* Packets, see datagram.h. */
#include "net/datagram.h"

#include <arpa/inet.h>

ssize_t datagram_receive(int fd, char *head, size_t head_len, char *body, size_t cap,
                         struct datagram_peer *ret)
{
    struct datagram_peer peer = {0};
    struct iovec parts[] = {{.iov_base = head, .iov_len = head_len}, {.iov_base = body, .iov_len = cap}};
    struct msghdr message = {.msg_name = &peer.address,
                             .msg_namelen = sizeof peer.address,
                             .msg_iov = parts,
                             .msg_iovlen = sizeof parts / sizeof *parts};
    ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);
    if (n < 0)
        return -1;
    peer.len = message.msg_namelen;
    *ret = peer;
    return n;
}

bool datagram_send(int fd, const struct datagram_peer *peer, const char *head, size_t head_len,
                   const char *body, size_t len)
{
    struct datagram_peer to = *peer;
    struct iovec parts[] = {{.iov_base = (char *)head, .iov_len = head_len},
                            {.iov_base = (char *)body, .iov_len = len}};
    struct msghdr message = {.msg_name = &to.address,
                             .msg_namelen = to.len,
                             .msg_iov = parts,
                             .msg_iovlen = sizeof parts / sizeof *parts};
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

bool datagram_is_local(const struct datagram_peer *peer)
{
    if (peer->address.any.sa_family == AF_INET)
        return ntohl(peer->address.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return peer->address.any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&peer->address.in6.sin6_addr);
}
