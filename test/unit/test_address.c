/*
 * Holds the promise of client/address.h: each form is understood, each mistake is named with what to write
 * instead, and nothing is written then.
 */
#include "unit.h"

#include "client/address.h"

#include <stdbool.h>
#include <string.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *text;
    enum address_kind kind;
    const char *place; /* host or path */
    uint16_t port;
} good[] = {
    {"127.0.0.1:11211", ADDRESS_TCP, "127.0.0.1", 11211},
    {"web-1.example_net:1", ADDRESS_TCP, "web-1.example_net", 1},
    {"localhost:65535", ADDRESS_TCP, "localhost", 65535},
    {"tcp://localhost:11211", ADDRESS_TCP, "localhost", 11211},
    {"[::1]:11211", ADDRESS_TCP, "::1", 11211},
    {"tcp://[fe80::1%eth0]:11211", ADDRESS_TCP, "fe80::1%eth0", 11211},
    {"[::ffff:10.0.0.1]:11211", ADDRESS_TCP, "::ffff:10.0.0.1", 11211},
    {"/run/cloakroom.sock", ADDRESS_UNIX, "/run/cloakroom.sock", 0},
    {"unix:///run/cloakroom.sock", ADDRESS_UNIX, "/run/cloakroom.sock", 0},
    {"/run/a b:1,x?.sock", ADDRESS_UNIX, "/run/a b:1,x?.sock", 0},
    {"unix:///run/cloakroom.sock:0", ADDRESS_UNIX, "/run/cloakroom.sock", 0},
    {"unix:11211", ADDRESS_TCP, "unix", 11211},
};

static void test_each_form_is_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(good); i++) {
        struct address address;
        char error[ADDRESS_ERROR_MAX] = "";
        assert_int_equal(address_parse(good[i].text, &address, error), ERR_NONE);
        assert_int_equal(address.kind, good[i].kind);
        assert_string_equal(address.kind == ADDRESS_TCP ? address.host : address.path, good[i].place);
        assert_int_equal(address.port, good[i].port);
        assert_string_equal(error, "");
    }
}

static const struct {
    const char *text;
    const char *hint; /* stands in the error */
} bad[] = {
    {"", "is empty"},
    {"localhost", "the port is missing; write localhost:11211"},
    {"tcp://10.0.0.1", "the port is missing; write tcp://10.0.0.1:11211"},
    {"[::1]", "the port is missing; write [::1]:11211"},
    {"[::1]11211", "the port is missing"},
    {"[::1:11211", "the bracket is not closed"},
    {"[localhost]:11211", "no IPv6 address"},
    {"[]:11211", "no IPv6 address"},
    {"::1:11211", "between brackets"},
    {"fe80::1", "between brackets"},
    {"10.0.0.1:11211:1", "a weight"},
    {"10.0.0.1:11211,10.0.0.2:11211", "this is a list"},
    {"tcp://10.0.0.1:11211?persistent=1&weight=2", "settings of php-memcache"},
    {"tcp://10.0.0.1:11211/", "nothing may follow the port"},
    {"11211", "the host is missing; write 127.0.0.1:11211"},
    {":11211", "the host is missing; write 127.0.0.1:11211"},
    {"localhost:", "1 to 65535"},
    {"localhost:0", "1 to 65535"},
    {"localhost:65536", "1 to 65535"},
    {"localhost:11211x", "1 to 65535"},
    {"localhost:+1", "1 to 65535"},
    {"local host:11211", "no host"},
    {" localhost:11211", "no host"},
    {"local\nhost:11211", "no host"},
    {"tls://localhost", "the port is missing; write tls://localhost:11211"},
    {"tls://[::1]?verify=0", "the port is missing; write tls://[::1]:11211"},
    {"tcp://:11211", "the host is missing; write tcp://127.0.0.1:11211"},
    {"tcp://11211", "the host is missing; write tcp://127.0.0.1:11211"},
    {"tls://h:1?ca=", "ca= wants 1 to 255 bytes"},
    {"tls://h:1?ca=rel", "whole path"},
    {"tls://h:1?key=/k", "go together"},
    {"tls://h:1?verify", "verify= wants 1, or 0"},
    {"tls://h:1?weight=1", "'weight' behind the ?"},
    {"tls://h:1?ca=/a&&verify=1", "'' behind the ?"},
    {"memcached://localhost:11211", "only tcp://, tls:// and unix://"},
    {"http://localhost", "only tcp://, tls:// and unix://"},
    {"run/cloakroom.sock", "whole path"},
    {"unix://run/cloakroom.sock", "three slashes"},
    {"unix:/run/cloakroom.sock", "three slashes"},
    {"unix://", "three slashes"},
    {"tcp:/10.0.0.1:11211", "two slashes follow the colon; write tcp://host:port"},
    {"tls:/10.0.0.1:11211?ca=/c", "write tls://host:port"},
};

static void test_each_mistake_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(bad); i++) {
        struct address address = {.port = 4711};
        char error[ADDRESS_ERROR_MAX] = "";
        assert_int_equal(address_parse(bad[i].text, &address, error), ERR_USAGE);
        assert_int_equal(address.port, 4711);
        if (strstr(error, bad[i].hint) == NULL)
            fail_msg("'%s' was answered '%s', not '%s'", bad[i].text, error, bad[i].hint);
    }
}

static void test_tls(void **state)
{
    (void)state;
    struct address a;
    char error[ADDRESS_ERROR_MAX];
    assert_int_equal(address_parse("tls://[::1]:1?ca=/a&cert=/b&key=/c&name=d&verify=1", &a, error),
                     ERR_NONE);
    assert_true(a.is_tls && a.kind == ADDRESS_TCP && !a.tls.is_unverified);
    assert_string_equal(a.host, "::1");
    assert_string_equal(a.tls.ca, "/a");
    assert_string_equal(a.tls.cert, "/b");
    assert_string_equal(a.tls.key, "/c");
    assert_string_equal(a.tls.name, "d");
    assert_int_equal(address_parse("tls://h:1?verify=0", &a, error), ERR_NONE);
    assert_true(a.is_tls && a.tls.is_unverified && a.tls.ca[0] == '\0');
    assert_int_equal(address_parse("tcp://h:1", &a, error), ERR_NONE);
    assert_false(a.is_tls);
}

static void test_lengths_end_where_they_say(void **state)
{
    (void)state;
    struct address address;
    char error[ADDRESS_ERROR_MAX];
    char text[1024];
    memset(text, 'a', sizeof text);
    strcpy(text + ADDRESS_HOST_MAX - 1, ":11211");
    assert_int_equal(address_parse(text, &address, error), ERR_NONE);
    assert_int_equal(strlen(address.host), ADDRESS_HOST_MAX - 1);
    memset(text, 'a', sizeof text);
    strcpy(text + ADDRESS_HOST_MAX, ":11211");
    assert_int_equal(address_parse(text, &address, error), ERR_USAGE);
    text[0] = '/';
    text[ADDRESS_PATH_MAX - 1] = '\0';
    assert_int_equal(address_parse(text, &address, error), ERR_NONE);
    memset(text + 1, 'a', sizeof text - 1);
    text[ADDRESS_PATH_MAX] = '\0';
    assert_int_equal(address_parse(text, &address, error), ERR_USAGE);
    memset(text, ',', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(address_parse(text, &address, error), ERR_USAGE);
    assert_true(strlen(error) < ADDRESS_ERROR_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_form_is_understood),
        cmocka_unit_test(test_each_mistake_is_named),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_lengths_end_where_they_say),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
