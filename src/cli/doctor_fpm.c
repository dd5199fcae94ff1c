/*
 * Asking php-fpm itself, at the socket of each pool, by a page of our own in a file that is gone afterwards. php-fpm reads its
 * files when it starts: what it runs with may be older than what they say. FastCGI is so small that no library is wanted:
 *
 *      1 kind 00 01 len_hi len_lo padding 0, then `len` bytes and the padding
 *      BEGIN_REQUEST, PARAMS, an empty PARAMS, an empty STDIN ─> STDOUT, STDERR …, END_REQUEST
 *
 * Failure: a pool that cannot be asked, or does not answer in time, is left as its files have it.
 */
#include "base/clock.h"
#include "cli/doctor_ask.h"
#include "cli/doctor_view.h"
#include "client/address.h"

#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BEGIN_REQUEST = 1, END_REQUEST = 3, PARAMS = 4, STDIN = 5, STDOUT = 6, RESPONDER = 1 };
enum { HEAD = 8, REQUEST_MAX = 2048, ANSWER_MAX = 1 << 19, ANSWER_MS = 10000 };

/* What decides where a session goes, and how long it lives. */
static const char *const compared[] = {
    "session.save_handler", "session.save_path",         "session.gc_maxlifetime",
    "session.name",         "session.serialize_handler", "memcached.sess_prefix",
};

struct request {
    unsigned char bytes[REQUEST_MAX];
    size_t len;
};

static void add_record(struct request *request, unsigned kind, const void *body, size_t len)
{
    const unsigned char head[HEAD] = {1, (unsigned char)kind,       0,
                                      1, (unsigned char)(len >> 8), (unsigned char)len};
    if (request->len + HEAD + len > REQUEST_MAX)
        return; /* a path that long is none of ours */
    memcpy(request->bytes + request->len, head, HEAD);
    if (len > 0)
        memcpy(request->bytes + request->len + HEAD, body, len);
    request->len += HEAD + len;
}

static void make_request(const char *page, struct request *ret)
{
    static const unsigned char begin[8] = {0, RESPONDER};
    const char *const pairs[][2] = {{"SCRIPT_FILENAME", page}, {"SCRIPT_NAME", page},
                                    {"REQUEST_URI", page},     {"REQUEST_METHOD", "GET"},
                                    {"QUERY_STRING", ""},      {"SERVER_PROTOCOL", "HTTP/1.1"}};
    unsigned char params[REQUEST_MAX / 2];
    size_t len = 0;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t name_len = strlen(pairs[i][0]);
        size_t value_len = strlen(pairs[i][1]); /* below 128, where a length has one byte */
        params[len++] = (unsigned char)name_len;
        params[len++] = (unsigned char)value_len;
        memcpy(params + len, pairs[i][0], name_len);
        memcpy(params + len + name_len, pairs[i][1], value_len);
        len += name_len + value_len;
    }
    *ret = (struct request){0};
    add_record(ret, BEGIN_REQUEST, begin, sizeof begin);
    add_record(ret, PARAMS, params, len);
    add_record(ret, PARAMS, NULL, 0);
    add_record(ret, STDIN, NULL, 0);
}

/* ---- the socket ---- */

static int connect_at(const struct sockaddr *address, socklen_t len, uint32_t timeout_ms)
{
    struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    bool is_set = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 &&
                  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0;
    if (is_set && connect(fd, address, len) == 0)
        return fd;
    close(fd);
    return -1;
}

/* listen = /path, 9000, host:9000; of all addresses it is this machine's own. */
static int connect_to(const struct doctor *doctor, const char *listen)
{
    char text[PATH_MAX];
    char port[16];
    char error[ADDRESS_ERROR_MAX];
    struct address address;
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    bool is_path = listen[0] == '/';
    const char *colon = strrchr(listen, ':');
    bool is_any = colon == NULL || strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0 ||
                  listen[0] == '*';
    if (is_path) {
        int len = snprintf(path.sun_path, sizeof path.sun_path, "%s%s", doctor->root, listen);
        return len < (int)sizeof path.sun_path
                   ? connect_at((struct sockaddr *)&path, sizeof path, doctor->timeout_ms)
                   : -1;
    }
    snprintf(text, sizeof text, "%s%s", is_any ? "127.0.0.1:" : "",
             is_any && colon != NULL ? colon + 1 : listen);
    if (address_parse(text, &address, error) != ERR_NONE || address.kind != ADDRESS_TCP)
        return -1;
    snprintf(port, sizeof port, "%u", (unsigned)address.port);
    if (getaddrinfo(address.host, port, &hints, &found) != 0)
        return -1;
    int fd = connect_at(found->ai_addr, found->ai_addrlen, doctor->timeout_ms);
    freeaddrinfo(found);
    return fd;
}

/* However slowly it drips in. */
static bool read_whole(int fd, void *to, size_t len, uint64_t until_ns)
{
    for (size_t got = 0; got < len;) {
        ssize_t n = recv(fd, (char *)to + got, len - got, 0);
        if (n <= 0 || clock_steady_ns(&clock_system) > until_ns)
            return false;
        got += (size_t)n;
    }
    return true;
}

/* What the page printed, headers first, with a zero behind it. */
static bool read_answer(int fd, char *answer, uint64_t until_ns)
{
    size_t len = 0;
    unsigned char head[HEAD];
    char rest[UINT16_MAX + UINT8_MAX];
    while (read_whole(fd, head, sizeof head, until_ns)) {
        size_t body = (size_t)head[4] << 8 | head[5];
        bool is_said = head[1] == STDOUT && len + body < ANSWER_MAX;
        if (!read_whole(fd, is_said ? answer + len : rest, body, until_ns) ||
            !read_whole(fd, rest, head[6], until_ns))
            return false;
        len += is_said ? body : 0;
        answer[len] = '\0';
        if (head[1] == END_REQUEST)
            return true;
    }
    return false;
}

static json_t *ask(const struct doctor *doctor, const char *listen, const char *page)
{
    struct request request;
    char *answer = calloc(1, ANSWER_MAX);
    json_t *said = NULL;
    int fd = answer == NULL ? -1 : connect_to(doctor, listen);
    make_request(page, &request);
    if (fd >= 0 && send(fd, request.bytes, request.len, MSG_NOSIGNAL) == (ssize_t)request.len &&
        read_answer(fd, answer, clock_steady_ns(&clock_system) + (uint64_t)ANSWER_MS * 1000000))
        said = doctor_ask_read(answer);
    if (fd >= 0)
        close(fd);
    free(answer);
    return said;
}

/* ---- what comes of it ---- */

static void find(struct doctor *doctor, const json_t *view, const char *what)
{
    struct doctor_change change = {0};
    const char *version = doctor_text(view, "version");
    snprintf(change.text, sizeof change.text, "systemctl reload php%.16s-fpm", version);
    doctor_find(doctor, DOCTOR_FPM_NOT_RELOADED, doctor_view_name(view), &change, "%s", what);
}

static void compare(struct doctor *doctor, const json_t *view, const json_t *said)
{
    char what[512];
    char masked[DOCTOR_INI_VALUE_MAX + 1];
    const char *handler = doctor_view_get(view, "session.save_handler");
    const json_t *settings = json_object_get(said, "settings");
    for (size_t i = 0; i < sizeof compared / sizeof *compared; i++) {
        const char *name = compared[i];
        const char *runs = json_string_value(json_object_get(settings, name));
        if (runs == NULL || !doctor_view_is_set(view, name))
            continue;
        doctor_view_mask(name, runs, masked, sizeof masked);
        snprintf(what, sizeof what, "the pool runs with %s = \"%.128s\", its files say \"%.128s\"", name,
                 masked, doctor_view_get(view, name));
        if (strcmp(masked, doctor_view_get(view, name)) != 0) {
            find(doctor, view, what);
            return; /* one of them is enough to go and reload it */
        }
    }
    snprintf(what, sizeof what, "the pool runs without the extension %.64s, which its files load", handler);
    if (doctor_view_has_servers(view) && doctor_view_has(view, handler) &&
        json_object_get(json_object_get(said, "loaded"), handler) == NULL)
        find(doctor, view, what);
}

void doctor_fpm_look(struct doctor *doctor)
{
    char page[] = "/tmp/cloakroom-doctor-XXXXXX.php";
    size_t i;
    json_t *view;
    int fd = doctor_ask_may(doctor) ? mkstemps(page, 4) : -1;
    if (fd < 0)
        return;
    bool is_written = fchmod(fd, 0644) == 0 && dprintf(fd, "<?php %s", doctor_ask_script) > 0;
    close(fd);
    json_array_foreach(doctor->views, i, view)
    {
        const char *listen = doctor_text(view, "listen");
        json_t *said = is_written && listen[0] != '\0' ? ask(doctor, listen, page) : NULL;
        if (said == NULL)
            continue;
        doctor_put(doctor, view, "is_running", json_true());
        compare(doctor, view, said);
        json_decref(said);
    }
    unlink(page);
}
