/*
 * sessions: asking a server for lists of sessions, and which of them are wanted.
 *
 * Promise: page after page is asked for and given on line by line, so that memory is bounded however many there are. What
 * the server can leave out, it does; the rest is left out here.
 * Ownership: replies and lines are borrowed during the call alone.
 */
#ifndef CLOAKROOM_CLI_SESSIONS_H
#define CLOAKROOM_CLI_SESSIONS_H

#include "cli/command.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "client/reply.h"

enum { SESSIONS_NCOLUMNS = 11, SESSIONS_HANDLE_DIGITS = 16 };

struct sessions_query {
    const char *handle; /* NULL, these three: any */
    const char *tag;
    const char *application;
    bool held;
};

/* One session, and its line as the server sent it. False: no more are wanted. */
typedef bool sessions_take(void *arg, const struct reply *session, struct bytes line);

/* All that the query asks for, one call of `take` each. After an early end the client is good for client_close() alone. A
 * failure has been complained about. */
enum outcome sessions_each(struct client *client, const struct sessions_query *query, sessions_take *take,
                           void *arg);

/* What of the options the server can answer; with --prefix it is asked for the application's name, which goes to `room`. A
 * prefix that it does not know has been complained about. */
enum { SESSIONS_APPLICATION_MAX = 65 };
enum outcome sessions_query_of(const struct call *call, struct client *client,
                               char room[SESSIONS_APPLICATION_MAX], struct sessions_query *ret);

/* Is there anything in the options that has to be looked at session by session, here? */
bool sessions_must_look(const struct options *options);

/* Is it one that the options ask for? */
bool sessions_match(const struct options *options, const struct reply *session);

/* `sn`: how many there are, of what query->tag and ->application say. */
enum outcome sessions_count(struct client *client, const struct sessions_query *query, uint64_t *ret_n);

/* Begins to tell how many of those that sessions_each() will give on have been; asks for their number where somebody will
 * see it. */
enum outcome sessions_begin_progress(struct progress *progress, struct client *client,
                                     const struct sessions_query *query, bool is_silent);

/* 16 hex digits? If not, that is complained about. */
bool sessions_is_handle(const struct call *call, const char *word);

/* The columns of lists; show has the same, with `name` for their titles. NULL: in JSON alone, whose keys are those of the
 * HTTP API. */
struct sessions_column {
    const char *title;
    const char *name;
    const char *key;
    bool is_right;
};
extern const struct sessions_column sessions_columns[SESSIONS_NCOLUMNS];

/* Their cells, which borrow from the reply. */
void sessions_put_cells(const struct reply *session, struct cell to[static SESSIONS_NCOLUMNS]);

/* Those that are waited for stand out. */
enum paint sessions_paint(const struct reply *session);

#endif
