/* What the files of http share; see http.h. */
#ifndef CLOAKROOM_HTTP_HTTP_PRIVATE_H
#define CLOAKROOM_HTTP_HTTP_PRIVATE_H

#include "http/call.h"
#include "http/guard.h"
#include "http/history.h"
#include "http/http.h"
#include "http/login.h"

#include <pthread.h>

/* Wrong tokens are answered after a while; so many wait for that at a time, the next are turned away. */
enum { HTTP_WRONG_DELAY_MS = 500, HTTP_WRONG_MAX = 8, HTTP_REQUEST_S = 20, HTTP_IDLE_S = 8 };

/* A connection, from MHD's word of it on. */
struct visitor {
    struct http *http;
    struct visitor *next;
    int fd;
    uint64_t until_ns; /* its request is to be over by then */
};

struct http_counts {
    _Atomic uint64_t requests;
    _Atomic uint64_t wrong_tokens;
    _Atomic uint64_t refused; /* foreign Host or Origin, no csrf, not allowed */
};

struct http {
    struct http_config config;
    struct guard_names names;
    struct MHD_Daemon *daemon;
    char *cert; /* the files' text */
    char *key;
    int wake_fd;
    pthread_t thread;
    bool has_thread;
    bool is_stopping;
    pthread_mutex_t lock; /* tokens, and what is asked of the thread */
    pthread_cond_t done;
    struct tokens tokens;
    bool has_other_token[HTTP_NROLES]; /* than when the thread last looked */
    _Atomic bool has_tokens;
    bool wants_reload; /* of these PEM texts */
    bool was_reloaded;
    char *fresh_cert;
    char *fresh_key;

    /* The thread's own. */
    struct visitor *visitors;
    struct call *aside;
    bool is_ending;  /* those are answered, come what may */
    unsigned nwrong; /* that wait for their answer */
    struct logins logins;
    struct history history;
    struct http_counts counts;
};

/* The wall clock, in milliseconds. */
uint64_t http_wall_ms(void);

/* daemon.c: MHD, run by the thread. */
bool daemon_start(struct http *http, const char *cert, const char *key, struct MHD_Daemon **ret);
void daemon_stop(struct http *http);
/* Waits for at most `wait_ms`, and serves what has come. */
void daemon_turn(struct http *http, int wait_ms);
/* Closes connections whose time is over. */
void daemon_end_late(struct http *http, uint64_t now_ns);

#endif
