/* The HTTP thread and what is asked of it, see http.h. */
#include "http/http.h"
#include "base/check.h"
#include "base/secret.h"
#include "http/http_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PEM_MAX = 1 << 20, TURN_MS = 1000 };

#define NS_PER_MS ((uint64_t)1000000)

uint64_t http_wall_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

static void forget(char **text)
{
    if (*text != NULL)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

static enum err read_file(const char *option, const char *path, char **ret, char *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    ssize_t n = -1;
    char *text = NULL;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size < PEM_MAX &&
        (text = calloc(1, (size_t)st.st_size + 1)) != NULL)
        n = read(fd, text, (size_t)st.st_size);
    if (n < 0)
        snprintf(error, HTTP_ERROR_MAX, "%s %.256s: cannot be read: %s", option, path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (n < 0) {
        free(text);
        return ERR_SYSTEM;
    }
    *ret = text;
    return ERR_NONE;
}

/* Both or none. */
static enum err read_certs(const struct http_config *config, char **ret_cert, char **ret_key, char *error)
{
    if (config->cert == NULL)
        return ERR_NONE;
    enum err err = read_file("the certificate of HTTP,", config->cert, ret_cert, error);
    if (err == ERR_NONE)
        err = read_file("the key of HTTP,", config->key, ret_key, error);
    if (err != ERR_NONE)
        forget(ret_cert);
    return err;
}

enum err http_new(const struct http_config *config, struct http **ret, char *error)
{
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL) {
        snprintf(error, HTTP_ERROR_MAX, "HTTP: %s", err_text(ERR_MEMORY));
        return ERR_MEMORY;
    }
    http->config = *config;
    http->names =
        (struct guard_names){.address = config->address, .names = config->names, .nnames = config->nnames};
    CHECK(pthread_mutex_init(&http->lock, NULL) == 0);
    CHECK(pthread_cond_init(&http->done, NULL) == 0);
    http->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum err err = http->wake_fd >= 0 ? ERR_NONE : ERR_SYSTEM;
    if (err != ERR_NONE)
        snprintf(error, HTTP_ERROR_MAX, "HTTP: %s", strerror(errno));
    if (err == ERR_NONE)
        err = read_certs(config, &http->cert, &http->key, error);
    if (err != ERR_NONE)
        http_free(&http);
    else
        *ret = http;
    return err;
}

/* ---- the thread ---- */

/* A new daemon with the new certificate; the old one goes when that has started. Without the lock, which the last requests
 * of the old one take; who has asked for this waits. */
static void reload(struct http *http)
{
    struct MHD_Daemon *fresh = NULL;
    http->was_reloaded = daemon_start(http, http->fresh_cert, http->fresh_key, &fresh);
    if (http->was_reloaded) {
        daemon_stop(http);
        http->daemon = fresh;
        forget(&http->cert);
        forget(&http->key);
        http->cert = http->fresh_cert;
        http->key = http->fresh_key;
        http->fresh_cert = http->fresh_key = NULL;
    }
    forget(&http->fresh_cert);
    forget(&http->fresh_key);
    pthread_mutex_lock(&http->lock);
    http->wants_reload = false;
    pthread_cond_signal(&http->done);
    pthread_mutex_unlock(&http->lock);
}

static void *run(void *arg)
{
    struct http *http = arg;
    uint64_t due_ns = clock_steady_ns(http->config.clock);
    for (;;) {
        uint64_t now_ns = clock_steady_ns(http->config.clock);
        if (now_ns >= due_ns) {
            history_add(&http->history, &http->config.host, http_wall_ms());
            daemon_end_late(http, now_ns);
            due_ns = due_ns + TURN_MS * NS_PER_MS > now_ns ? due_ns + TURN_MS * NS_PER_MS
                                                           : now_ns + TURN_MS * NS_PER_MS;
        }
        daemon_turn(http, (int)((due_ns - now_ns) / NS_PER_MS) + 1);
        pthread_mutex_lock(&http->lock);
        bool is_over = http->is_stopping;
        bool wants_reload = http->wants_reload;
        pthread_mutex_unlock(&http->lock);
        if (wants_reload)
            reload(http);
        if (is_over)
            break;
    }
    daemon_stop(http);
    return NULL;
}

static void wake(struct http *http)
{
    uint64_t one = 1;
    (void)!write(http->wake_fd, &one, sizeof one); /* full: it is awake already */
}

enum err http_start(struct http *http, char *error)
{
    if (!daemon_start(http, http->cert, http->key, &http->daemon)) {
        snprintf(error, HTTP_ERROR_MAX, "HTTP cannot be started%s",
                 http->cert != NULL ? ": certificate and key are no PEM files that belong together" : "");
        return ERR_USAGE;
    }
    if (pthread_create(&http->thread, NULL, run, http) != 0) {
        snprintf(error, HTTP_ERROR_MAX, "HTTP: %s", err_text(ERR_MEMORY));
        return ERR_SYSTEM;
    }
    http->has_thread = true;
    return ERR_NONE;
}

enum err http_open_tokens(struct http *http, bool may_make, char *error)
{
    struct tokens tokens = {0};
    bool is_complete = false;
    enum err err = tokens_open(http->config.token_file, may_make, &tokens, &is_complete, error);
    if (err == ERR_NONE && is_complete) {
        pthread_mutex_lock(&http->lock);
        for (unsigned role = HTTP_READER; role < HTTP_NROLES; role++)
            http->has_other_token[role] |=
                !secret_equal(&http->tokens.list[role], &tokens.list[role], sizeof tokens.list[role]);
        http->tokens = tokens;
        pthread_mutex_unlock(&http->lock);
        __atomic_store_n(&http->has_tokens, true, __ATOMIC_RELEASE);
    }
    explicit_bzero(&tokens, sizeof tokens);
    return err;
}

enum err http_reload(struct http *http, char *error)
{
    char *cert = NULL;
    char *key = NULL;
    if (http->cert == NULL)
        return ERR_NONE;
    enum err err = read_certs(&http->config, &cert, &key, error);
    if (err != ERR_NONE)
        return err;
    pthread_mutex_lock(&http->lock);
    http->fresh_cert = cert;
    http->fresh_key = key;
    http->wants_reload = true;
    wake(http);
    while (http->wants_reload)
        pthread_cond_wait(&http->done, &http->lock);
    bool is_done = http->was_reloaded;
    pthread_mutex_unlock(&http->lock);
    if (!is_done)
        snprintf(error, HTTP_ERROR_MAX,
                 "the certificate of HTTP, %.200s, and its key are no PEM files that belong "
                 "together",
                 http->config.cert);
    return is_done ? ERR_NONE : ERR_USAGE;
}

void http_free(struct http **ref)
{
    struct http *http = *ref;
    *ref = NULL;
    if (http == NULL)
        return;
    if (http->has_thread) {
        pthread_mutex_lock(&http->lock);
        http->is_stopping = true;
        pthread_mutex_unlock(&http->lock);
        wake(http);
        CHECK(pthread_join(http->thread, NULL) == 0);
    }
    daemon_stop(http);
    if (http->wake_fd >= 0)
        close(http->wake_fd);
    forget(&http->cert);
    forget(&http->key);
    pthread_mutex_destroy(&http->lock);
    pthread_cond_destroy(&http->done);
    explicit_bzero(http, sizeof *http);
    free(http);
}
