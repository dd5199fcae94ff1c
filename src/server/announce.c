/* Lines about the whole server, see announce.h. */
#include "server/announce.h"
#include "base/version.h"
#include "net/listen.h"
#include "server/say.h"
#include "server/web.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Behind what is there; what does not fit is left out. */
__attribute__((format(printf, 2, 3))) static void put(char words[SAY_VALUE_MAX], const char *format, ...)
{
    size_t len = strlen(words);
    va_list args;
    va_start(args, format);
    vsnprintf(words + len, SAY_VALUE_MAX - len, format, args);
    va_end(args);
}

static void put_places(char words[SAY_VALUE_MAX], const struct server *server)
{
    char web[WEB_SHOWN_MAX];
    for (size_t i = 0; i < server->nlisteners; i++) {
        const struct listener *listener = &server->listeners[i];
        if (listener->path != NULL)
            put(words, " %s", listener->path);
        else
            put(words, " %sport %u%s", listener->is_udp ? "UDP " : "", listen_port(listener->fd),
                listener->is_tls ? " (TLS)" : "");
    }
    web_tell_address(&server->web, web, sizeof web);
    if (web[0] != '\0')
        put(words, ", %s", web);
}

static void put_recovered(char words[SAY_VALUE_MAX], const struct server *server, struct say *say)
{
    struct engine_stats stats;
    engine_read_stats(server->engine, &stats);
    const struct store_stats *s = &stats.store;
    unsigned long long sessions = s->recovered[STORE_SESSION];
    unsigned long long cache = s->recovered[STORE_CACHE];
    put(words, ", %llu sessions and %llu cache items from %s in %.2f s, %llu damaged records", sessions,
        cache, server->settings->data, (double)s->recovery_ms / 1000, (unsigned long long)s->damaged_records);
    if (s->torn_bytes > 0)
        put(words, ", %llu torn bytes cut", (unsigned long long)s->torn_bytes);
    say_add(say, "data", "%s", server->settings->data);
    say_add(say, "sessions", "%llu", sessions);
    say_add(say, "cache_items", "%llu", cache);
    say_add(say, "recovery_ms", "%llu", (unsigned long long)s->recovery_ms);
    say_add(say, "damaged", "%llu", (unsigned long long)s->damaged_records);
}

void announce_ready(const struct server *server)
{
    char words[SAY_VALUE_MAX] = "";
    struct say say;
    say_open(&say, SAY_NOTICE, "ready");
    say_add(&say, "version", "%s", VERSION_TEXT);
    say_add(&say, "memory_mb", "%llu", (unsigned long long)server->settings->memory_mib);
    say_add(&say, "threads", "%zu", server->nworkers);
    put(words, "cloakroomd %s ready:%s", VERSION_TEXT, server->nlisteners == 0 ? " nowhere" : "");
    put_places(words, server);
    put(words, ", %llu MB, %zu threads", (unsigned long long)server->settings->memory_mib, server->nworkers);
    if (server->disk != NULL)
        put_recovered(words, server, &say);
    say_add(&say, "msg", "%s", words);
    say_close(&say);
}

/* Both are as with memcached, but for TLS: there, what TLS is to protect can be had by UDP. */
void announce_what_is_not_served(const struct server *server)
{
    const struct settings *settings = server->settings;
    if (settings_wants_udp(settings) && !listener_has_udp(server->listeners, server->nlisteners))
        say_line(SAY_WARNING, "not_served", "%s",
                 settings->tls
                     ? "-U: with -Z, UDP is served only at addresses with notls: in front; give "
                       "-l notls:ADDRESS, or leave -U out"
                     : "-U: not served: UDP needs an address of -l, and there is none but -s or what the "
                       "service manager has opened; give -l, or leave -U out");
    if (server->nlisteners == 0)
        say_line(SAY_WARNING, "not_served", "-p 0: no client can connect; give -p, -l or -s");
}

void announce_plain_web(const struct server *server)
{
    if (server->web.http != NULL && server->web.is_plain)
        say_line(
            SAY_WARNING, "plain_http",
            "--http: without TLS its token can be read on the way from other machines; give --http-cert, or "
            "listen on 127.0.0.1");
}

void announce_end(int signal_number)
{
    struct say say;
    say_open(&say, SAY_NOTICE, "stopping");
    say_add(&say, "signal", "%s", sigabbrev_np(signal_number));
    say_close(&say);
}

void announce_reload(void)
{
    say_line(SAY_NOTICE, "reload", "users, certificates and tokens are read again");
}
