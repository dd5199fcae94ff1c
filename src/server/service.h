/*
 * service: what a service manager such as systemd passes to the server, and what it is told.
 *
 *      LISTEN_FDS       sockets that listen already; they take the place of -p, -l and -s
 *      LISTEN_FDNAMES   what may be done there: readonly, noadmin, notls, or several with commas; as a name of the
 *                       manager's own (that of a .socket unit, "unknown", "cloakroom") or "": everything
 *      NOTIFY_SOCKET    told: how far loading is, that it is ready, that it reads its files again, that it ends
 *      WATCHDOG_USEC    told so often, as long as each worker's loop goes round
 *
 * Promise: without these in the environment nothing of this happens. A socket whose name is not understood is
 * refused: a misspelt "readonly" must not allow everything.
 *
 * Threads: main alone; service_load_begin() starts one of its own, which service_load_end() ends.
 * Failure: ERR_USAGE with the line to show. That the manager cannot be told is no failure: it finds out by itself.
 */
#ifndef CLOAKROOM_SERVER_SERVICE_H
#define CLOAKROOM_SERVER_SERVICE_H

#include "net/loop.h"
#include "server/server.h"

#include <signal.h>

/* A letter to one worker, which comes back when its loop has gone round. */
struct service_ping {
    struct loop_mail mail;
    _Atomic bool is_under_way;
};

enum { SERVICE_WORKERS_MAX = 64 };

/* Zeroed it is at rest. It has to outlive the workers. */
struct service {
    const struct store_progress *progress; /* of the load under way */
    pthread_t thread;                      /* which tells it */
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t end;
    bool is_over;
    struct service_ping pings[SERVICE_WORKERS_MAX];
};

/* Does a manager want to be told when it is ready? Then it keeps the process in the foreground itself. */
bool service_is_watched(void);

/* The sockets passed, as listeners; *ret_n is 0 when there are none. */
enum err service_take_listeners(const struct settings *settings, struct listener **ret, size_t *ret_n,
                                char *error) ERR_MUST_CHECK;

/* While the data directory is read, which may last: tells how far it is, and that more time is needed. */
void service_load_begin(struct service *service, const struct store_progress *progress);
void service_load_end(struct service *service);

void service_say_ready(const struct server *server);
void service_say_reloading(void);
void service_say_stopping(void);

/* Waits for one of `signals`, as sigwait() does, and feeds the watchdog meanwhile, if there is one. */
int service_wait_signal(struct service *service, const struct server *server, const sigset_t *signals);

#endif
