/*
 * Holds the promise of client/path.h: each way of writing a list is understood, each mistake is named with what to write
 * instead.
 */
#include "unit.h"

#include "client/path.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct path path;

/* name/weight/connect_ms of each, a blank between them. */
static const char *as_text(void)
{
    static char text[4096];
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < path.n; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s/%u/%u", i > 0 ? " " : "",
                                path.servers[i].name, path.servers[i].weight, path.servers[i].connect_ms);
    return text;
}

static const struct {
    const char *text;
    const char *means;
} good[] = {
    {"localhost:11211", "localhost:11211/1/0"},
    {"tcp://localhost:11211", "localhost:11211/1/0"},
    {"[::1]:11211", "[::1]:11211/1/0"},
    {"tcp://[::1]:11211?weight=3", "[::1]:11211/3/0"},
    {"[::1]:11211:7, [::2]:11211", "[::1]:11211/7/0 [::2]:11211/1/0"},
    {"/run/a.sock", "/run/a.sock/1/0"},
    {"unix:///run/a.sock:0?persistent=1", "/run/a.sock/1/0"},
    /* php-memcache */
    {"tcp://10.0.0.1:11211?persistent=1&weight=2&timeout=1&retry_interval=15, tcp://10.0.0.2:11211",
     "10.0.0.1:11211/2/1000 10.0.0.2:11211/1/0"},
    {"tcp://a:1 tcp://b:2,tcp://c:3", "a:1/1/0 b:2/1/0 c:3/1/0"},
    {"tcp://a:1?timeout=0.25 unix:///b?weight=1000", "a:1/1/250 /b/1000/0"},
    {"tcp://a:1?timeout=.0010&udp_port=0&status=1", "a:1/1/1"},
    /* php-memcached */
    {"a:1,b:2", "a:1/1/0 b:2/1/0"},
    {"a:1:10,b:2:20", "a:1/10/0 b:2/20/0"},
    {"a:1 10, b:2 20 ,/run/s", "a:1/10/0 b:2/20/0 /run/s/1/0"},
    {"/run/s 3, a:1", "/run/s/3/0 a:1/1/0"},
    {"a:1?persistent=1", "a:1/1/0"},
    {"  a:1 ,, \tb:2 , \n", "a:1/1/0 b:2/1/0"},
    /* our own */
    {"tls://a:1?weight=2&ca=/etc/ca.pem, tls://b:2", "a:1/2/0 b:2/1/0"},
};

static void test_each_list_is_understood(void **state)
{
    char error[PATH_ERROR_MAX];
    (void)state;
    for (size_t i = 0; i < N_OF(good); i++) {
        if (path_parse(good[i].text, &path, error) != ERR_NONE)
            fail_msg("'%s' was refused: %s", good[i].text, error);
        assert_string_equal(as_text(), good[i].means);
    }
}

static void test_settings_of_tls_are_the_address_s(void **state)
{
    char error[PATH_ERROR_MAX];
    (void)state;
    const char *text =
        "tls://a:1?ca=/c.pem&weight=2&cert=/x.pem&key=/x.key&name=n.example&verify=1, tls://b:2?verify=0";
    assert_int_equal(path_parse(text, &path, error), ERR_NONE);
    const struct address *a = &path.servers[0].address;
    assert_true(a->is_tls);
    assert_string_equal(a->tls.ca, "/c.pem");
    assert_string_equal(a->tls.cert, "/x.pem");
    assert_string_equal(a->tls.key, "/x.key");
    assert_string_equal(a->tls.name, "n.example");
    assert_false(a->tls.is_unverified);
    assert_true(path.servers[1].address.tls.is_unverified);
}

static const struct {
    const char *text;
    const char *hint;
} bad[] = {
    {"", "is empty"},
    {" , ", "is empty"},
    {"a:1, b", "b: the port is missing; write b:11211"},
    {"tcp://a:1, tcp://b", "tcp://b: the port is missing"},
    {"a:1, 5", "the host is missing"},
    {"tcp://a:1 5", "mixed"},
    {"tcp://a:1, b:2", "tcp://a:1 has a scheme, b:2 has none"},
    {"a:1, tcp://b:2", "tcp://b:2 has a scheme, a:1 has none"},
    {"/run/s, unix:///t", "unix:///t has a scheme, /run/s has none"},
    {"tcp://a:1:5", "write tcp://a:1?weight=5"},
    {"tcp://[::1]:1:5", "write tcp://[::1]:1?weight=5"},
    {"a:1:x", "a:1:x: the weight 'x' must be a number"},
    {"a:1:0", "1 to 1000"},
    {"a:1:1001", "1 to 1000"},
    {"a:1:-1", "the weight '-1'"},
    {"tcp://a:1?weight=x", "the weight 'x'"},
    {"tcp://a:1?weight=", "the weight ''"},
    {"a:1:2?weight=3", "two weights"},
    {"a:1:2 3", "two weights"},
    {"tcp://a:1?timeout=soon", "timeout=soon is no number"},
    {"tcp://a:1?timeout=-1", "no number"},
    {"tcp://a:1?timeout=nan", "no number"},
    {"tcp://a:1?timeout=0.0", "no number"},
    {"tcp://a:1?timeout=.", "no number"},
    {"tcp://a:1?timeout=1.x", "no number"},
    {"tcp://a:1?timeout=3601", "no number"},
    {"tcp://a:1?colour=1", "'colour' behind the ? is no setting"},
    {"tcp://a:1?persistent", "lacks its value; write persistent=1"},
    {"tcp://a:1?ca=/x", "ca=/x is for TLS"},
    {"tls://a:1?ca=x", "whole path"},
    {"tls://a:1?cert=/x", "go together"},
    {"tls://a:1?verify=no", "verify= wants 1, or 0"},
    {"tls://a", "the port is missing"},
    {"2;0600;/var/lib/php/sessions", "session.save_handler = files"},
    {"5;/path", "session.save_handler = files"},
    {"PERSISTENT=pool a:1", "old php-memcached"},
    {"a:1,b:2,a:1", "a:1 is there twice"},
    {"tcp://a:1, tls://a:1", "a:1 is there twice"},
    {"::1:11211", "between brackets"},
    {"http://a:1", "only tcp://, tls:// and unix://"},
    {"unix://run/x", "three slashes"},
    {"tcp:/10.0.0.1:11211", "write tcp://host:port"},
};

static void test_each_mistake_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(bad); i++) {
        char error[PATH_ERROR_MAX] = "";
        if (path_parse(bad[i].text, &path, error) != ERR_USAGE)
            fail_msg("'%s' was taken for %s", bad[i].text, as_text());
        if (strstr(error, bad[i].hint) == NULL)
            fail_msg("'%s' was answered '%s', not '%s'", bad[i].text, error, bad[i].hint);
    }
}

static void test_lengths_end_where_they_say(void **state)
{
    char error[PATH_ERROR_MAX];
    static char text[PATH_SERVERS_MAX * 8 + 2 * PATH_PART_MAX];
    (void)state;
    size_t len = 0;
    for (int i = 0; i < PATH_SERVERS_MAX; i++)
        len += (size_t)sprintf(text + len, "h:%d,", i + 1);
    assert_int_equal(path_parse(text, &path, error), ERR_NONE);
    assert_int_equal(path.n, PATH_SERVERS_MAX);
    strcpy(text + len, "h:999");
    assert_int_equal(path_parse(text, &path, error), ERR_USAGE);
    assert_non_null(strstr(error, "more than 32"));
    for (size_t n = PATH_PART_MAX - 1; n <= PATH_PART_MAX; n++) {
        memset(text, 'a', n);
        text[n] = '\0';
        assert_int_equal(path_parse(text, &path, error), ERR_USAGE);
        assert_true(strlen(error) < PATH_ERROR_MAX);
    }
    memset(text, 'a', 253);
    strcpy(text + 253, ":65535:1000");
    assert_int_equal(path_parse(text, &path, error), ERR_NONE);
    assert_int_equal(strlen(path.servers[0].name), 253 + 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_list_is_understood),
        cmocka_unit_test(test_settings_of_tls_are_the_address_s),
        cmocka_unit_test(test_each_mistake_is_named),
        cmocka_unit_test(test_lengths_end_where_they_say),
    };
    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
