/*
 * verbs: requests of the session verbs to ops on sessions, and what came of them to answers.
 *
 * Threads: the connection's worker.
 */
#ifndef CLOAKROOM_SERVER_VERBS_H
#define CLOAKROOM_SERVER_VERBS_H

#include "server/conn.h"

/* What conn->request asks for beyond what all ops have, into conn->op and conn->session. */
void verbs_fill_op(struct conn *conn);

void verbs_fill_answer(const struct op_session *session, struct answer *ret);

/* The roles that a request needs beyond those of its verb. */
unsigned verbs_need(const struct request *request);

#endif
