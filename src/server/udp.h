/*
 * udp: requests that come as datagrams, where -U asks for them.
 *
 *      datagram ─> frame_read() ─> a struct conn that has sent this and nothing more ─> batch, run, turn
 *                                         ─> udp_answer(): all of its answer at once, framed ─> closed
 *
 * So a datagram is a short connection: what holds for those (order, limits, S1, the wait for a sync) holds for it, and
 * nothing of one peer is seen by the next. One worker serves a socket.
 *
 * Promise: who cannot be known to be there gets less than he sent: the answer to another machine is one datagram,
 * shorter than the request (UDP_ANSWER_SHORTER). So a forged sender's address makes no more traffic than it costs, and
 * two servers that are set on each other are silent after a few rounds. To loopback, which cannot be forged from outside,
 * an answer has as many datagrams as it takes. Nothing that needs a connection (leases, locks, logins) is done, nor what
 * is the administrator's, as the sender is not known: see udp_may().
 *
 * Ownership: a struct udp owns the connections of its datagrams; they are given back when they are buried.
 * Threads: the worker's.
 * Limits: UDP_AT_ONCE datagrams of a socket under way; the next wait in the kernel, or are lost there, as on the way.
 */
#ifndef CLOAKROOM_SERVER_UDP_H
#define CLOAKROOM_SERVER_UDP_H

#include "server/conn.h"

enum {
    UDP_AT_ONCE = 64,
    UDP_ANSWER_SHORTER = 1,                       /* than the request, at least, to other machines */
    UDP_ANSWER_LOCAL_MAX = (1 << 20) + (64 << 10) /* a value of the usual -I, and what is around it */
};

/* Begins to serve the sockets that are this worker's. */
enum err udp_open_all(struct worker *worker) ERR_MUST_CHECK;
void udp_free_all(struct worker *worker);

/* Bytes that the answer to a request of `request_len` bytes, its frame included, may have without its own frame. */
size_t udp_answer_max(bool is_local, size_t request_len);

/* May the request be carried out, as far as that hangs on its having come as a datagram? */
bool udp_may(const struct conn *conn, enum op_kind kind, bool is_write);

/* Its run has ended: sends the answer, and closes it; or has it wait, or go on, with what there is of the answer. */
void udp_answer(struct conn *conn);

/* It has been buried. */
void udp_give(struct conn *conn);

#endif
