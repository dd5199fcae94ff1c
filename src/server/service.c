/* systemd's side of the server, by libsystemd: see service.h. */
#include "server/service.h"
#include "base/check.h"
#include "net/listen.h"
#include "server/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

enum { EXTENSION_S = 30 };

bool service_is_watched(void)
{
    const char *socket = getenv("NOTIFY_SOCKET");
    return socket != NULL && socket[0] != '\0';
}

/* ---- sockets ---- */

static bool is_managers_own(const char *name)
{
    const char *end = strrchr(name, '.');
    return name[0] == '\0' || strcmp(name, "unknown") == 0 || strcmp(name, "cloakroom") == 0 ||
           (end != NULL && strcmp(end, ".socket") == 0);
}

static bool take_word(const char *word, size_t len, struct listener *rules)
{
    static const struct {
        const char *word;
        unsigned role;
        bool is_plain;
    } words[] = {{"readonly", ROLE_READ, false},
                 {"noadmin", ROLE_READ | ROLE_WRITE, false},
                 {"notls", ROLE_ALL, true}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i].word) != len || strncmp(words[i].word, word, len) != 0)
            continue;
        rules->role &= words[i].role;
        rules->is_tls = rules->is_tls && !words[i].is_plain;
        return true;
    }
    return false;
}

static bool take_name(const char *name, struct listener *rules)
{
    if (is_managers_own(name))
        return true;
    while (*name != '\0') {
        size_t len = strcspn(name, ",");
        if (!take_word(name, len, rules))
            return false;
        name += len;
        name += *name == ',';
    }
    return true;
}

static enum err take_one(const struct settings *settings, int fd, const char *name, struct listener *ret,
                         char *error)
{
    *ret = (struct listener){.fd = fd, .role = ROLE_ALL, .is_tls = settings->tls};
    if (!listen_adopt(fd)) {
        snprintf(
            error, LISTENER_ERROR_MAX,
            "LISTEN_FDS: descriptor %d is no socket that listens; the .socket unit must have ListenStream= "
            "and Accept=no",
            fd);
        return ERR_USAGE;
    }
    if (!take_name(name, ret)) {
        snprintf(
            error, LISTENER_ERROR_MAX,
            "LISTEN_FDNAMES: %.64s: not understood; FileDescriptorName= is cloakroom, or readonly, noadmin, "
            "notls, or several of these with commas",
            name);
        return ERR_USAGE;
    }
    ret->passed_path = listen_path(fd);
    ret->path = ret->passed_path;
    ret->is_tls = ret->is_tls && ret->path == NULL;
    return ERR_NONE;
}

static void free_names(char **names, int n)
{
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

enum err service_take_listeners(const struct settings *settings, struct listener **ret, size_t *ret_n,
                                char *error)
{
    char **names = NULL;
    int n = sd_listen_fds_with_names(1, &names);
    *ret_n = 0;
    if (n <= 0)
        return ERR_NONE;
    enum err err = ERR_NONE;
    struct listener *listeners = calloc((size_t)n, sizeof *listeners);
    if (listeners == NULL) {
        snprintf(error, LISTENER_ERROR_MAX, "%s", err_text(ERR_MEMORY));
        err = ERR_MEMORY;
    }
    for (int i = 0; i < n && err == ERR_NONE; i++)
        err = take_one(settings, SD_LISTEN_FDS_START + i, names[i], &listeners[i], error);
    free_names(names, n);
    if (err != ERR_NONE) {
        free(listeners); /* the descriptors end with the process */
        return err;
    }
    *ret = listeners;
    *ret_n = (size_t)n;
    return ERR_NONE;
}

/* ---- what is told ---- */

static void tell_loading(const struct store_progress *progress)
{
    uint64_t all = __atomic_load_n(&progress->load_bytes, __ATOMIC_RELAXED);
    uint64_t done = __atomic_load_n(&progress->loaded_bytes, __ATOMIC_RELAXED);
    (void)sd_notifyf(0, "STATUS=Reading the data directory: %llu of %llu MB\nEXTEND_TIMEOUT_USEC=%d000000",
                     (unsigned long long)(done >> 20), (unsigned long long)(all >> 20), EXTENSION_S);
}

static void *tell_each_second(void *arg)
{
    struct service *service = arg;
    struct timespec until;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    pthread_mutex_lock(&service->lock);
    while (!service->is_over) {
        tell_loading(service->progress);
        until.tv_sec++;
        while (!service->is_over && pthread_cond_timedwait(&service->end, &service->lock, &until) == 0)
            continue;
    }
    pthread_mutex_unlock(&service->lock);
    return NULL;
}

void service_load_begin(struct service *service, const struct store_progress *progress)
{
    pthread_condattr_t attributes;
    if (!service_is_watched())
        return;
    service->progress = progress;
    service->is_over = false;
    CHECK(pthread_mutex_init(&service->lock, NULL) == 0);
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&service->end, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
    service->has_thread = pthread_create(&service->thread, NULL, tell_each_second, service) == 0;
}

void service_load_end(struct service *service)
{
    if (!service->has_thread)
        return;
    pthread_mutex_lock(&service->lock);
    service->is_over = true;
    pthread_cond_signal(&service->end);
    pthread_mutex_unlock(&service->lock);
    CHECK(pthread_join(service->thread, NULL) == 0);
    pthread_cond_destroy(&service->end);
    pthread_mutex_destroy(&service->lock);
    service->has_thread = false;
}

void service_say_ready(const struct server *server)
{
    struct engine_stats stats;
    if (!service_is_watched())
        return;
    engine_read_stats(server_engine(server), &stats);
    (void)sd_notifyf(0, "READY=1\nSTATUS=Serving; %llu sessions at the start",
                     (unsigned long long)stats.sessions);
}

void service_say_reloading(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=Reading users and certificate again",
                     (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
}

void service_say_stopping(void)
{
    (void)sd_notify(0, "STOPPING=1\nSTATUS=Ending");
}

/* ---- the watchdog ---- */

static void come_back(struct loop_mail *mail)
{
    struct service_ping *ping = (struct service_ping *)(void *)mail;
    __atomic_store_n(&ping->is_under_way, false, __ATOMIC_RELEASE);
}

static bool are_back(const struct service *service)
{
    for (size_t i = 0; i < SERVICE_WORKERS_MAX; i++)
        if (__atomic_load_n(&service->pings[i].is_under_way, __ATOMIC_ACQUIRE))
            return false;
    return true;
}

static void send_out(struct service *service, const struct server *server)
{
    CHECK(server->nworkers <= SERVICE_WORKERS_MAX);
    for (size_t i = 0; i < server->nworkers; i++) {
        struct service_ping *ping = &service->pings[i];
        ping->mail.open = come_back;
        __atomic_store_n(&ping->is_under_way, true, __ATOMIC_RELAXED);
        loop_post(&server->workers[i]->loop, &ping->mail);
    }
}

int service_wait_signal(struct service *service, const struct server *server, const sigset_t *signals)
{
    uint64_t usec = 0;
    int number = -1;
    if (sd_watchdog_enabled(0, &usec) <= 0) {
        CHECK(sigwait(signals, &number) == 0);
        return number;
    }
    const uint64_t pause_ns = usec * 1000 / 4;
    const struct timespec pause = {.tv_sec = (time_t)(pause_ns / 1000000000U),
                                   .tv_nsec = (long)(pause_ns % 1000000000U)};
    while (number < 0) {
        if (are_back(service)) {
            (void)sd_notify(0, "WATCHDOG=1");
            send_out(service, server);
        }
        number = sigtimedwait(signals, NULL, &pause);
    }
    return number;
}
