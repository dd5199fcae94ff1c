/*
 * cloakroomd: assembles settings, engine, listeners and workers, waits for a signal, takes them down again.
 */
#include "base/check.h"
#include "base/hash.h"
#include "base/version.h"
#include "engine/loading.h"
#include "engine/local.h"
#include "io/disk.h"
#include "server/announce.h"
#include "server/idkey.h"
#include "server/process.h"
#include "server/say.h"
#include "server/service.h"
#include "server/tell.h"
#include "server/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ERROR_MAX = ACCESS_ERROR_MAX };

#define MIB               ((uint64_t)1 << 20)
#define BUFFERS_MIN_BYTES (64 * MIB)

/* Each error once, in one line, with what to do about it. */
static void complain(const char *error)
{
    say_line(SAY_ERROR, "start_failed", "%s", error);
}

static void note(void *arg, const char *line)
{
    const struct server *server = arg;
    if (strncmp(line, "recovering:", strlen("recovering:")) == 0)
        say_line(SAY_NOTICE, "loading", "--data %s: %s", server->settings->data, line);
    else
        say_line(SAY_WARNING, "data", "--data %s: %s", server->settings->data, line);
}

/* Tells one boot from the next, so that time that passed between two starts is known. */
static void read_boot_id(char *id, size_t size)
{
    id[0] = '\0';
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file == NULL)
        return;
    if (fgets(id, (int)size, file) != NULL)
        id[strcspn(id, "\n")] = '\0';
    fclose(file);
}

static struct local_config engine_config(struct server *server, char *problem)
{
    const struct settings *settings = server->settings;
    enum store_sync sync = STORE_SYNC_INTERVAL;
    CHECK(settings_sync(settings, &sync));
    return (struct local_config){.store = {.limit_bytes = settings->memory_mib * MIB,
                                           .value_max = settings->value_max,
                                           .seed = hash_random_seed(),
                                           .may_grow = !settings->lock_memory, /* addresses count there */
                                           .no_evict = settings->no_evict,
                                           .evict_sessions = settings->evict_sessions,
                                           .disk = server->disk,
                                           .sync = sync,
                                           .clock = server->clock,
                                           .boot_id = server->boot_id,
                                           .problem = problem,
                                           .progress = &server->progress,
                                           .notice = note,
                                           .notice_arg = server,
                                           .dropped = tell_eviction,
                                           .dropped_arg = server},
                                 .sync_interval_ms = (uint32_t)settings->sync_interval_ms,
                                 .keyclass = {.prefixes = server->prefixes_of_sessions,
                                              .nprefixes = settings->session_prefixes.n,
                                              .has_bare = settings->bare_sessions},
                                 .lives = {.first_s = (uint32_t)settings->first_life_s,
                                           .bot_s = (uint32_t)settings->bot_life_s,
                                           .absolute_s = (uint32_t)settings->absolute_life_s},
                                 .locks = {.add_wait_ms = (uint32_t)settings->lock_wait_ms,
                                           .incr_wait_ms = (uint32_t)settings->lock_wait_incr_ms,
                                           .max_waiters = (uint32_t)settings->max_waiters},
                                 .clock = server->clock};
}

static enum err open_data(struct server *server, char *error)
{
    const char *path = server->settings->data;
    if (path == NULL)
        return ERR_NONE;
    read_boot_id(server->boot_id, sizeof server->boot_id);
    int result = disk_open(path, true, &server->disk);
    if (result == 0)
        return ERR_NONE;
    snprintf(error, ERROR_MAX,
             "--data %.256s: cannot open or make that directory: %s; make it, owned by the user "
             "of the server",
             path, strerror(-result));
    return ERR_SYSTEM;
}

static enum err read_prefixes(struct server *server, char *error)
{
    const struct option_list *words = &server->settings->session_prefixes;
    server->prefixes_of_sessions = calloc(words->n + 1, sizeof *server->prefixes_of_sessions);
    if (server->prefixes_of_sessions == NULL) {
        snprintf(error, ERROR_MAX, "cannot start: %s", err_text(ERR_MEMORY));
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < words->n; i++)
        CHECK(
            keyclass_read(words->items[i], &server->prefixes_of_sessions[i])); /* settings_contradiction() */
    return ERR_NONE;
}

/* The engine that answers; workers that are there already are told of its syncs before they can wait for one. */
static enum err load_engine(struct server *server, const struct local_config *config, char *error)
{
    struct engine *engine = NULL;
    enum err err = local_new(config, &engine);
    if (err == ERR_NONE)
        err = idkey_set(server, engine, config->store.problem);
    if (err != ERR_NONE && config->store.problem[0] == '-') /* names its option itself */
        snprintf(error, ERROR_MAX, "%s", config->store.problem);
    else if (err != ERR_NONE && config->store.problem[0] != '\0')
        snprintf(error, ERROR_MAX, "--data %.128s: %s", server->settings->data, config->store.problem);
    else if (err != ERR_NONE)
        snprintf(error, ERROR_MAX, "cannot set up -m %llu megabytes: %s; give less with -m",
                 (unsigned long long)server->settings->memory_mib, err_text(err));
    if (err != ERR_NONE) {
        engine_free(&engine);
        return err;
    }
    for (size_t i = 0; i < server->nworkers; i++)
        engine_watch(engine, &server->workers[i]->turn.watch);
    __atomic_store_n(&server->engine, engine, __ATOMIC_RELEASE);
    return ERR_NONE;
}

static enum err start_workers(struct server *server, char *error)
{
    size_t n = server->settings->nthreads;
    enum err err = ERR_NONE;
    server->workers = calloc(n, sizeof(struct worker *));
    if (server->workers == NULL)
        err = ERR_MEMORY;
    for (size_t i = 0; i < n && err == ERR_NONE; i++) {
        err = worker_new(server, &server->workers[i]);
        server->nworkers += err == ERR_NONE;
    }
    for (size_t i = 0; i < n && err == ERR_NONE; i++)
        err = worker_start(server->workers[i]);
    if (err != ERR_NONE)
        snprintf(error, ERROR_MAX, "cannot start -t %zu threads: %s", n, err_text(err));
    return err;
}

static enum err load_from_disk(struct server *server, const struct local_config *config,
                               struct service *service, char *error)
{
    service_load_begin(service, &server->progress);
    enum err err = load_engine(server, config, error);
    service_load_end(service);
    return err;
}

/* HTTP that nobody asked for is not worth a start that fails. */
static enum err judge_web(struct server *server, enum err err, char *error)
{
    if (err == ERR_NONE || server->settings->http != NULL)
        return err;
    say_line(SAY_WARNING, "no_http", "no HTTP: %s (--http off: none is wanted)", error);
    web_close(&server->web);
    return ERR_NONE;
}

/* With a disk the workers are there first: who comes while it is read waits, and can ask how far it is. */
static enum err start_service(struct server *server, struct service *service, char *error)
{
    char problem[STORE_PROBLEM_MAX] = "";
    enum err err = open_data(server, error);
    if (err == ERR_NONE)
        err = read_prefixes(server, error);
    if (err != ERR_NONE)
        return err;
    struct local_config config = engine_config(server, problem);
    if (server->disk == NULL) {
        err = load_engine(server, &config, error);
        if (err == ERR_NONE)
            err = start_workers(server, error);
        return err == ERR_NONE ? judge_web(server, web_start(&server->web, error), error) : err;
    }
    err = loading_new(&config.store, &server->loading);
    if (err != ERR_NONE) {
        snprintf(error, ERROR_MAX, "cannot start: %s", err_text(err));
        return err;
    }
    server->engine = server->loading;
    err = start_workers(server, error);
    if (err == ERR_NONE)
        err = judge_web(server, web_start(&server->web, error), error);
    if (err == ERR_NONE)
        err = load_from_disk(server, &config, service, error);
    if (err == ERR_NONE)
        loading_end(server->loading);
    return err;
}

/* Goes on without, as memcached does: the memory may be swapped out. */
static void lock_memory(void)
{
    if (!process_lock_memory())
        say_line(SAY_WARNING, "memory_not_locked",
                 "-k: memory is not locked: %s; raise the limit (ulimit -l, LimitMEMLOCK=) or leave -k out",
                 strerror(errno));
}

/* For scripts that start it with -p -1; as with memcached it goes on without. */
static void tell_ports(const struct server *server)
{
    const char *path = getenv("MEMCACHED_PORT_FILENAME");
    if (path != NULL && !listener_tell_ports(server->listeners, server->nlisteners, path))
        say_line(SAY_WARNING, "ports_not_written",
                 "MEMCACHED_PORT_FILENAME=%s: cannot be written: %s; name a file in a folder that the server "
                 "may write to",
                 path, strerror(errno));
}

static void stop(struct server *server)
{
    web_close(&server->web);
    for (size_t i = 0; i < server->nworkers; i++)
        worker_stop(server->workers[i]);
    if (server->engine != NULL)
        engine_forget_watches(server->engine);
    for (size_t i = 0; i < server->nworkers; i++)
        worker_free(&server->workers[i]);
    free(server->workers);
    listener_close_all(server->listeners, server->nlisteners);
    if (server->engine != server->loading)
        engine_free(&server->engine);
    engine_free(&server->loading);
    free(server->prefixes_of_sessions);
    disk_close(&server->disk);
    access_close(&server->access);
    prefix_fini(&server->prefixes);
    events_fini(&server->events);
    if (server->pid_file != NULL)
        unlink(server->pid_file);
}

/* The signals that main waits for, blocked in every thread. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGUSR1); /* a graceful end to memcached, too */
    sigaddset(set, SIGHUP);  /* this one means: read files again */
    CHECK(pthread_sigmask(SIG_BLOCK, set, NULL) == 0);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

/* Sockets that the service manager has opened take the place of those of the options. */
static enum err open_listeners(struct server *server, char *error)
{
    const struct settings *settings = server->settings;
    enum err err = service_take_listeners(settings, &server->listeners, &server->nlisteners, error);
    if (err == ERR_NONE && server->nlisteners > 0) {
        if (settings->listen.n > 0 || settings->socket_path != NULL)
            say_line(SAY_NOTICE, "option_ignored",
                     "-l and -s are left aside: the service manager has opened the sockets");
        return ERR_NONE;
    }
    if (err == ERR_NONE)
        err = listener_open_all(settings, &server->listeners, &server->nlisteners, error);
    if (err == ERR_NONE && settings->socket_path != NULL)
        err = process_give_away(settings->socket_path, settings->user, error);
    if (err == ERR_NONE && settings->socket_path == NULL)
        tell_ports(server);
    return err;
}

/* In this order: what needs root, the background, the user; threads last, as a fork takes none along. */
static enum err start(struct server *server, struct service *service, int *ret_ready_fd, char *error)
{
    struct settings *settings = server->settings;
    uint64_t nfiles = settings->data != NULL ? STORE_FILES_MAX : 0;
    if (process_raise_descriptors(settings->max_connections, nfiles + HTTP_DESCRIPTORS, error) != ERR_NONE)
        error[0] = '\0'; /* HTTP is served as far as they go */
    enum err err = process_raise_descriptors(settings->max_connections, nfiles, error);
    if (err == ERR_NONE && settings->delimiter != 0 && !prefix_turn(&server->prefixes, true)) {
        snprintf(error, ERROR_MAX, "-D: %s", err_text(ERR_MEMORY));
        err = ERR_MEMORY;
    }
    if (err == ERR_NONE)
        err = access_open(&server->access, settings, server->started_ns, error);
    if (err == ERR_NONE)
        err = open_listeners(server, error);
    if (err == ERR_NONE)
        announce_what_is_not_served(server);
    if (err == ERR_NONE)
        err = judge_web(server, web_open(&server->web, server, error), error);
    if (err == ERR_NONE)
        announce_plain_web(server);
    if (err == ERR_NONE && settings->daemonize && service_is_watched())
        say_line(SAY_NOTICE, "option_ignored",
                 "-d is left aside: the service manager keeps it in the background");
    else if (err == ERR_NONE && settings->daemonize)
        err = process_fork(ret_ready_fd, error);
    if (err == ERR_NONE && settings->pid_file != NULL) {
        err = process_write_pid(settings->pid_file, error);
        server->pid_file = err == ERR_NONE ? settings->pid_file : NULL;
    }
    if (err == ERR_NONE && server->web.listener != NULL && server->web.listener->path != NULL)
        err = process_give_away(server->web.listener->path, settings->user, error);
    if (err == ERR_NONE && settings->core_dumps)
        err = process_allow_cores(error);
    if (err == ERR_NONE && settings->lock_memory)
        process_raise_memlock();
    if (err == ERR_NONE)
        err = process_become_user(settings->user, error);
    if (err == ERR_NONE)
        err = start_service(server, service, error);
    if (err == ERR_NONE)
        err = judge_web(server, web_complete(&server->web, error), error);
    if (err == ERR_NONE && settings->lock_memory)
        lock_memory();
    return err;
}

static uint64_t buffers_bytes(const struct settings *settings)
{
    uint64_t share = settings->memory_mib * MIB / 4;
    if (settings->buffers_mib != 0)
        return settings->buffers_mib * MIB;
    return share < BUFFERS_MIN_BYTES ? BUFFERS_MIN_BYTES : share;
}

static void judge_reload(enum err err, const char *error, const char *what)
{
    if (err != ERR_NONE)
        say_line(SAY_ERROR, "reload_failed",
                 "SIGHUP: %s; the %s stays as it was; mend it, and send the signal again", error, what);
}

static void wait_for_the_end(struct server *server, struct service *service, const sigset_t *signals)
{
    char error[ERROR_MAX];
    int number;
    while ((number = service_wait_signal(service, server, signals)) == SIGHUP) {
        service_say_reloading();
        announce_reload();
        judge_reload(access_reload_users(&server->access, error), error, "list of users");
        judge_reload(web_reload(&server->web, error), error, "HTTP");
        judge_reload(access_reload_certs(&server->access, clock_steady_ns(server->clock), error), error,
                     "certificate");
        service_say_ready(server);
    }
    announce_end(number);
}

static int serve(struct settings *settings)
{
    char error[ERROR_MAX];
    struct server server = {.settings = settings, .clock = &clock_system};
    struct service service = {0};
#ifdef CLOAKROOM_DEBUG
    debug_clock_init(&server.debug_clock);
    server.clock = &server.debug_clock.clock;
#endif
    server.started_ns = clock_steady_ns(server.clock);
    server.buffers.limit_bytes = buffers_bytes(settings);
    prefix_init(&server.prefixes, settings);
    events_init(&server.events);
    server.crawler.is_off = settings->crawler_off;
    sigset_t signals;
    block_signals(&signals);
    int ready_fd = -1;
    enum err err = start(&server, &service, &ready_fd, error);
    if (err == ERR_NONE) {
        announce_ready(&server);
        service_say_ready(&server);
        if (ready_fd >= 0)
            process_detach(ready_fd);
        wait_for_the_end(&server, &service, &signals);
        service_say_stopping();
    } else {
        complain(error);
    }
    stop(&server);
    return err == ERR_NONE ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(struct settings_parser *parser)
{
    struct settings *settings = &parser->settings;
    for (size_t i = 0; i < parser->set.notes.n; i++)
        say_line(SAY_NOTICE, "option_ignored", "%s", parser->set.notes.items[i]);
    if (settings->help) {
        printf("cloakroomd %s: keeps web sessions, speaks memcached %s\n", VERSION_TEXT, VERSION_MEMCACHED);
        settings_print_help(stdout);
        return EXIT_SUCCESS;
    }
    if (settings->version) {
        printf("cloakroomd %s\n", VERSION_TEXT);
        return EXIT_SUCCESS;
    }
    if (settings->license) {
        settings_print_license(stdout);
        return EXIT_SUCCESS;
    }
    if (settings->manual) {
        settings_print_manual(stdout);
        return EXIT_SUCCESS;
    }
    const char *contradiction = settings_contradiction(settings);
    if (contradiction != NULL) {
        complain(contradiction);
        return EXIT_FAILURE;
    }
    return serve(settings);
}

int main(int argc, char *argv[])
{
    process_fill_standard_descriptors();
    struct settings_parser parser = {0};
    int status = EXIT_FAILURE;
    if (settings_parse(&parser, argc, argv) == ERR_NONE)
        status = run(&parser);
    else
        complain(parser.set.error);
    settings_fini(&parser);
    return status;
}
