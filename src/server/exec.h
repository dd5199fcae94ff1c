/*
 * exec: carries out one request of a connection: request -> op -> engine -> answer -> bytes.
 *
 * Threads: the connection's worker.
 */
#ifndef CLOAKROOM_SERVER_EXEC_H
#define CLOAKROOM_SERVER_EXEC_H

#include "server/conn.h"

enum exec { EXEC_DONE, EXEC_PENDING };

/* Answers with words, see proto_put_words() and proto_put_error(). */
void exec_put_words(struct conn *conn, struct bytes words);
void exec_put_error(struct conn *conn, struct bytes words);

/* Carries out conn->request. The answer is in conn->out when done. */
enum exec exec_request(struct conn *conn);

/* Answers conn->request with no more than a status. */
void exec_put_status(struct conn *conn, enum status status);

/* Answers conn->request with this line, in the text dialect; its end is added. */
void exec_put_line(struct conn *conn, struct bytes line);

enum status exec_status_of(enum op_result result);

/* Goes on after a pending op was woken. */
enum exec exec_resume(struct conn *conn);

/* The input of a pending request has moved: so does what its key and value point to. */
void exec_rebase(struct conn *conn, const char *from, const char *to);

#endif
