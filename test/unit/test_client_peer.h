/*
 * A peer for test_client.c: a real socket on loopback, and a thread that accepts one connection and plays a
 * script of steps on it.
 *
 * Ownership: the struct and the script are the test's, and outlive peer_end(), which waits for the thread.
 */
#ifndef CLOAKROOM_TEST_CLIENT_PEER_H
#define CLOAKROOM_TEST_CLIENT_PEER_H

#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum act {
    ACT_END,   /* waits until the client has closed, then closes */
    ACT_TAKE,  /* reads up to and with `text`, or `len` letters y and nothing else when that is NULL */
    ACT_SAY,   /* sends `text`, or `len` letters x when that is NULL */
    ACT_DRIP,  /* sends `text` byte by byte, `len` ms before each */
    ACT_SLEEP, /* `len` ms */
    ACT_CLOSE, /* closes at once */
    ACT_RESET  /* closes with a TCP reset */
};

struct step {
    enum act act;
    const char *text;
    size_t len;
};

struct peer {
    pthread_t thread;
    int listen_fd;
    const struct step *steps;
    char server[128];
};

static inline void peer_sleep_ms(size_t ms)
{
    struct timespec ts = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&ts, NULL);
}

static inline void peer_say(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text += sent;
        len -= (size_t)sent;
    }
}

static inline void peer_say_letters(int fd, size_t len)
{
    char *letters = malloc(len);
    memset(letters, 'x', len);
    peer_say(fd, letters, len);
    free(letters);
}

static inline void peer_take(int fd, const char *text)
{
    size_t matched = 0;
    char c;
    while (text[matched] != '\0' && read(fd, &c, 1) == 1)
        matched = c == text[matched] ? matched + 1 : (c == text[0]);
}

/* Says so when something else comes. */
static inline void peer_take_letters(int fd, size_t len)
{
    char letters[65536];
    while (len > 0) {
        ssize_t got = read(fd, letters, len < sizeof letters ? len : sizeof letters);
        if (got <= 0)
            return;
        for (size_t i = 0; i < (size_t)got; i++)
            if (letters[i] != 'y')
                peer_say(fd, "no y\r\n", 6);
        len -= (size_t)got;
    }
}

static inline void peer_drip(int fd, const char *text, size_t pause_ms)
{
    for (; *text != '\0'; text++) {
        peer_sleep_ms(pause_ms);
        peer_say(fd, text, 1);
    }
}

static inline void peer_wait_for_close(int fd)
{
    char rest[4096];
    while (read(fd, rest, sizeof rest) > 0)
        ;
}

static inline void peer_set_reset(int fd)
{
    struct linger linger = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static inline void *peer_play(void *arg)
{
    const struct peer *peer = arg;
    int fd = accept(peer->listen_fd, NULL, NULL);
    const struct step *step = peer->steps;
    for (; step->act != ACT_END && step->act != ACT_CLOSE && step->act != ACT_RESET; step++) {
        if (step->act == ACT_TAKE && step->text == NULL)
            peer_take_letters(fd, step->len);
        else if (step->act == ACT_TAKE)
            peer_take(fd, step->text);
        else if (step->act == ACT_SAY && step->text == NULL)
            peer_say_letters(fd, step->len);
        else if (step->act == ACT_SAY)
            peer_say(fd, step->text, strlen(step->text));
        else if (step->act == ACT_DRIP)
            peer_drip(fd, step->text, step->len);
        else
            peer_sleep_ms(step->len);
    }
    if (step->act == ACT_END)
        peer_wait_for_close(fd);
    if (step->act == ACT_RESET)
        peer_set_reset(fd);
    close(fd);
    return NULL;
}

/* Plays on whatever peer->listen_fd is. */
static inline void peer_start(struct peer *peer, const struct step *steps)
{
    peer->steps = steps;
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_play, peer), 0);
}

/* A listening socket on a free port of loopback. */
static inline int peer_listen(char *ret_server, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(ret_server, size, "127.0.0.1:%u", ntohs(address.sin_port));
    return fd;
}

/* A listening unix socket in a folder of its own. */
static inline int peer_listen_unix(struct sockaddr_un *ret_address, char *ret_server, size_t size)
{
    char folder[] = "/tmp/test_client.XXXXXX";
    assert_non_null(mkdtemp(folder));
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(ret_address->sun_path, sizeof ret_address->sun_path, "%s/sock", folder);
    snprintf(ret_server, size, "unix://%s", ret_address->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)ret_address, sizeof *ret_address), 0);
    assert_int_equal(listen(fd, 0), 0);
    return fd;
}

static inline void peer_remove_unix(struct sockaddr_un *address)
{
    unlink(address->sun_path);
    *strrchr(address->sun_path, '/') = '\0';
    rmdir(address->sun_path);
}

static inline void peer_begin(struct peer *peer, const struct step *steps)
{
    peer->listen_fd = peer_listen(peer->server, sizeof peer->server);
    peer_start(peer, steps);
}

static inline void peer_end(struct peer *peer)
{
    pthread_join(peer->thread, NULL);
    close(peer->listen_fd);
}

static inline uint64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

#endif
