/*
 * Promises of listener.h: what -l, -p and -s may say, which role a connection gets there, and that everything is
 * closed and removed again. Ports are 0, "any", so that nothing else is in the way.
 */
#include "unit.h"

#include "net/listen.h"
#include "server/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char error[LISTENER_ERROR_MAX];

/* Opens what one -l says; how many there are, or -1. */
static int open_list(const char *list, struct listener **ret)
{
    char *items[1] = {strdup(list)};
    struct settings settings = {
        .any_port = true, .listen = {.items = items, .n = 1}, .backlog = 4, .tls = true};
    size_t n = 0;
    enum err err = listener_open_all(&settings, ret, &n, error);
    free(items[0]);
    return err == ERR_NONE ? (int)n : -1;
}

static void assert_opens(const char *list, int n, unsigned role)
{
    struct listener *listeners;
    assert_int_equal(open_list(list, &listeners), n);
    for (int i = 0; i < n; i++) {
        assert_int_equal(listeners[i].role, role);
        assert_int_not_equal(listen_port(listeners[i].fd), 0);
        assert_null(listeners[i].path);
    }
    listener_close_all(listeners, (size_t)n);
}

static void assert_refuses(const char *list)
{
    struct listener *listeners;
    error[0] = '\0';
    assert_int_equal(open_list(list, &listeners), -1);
    assert_string_not_equal(error, "");
}

static void addresses_in_all_their_forms(void **state)
{
    (void)state;
    assert_opens("127.0.0.1", 1, ROLE_ALL);
    assert_opens("127.0.0.1:0", 1, ROLE_ALL);
    assert_opens("127.0.0.1:0,127.0.0.1:0", 2, ROLE_ALL);
    assert_opens("127.0.0.1:0;127.0.0.1:0", 2, ROLE_ALL);
    assert_opens("127.0.0.1:0, 127.0.0.1:0", 2, ROLE_ALL);
    assert_opens("127.0.0.1:0,,127.0.0.1", 2, ROLE_ALL);
}

static void v6_addresses_in_all_their_forms(void **state)
{
    (void)state;
    int fd;
    size_t n = 0;
    char why[LISTEN_ERROR_MAX];
    if (listen_tcp("::1", 0, 1, &fd, &n, why) != ERR_NONE)
        skip(); /* a machine without IPv6 */
    close(fd);
    assert_opens("::1", 1, ROLE_ALL);
    assert_opens("[::1]", 1, ROLE_ALL);
    assert_opens("[::1]:0", 1, ROLE_ALL);
    assert_refuses("[::1");
    assert_refuses("[::1]0");
}

static void roles_narrow_what_is_allowed(void **state)
{
    (void)state;
    assert_opens("readonly:127.0.0.1", 1, ROLE_READ);
    assert_opens("noadmin:127.0.0.1:0", 1, ROLE_READ | ROLE_WRITE);
    struct listener *listeners;
    assert_int_equal(open_list("readonly:127.0.0.1,127.0.0.1,noadmin:127.0.0.1", &listeners), 3);
    assert_int_equal(listeners[0].role, ROLE_READ);
    assert_int_equal(listeners[1].role, ROLE_ALL);
    assert_int_equal(listeners[2].role, ROLE_READ | ROLE_WRITE);
    listener_close_all(listeners, 3);
}

static void words_stand_in_any_order(void **state)
{
    (void)state;
    struct listener *listeners;
    assert_int_equal(open_list("notls:readonly:127.0.0.1,noadmin:notls:127.0.0.1,readonly:127.0.0.1,"
                               "noadmin:readonly:127.0.0.1",
                               &listeners),
                     4);
    assert_int_equal(listeners[0].role, ROLE_READ);
    assert_false(listeners[0].is_tls);
    assert_int_equal(listeners[1].role, ROLE_READ | ROLE_WRITE);
    assert_false(listeners[1].is_tls);
    assert_int_equal(listeners[2].role, ROLE_READ);
    assert_true(listeners[2].is_tls);
    assert_int_equal(listeners[3].role, ROLE_READ);
    listener_close_all(listeners, 4);
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    assert_refuses("127.0.0.1:65536");
    assert_refuses("127.0.0.1:");
    assert_refuses("127.0.0.1:x");
    assert_refuses("127.0.0.1:-1");
    assert_refuses(",");
    assert_refuses("127.0.0.1,127.0.0.1:65536"); /* and the first is closed again */
    char longest[400];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_refuses(longest);
}

static void a_socket_file_stands_alone_and_is_removed(void **state)
{
    (void)state;
    char folder[] = "/tmp/cloakroom-listener-XXXXXX";
    char path[64];
    snprintf(path, sizeof path, "%s/s", mkdtemp(folder));
    struct settings settings = {.socket_path = path, .socket_mode = 0700, .port = 1, .backlog = 4};
    struct listener *listeners;
    size_t n = 0;
    assert_int_equal(listener_open_all(&settings, &listeners, &n, error), ERR_NONE);
    assert_int_equal(n, 1); /* -p does not count then */
    assert_string_equal(listeners[0].path, path);
    assert_int_equal(listeners[0].role, ROLE_ALL);
    assert_int_equal(access(path, F_OK), 0);
    listener_close_all(listeners, n);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* -p 0, as memcached; main says so. */
static void nowhere_is_no_error(void **state)
{
    (void)state;
    char *address[] = {"127.0.0.1"};
    struct settings settings = {.backlog = 4};
    for (size_t i = 0; i < 2; i++) {
        struct listener *listeners;
        size_t n = 7;
        assert_int_equal(listener_open_all(&settings, &listeners, &n, error), ERR_NONE);
        assert_int_equal(n, 0);
        listener_close_all(listeners, n);
        settings.listen = (struct option_list){.items = address, .n = 1};
    }
}

/* Each address has both, but where TLS is asked for; its own port is that of both. */
static void udp_is_beside_tcp(void **state)
{
    (void)state;
    static const struct {
        char *address;
        bool tls, any_port;
        size_t n;
        bool is_udp[2];
    } rows[] = {
        {"127.0.0.1:0", false, true, 2, {false, true}},
        {"127.0.0.1", false, true, 2, {false, true}},
        {"127.0.0.1", false, false, 1, {true, false}},
        {"127.0.0.1:0", true, true, 1, {false, false}},
        {"notls:127.0.0.1:0", true, true, 2, {false, true}},
        {"readonly:127.0.0.1:0", false, true, 2, {false, true}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *address[] = {rows[i].address};
        struct settings settings = {.backlog = 4,
                                    .tls = rows[i].tls,
                                    .any_port = rows[i].any_port,
                                    .any_udp_port = true,
                                    .listen = {.items = address, .n = 1}};
        struct listener *listeners;
        size_t n = 0;
        assert_int_equal(listener_open_all(&settings, &listeners, &n, error), ERR_NONE);
        assert_int_equal(n, rows[i].n);
        bool has_udp = false;
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(listeners[k].is_udp, rows[i].is_udp[k]);
            assert_int_equal(listeners[k].role, listeners[0].role);
            assert_int_not_equal(listen_port(listeners[k].fd), 0);
            has_udp = has_udp || listeners[k].is_udp;
        }
        assert_int_equal(listener_has_udp(listeners, n), has_udp);
        listener_close_all(listeners, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_in_all_their_forms),
        cmocka_unit_test(v6_addresses_in_all_their_forms),
        cmocka_unit_test(roles_narrow_what_is_allowed),
        cmocka_unit_test(words_stand_in_any_order),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(a_socket_file_stands_alone_and_is_removed),
        cmocka_unit_test(nowhere_is_no_error),
        cmocka_unit_test(udp_is_beside_tcp),
    };
    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
