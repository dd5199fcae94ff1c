/*
 * Promises of listen.h: an accepted socket is non-blocking, sends at once and finds out about a vanished peer
 * (L4); a socket file left behind is replaced, a live server's and a stranger's file are not; errors say why.
 */
#include "unit.h"

#include "net/listen.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char error[LISTEN_ERROR_MAX];
static char folder[] = "/tmp/cloakroom-listen-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/s", mkdtemp(folder));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static int option_of(int fd, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(fd, level, option, &value, &len), 0);
    return value;
}

static int dial_tcp(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static int dial_unix(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static void what_is_accepted_is_ready_for_use(void **state)
{
    (void)state;
    int listener;
    size_t n = 0;
    assert_int_equal(listen_tcp("127.0.0.1", 0, 4, &listener, &n, error), ERR_NONE);
    assert_int_equal(n, 1);
    int peer = dial_tcp(listen_port(listener));
    int fd = listen_accept(listener);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 10);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 5);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
    assert_int_equal(listen_accept(listener), -1); /* nobody else: it does not wait */
    close(fd);
    close(peer);
    close(listener);
}

/* Appends behind what is there; "any" is one port, whatever the number of addresses. */
static void all_addresses_have_one_port(void **state)
{
    (void)state;
    int fds[1 + LISTEN_PER_NAME_MAX] = {-1};
    size_t n = 1;
    assert_int_equal(listen_tcp(NULL, 0, 4, fds, &n, error), ERR_NONE);
    assert_true(n > 1);
    assert_int_equal(fds[0], -1);
    for (size_t i = 1; i < n; i++)
        assert_int_equal(listen_port(fds[i]), listen_port(fds[1]));
    while (n > 1)
        close(fds[--n]);
}

static void a_port_in_use_is_refused(void **state)
{
    (void)state;
    int fds[2];
    size_t n = 0;
    assert_int_equal(listen_tcp("127.0.0.1", 0, 4, fds, &n, error), ERR_NONE);
    assert_int_equal(listen_tcp("127.0.0.1", listen_port(fds[0]), 4, fds, &n, error), ERR_SYSTEM);
    assert_int_equal(n, 1);
    assert_non_null(strstr(error, "in use"));
    close(fds[0]);
}

static void a_socket_file_has_its_mode(void **state)
{
    (void)state;
    static const unsigned modes[] = {0700, 0770, 0777, 0600};
    mode_t before = umask(022);
    for (size_t i = 0; i < 4; i++) {
        int fd;
        struct stat st;
        assert_int_equal(listen_unix(path, modes[i], 4, &fd, error), ERR_NONE);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, modes[i]);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        close(fd); /* left behind: the next round replaces it */
    }
    assert_int_equal(umask(before), 022); /* as it was */
}

static void a_live_servers_socket_is_not_taken(void **state)
{
    (void)state;
    int fd;
    int other;
    assert_int_equal(listen_unix(path, 0700, 4, &fd, error), ERR_NONE);
    assert_int_equal(listen_unix(path, 0700, 4, &other, error), ERR_SYSTEM);
    assert_non_null(strstr(error, "another server"));
    int peer = dial_unix();
    assert_true(peer >= 0);
    close(peer);
    close(fd);
    assert_int_equal(dial_unix(), -1);
    assert_int_equal(listen_unix(path, 0700, 4, &fd, error), ERR_NONE);
    close(fd);
}

static void a_strangers_file_is_not_taken(void **state)
{
    (void)state;
    unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    int fd;
    assert_int_equal(listen_unix(path, 0700, 4, &fd, error), ERR_USAGE);
    assert_non_null(strstr(error, "no socket"));
    assert_int_equal(access(path, F_OK), 0);
}

static void a_name_too_long_is_refused(void **state)
{
    (void)state;
    char name[200];
    int fd;
    memset(name, 'n', sizeof name);
    name[108] = '\0';
    assert_int_equal(listen_unix(name, 0700, 4, &fd, error), ERR_USAGE);
    assert_non_null(strstr(error, "too long"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_accepted_is_ready_for_use),  cmocka_unit_test(all_addresses_have_one_port),
        cmocka_unit_test(a_port_in_use_is_refused),           cmocka_unit_test(a_socket_file_has_its_mode),
        cmocka_unit_test(a_live_servers_socket_is_not_taken), cmocka_unit_test(a_strangers_file_is_not_taken),
        cmocka_unit_test(a_name_too_long_is_refused),
    };
    return cmocka_run_group_tests_name("listen", tests, make_folder, remove_folder);
}
