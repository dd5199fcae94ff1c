/* From -p, -l, -s to listening sockets, see listener.h. */
#include "server/listener.h"
#include "base/num.h"
#include "net/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t listener_inode(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

struct opening {
    const struct settings *settings;
    struct listener *listeners;
    size_t n;
    char *error;
};

static enum err append(struct opening *opening, struct listener listener)
{
    struct listener *grown = realloc(opening->listeners, (opening->n + 1) * sizeof *grown);
    if (grown == NULL) {
        snprintf(opening->error, LISTENER_ERROR_MAX, "%s", err_text(ERR_MEMORY));
        close(listener.fd);
        return ERR_MEMORY;
    }
    opening->listeners = grown;
    grown[opening->n++] = listener;
    return ERR_NONE;
}

/* What `rules` says of them holds for all that the name stands for. */
static enum err open_ip(struct opening *opening, const char *host, uint16_t port, struct listener rules)
{
    int fds[LISTEN_PER_NAME_MAX];
    size_t n = 0;
    enum err err = rules.is_udp
                       ? listen_udp(host, port, fds, &n, opening->error)
                       : listen_tcp(host, port, (int)opening->settings->backlog, fds, &n, opening->error);
    if (err != ERR_NONE)
        strncat(opening->error, rules.is_udp ? " (see -U and -l)" : " (see -p and -l)",
                LISTENER_ERROR_MAX - strlen(opening->error) - 1);
    for (size_t i = 0; i < n; i++) {
        rules.fd = fds[i];
        if (err == ERR_NONE)
            err = append(opening, rules);
        else
            close(fds[i]);
    }
    return err;
}

/* A port of 0 is one that the system picks. */
static enum err open_host(struct opening *opening, const char *host, const uint16_t *own_port,
                          struct listener rules)
{
    const struct settings *settings = opening->settings;
    enum err err = ERR_NONE;
    if (own_port != NULL || settings->port != 0 || settings->any_port)
        err = open_ip(opening, host, own_port != NULL ? *own_port : (uint16_t)settings->port, rules);
    if (err == ERR_NONE && settings_wants_udp(settings) && !rules.is_tls) {
        rules.is_udp = true;
        err = open_ip(opening, host, own_port != NULL ? *own_port : (uint16_t)settings->udp_port, rules);
    }
    return err;
}

/* Takes `word` off the front of the text. */
static bool skip_word(const char **text, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*text, word, len) != 0)
        return false;
    *text += len;
    return true;
}

bool listener_split(char *address, char **ret_host, uint16_t *ret_port, bool *ret_has_port)
{
    char *port = NULL;
    *ret_host = address;
    if (address[0] == '[') {
        char *end = strchr(address, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        *ret_host = address + 1;
        *end = '\0';
        port = end[1] == ':' ? end + 2 : NULL;
    } else {
        char *colon = strchr(address, ':');
        if (colon != NULL && strchr(colon + 1, ':') == NULL) {
            *colon = '\0';
            port = colon + 1;
        }
    }
    uint32_t number = *ret_port;
    if (port != NULL && (!num_parse_u32(bytes_of(port), &number) || number > UINT16_MAX))
        return false;
    *ret_port = (uint16_t)number;
    *ret_has_port = port != NULL;
    return true;
}

/* The words in front of an address, each narrower or wider than without. */
static struct listener take_rules(const struct settings *settings, const char **text)
{
    struct listener rules = {.role = ROLE_ALL, .is_tls = settings->tls};
    for (;;) {
        if (skip_word(text, "readonly:"))
            rules.role &= ROLE_READ;
        else if (skip_word(text, "noadmin:"))
            rules.role &= ROLE_READ | ROLE_WRITE;
        else if (skip_word(text, "notls:"))
            rules.is_tls = false;
        else
            return rules;
    }
}

static enum err open_address(struct opening *opening, const char *text)
{
    const char *rest = text;
    struct listener rules = take_rules(opening->settings, &rest);
    char address[256];
    char *host;
    uint16_t port = 0;
    bool has_port;
    if (strlen(rest) >= sizeof address || !listener_split(strcpy(address, rest), &host, &port, &has_port)) {
        snprintf(opening->error, LISTENER_ERROR_MAX,
                 "-l %.200s: not understood; write an address, addr:port or [v6]:port", text);
        return ERR_USAGE;
    }
    bool any = strcmp(host, "*") == 0 || strcasecmp(host, "INADDR_ANY") == 0;
    return open_host(opening, any ? NULL : host, has_port ? &port : NULL, rules);
}

static enum err open_list(struct opening *opening, const char *list)
{
    char *copy = strdup(list);
    if (copy == NULL) {
        snprintf(opening->error, LISTENER_ERROR_MAX, "%s", err_text(ERR_MEMORY));
        return ERR_MEMORY;
    }
    enum err err = ERR_NONE;
    char *rest = copy;
    char *one;
    size_t n = 0;
    while (err == ERR_NONE && (one = strsep(&rest, ",; ")) != NULL) {
        if (*one != '\0') {
            err = open_address(opening, one);
            n++;
        }
    }
    free(copy);
    if (n == 0) {
        snprintf(opening->error, LISTENER_ERROR_MAX, "-l %.200s: there is no address in it", list);
        return ERR_USAGE;
    }
    return err;
}

static enum err open_socket(struct opening *opening)
{
    const struct settings *settings = opening->settings;
    int fd = -1;
    enum err err = listen_unix(settings->socket_path, settings->socket_mode, (int)settings->backlog, &fd,
                               opening->error);
    struct listener listener = {.fd = fd,
                                .role = ROLE_ALL,
                                .path = settings->socket_path,
                                .inode = listener_inode(settings->socket_path)};
    return err == ERR_NONE ? append(opening, listener) : err;
}

enum err listener_open_all(const struct settings *settings, struct listener **ret, size_t *ret_n, char *error)
{
    struct opening opening = {.settings = settings, .error = error};
    enum err err = ERR_NONE;
    if (settings->socket_path != NULL)
        err = open_socket(&opening);
    else if (settings->listen.n == 0)
        err = open_host(&opening, "127.0.0.1", NULL,
                        (struct listener){.role = ROLE_ALL, .is_tls = settings->tls});
    for (size_t i = 0; i < settings->listen.n && err == ERR_NONE; i++)
        err = open_list(&opening, settings->listen.items[i]);
    if (err != ERR_NONE) {
        listener_close_all(opening.listeners, opening.n);
        return err;
    }
    *ret = opening.listeners;
    *ret_n = opening.n;
    return ERR_NONE;
}

static bool write_ports(const struct listener *listeners, size_t n, const char *path)
{
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        fprintf(file, "%s %s: %u\n", listeners[i].is_udp ? "UDP" : "TCP",
                listen_is_v6(listeners[i].fd) ? "INET6" : "INET", listen_port(listeners[i].fd));
    bool is_written = ferror(file) == 0;
    return fclose(file) == 0 && is_written;
}

bool listener_has_udp(const struct listener *listeners, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (listeners[i].is_udp)
            return true;
    }
    return false;
}

bool listener_tell_ports(const struct listener *listeners, size_t n, const char *path)
{
    char *written;
    if (asprintf(&written, "%s.lck", path) < 0)
        return false;
    bool ok = write_ports(listeners, n, written) && rename(written, path) == 0;
    free(written);
    return ok;
}

void listener_close_all(struct listener *listeners, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        close(listeners[i].fd);
        if (listeners[i].path != NULL && listeners[i].inode != 0 &&
            listener_inode(listeners[i].path) == listeners[i].inode)
            unlink(listeners[i].path);
        free(listeners[i].passed_path);
    }
    free(listeners);
}
