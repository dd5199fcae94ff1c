/*
 * Holds the promises of client/client.h and client/connect.h: every call ends within its time however slowly
 * bytes drip in; whatever would bring answers and requests out of step closes the connection for good; and
 * each failure says what is wrong.
 */
#include "test_client_peer.h"

#include "client/client.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/un.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct client_limits patient = {.connect_ms = 5000, .answer_ms = 5000};
static const struct client_limits hasty = {.connect_ms = 5000, .answer_ms = 60};

static enum err ask(struct client *client, const char *request)
{
    struct bytes part = bytes_of(request);
    return client_send(client, &part, 1);
}

static void expect_line(struct client *client, const char *text)
{
    struct bytes line;
    assert_int_equal(client_read_line(client, &line), ERR_NONE);
    assert_true(bytes_equal(line, bytes_of(text)));
}

/* The client has closed, said why, and does nothing more. */
static void expect_closed(struct client *client, const struct peer *peer, const char *why)
{
    struct bytes untouched = bytes_of("untouched");
    char error[CLIENT_ERROR_MAX];
    strcpy(error, client->error);
    assert_true(strncmp(error, peer->server, strlen(peer->server)) == 0);
    if (strstr(error, why) == NULL)
        fail_msg("'%s' does not say '%s'", error, why);
    assert_null(strpbrk(error, "\r\n"));
    assert_int_equal(ask(client, "version\r\n"), ERR_CLOSED);
    assert_int_equal(client_read_line(client, &untouched), ERR_CLOSED);
    assert_int_equal(client_read_value(client, NULL, 0), ERR_CLOSED);
    assert_int_equal(client_finish(client), ERR_CLOSED);
    assert_true(bytes_equal(untouched, bytes_of("untouched")));
    assert_string_equal(client->error, error);
}

/* Opens, asks once, and reads a line that must fail. */
static void expect_no_line(const struct step *steps, struct client_limits limits, enum err err,
                           const char *why)
{
    struct peer peer;
    struct client client;
    struct bytes line = bytes_of("untouched");
    peer_begin(&peer, steps);
    assert_int_equal(client_open(&client, peer.server, limits), ERR_NONE);
    assert_int_equal(ask(&client, "get a\r\n"), ERR_NONE);
    assert_int_equal(client_read_line(&client, &line), err);
    assert_true(bytes_equal(line, bytes_of("untouched")));
    expect_closed(&client, &peer, why);
    peer_end(&peer);
}

/* ---- answers ---- */

static void test_lines_and_values_in_any_pieces(void **state)
{
    (void)state;
    static const struct step whole[] = {{ACT_TAKE, "get a\r\n", 0},
                                        {ACT_SAY, "VALUE a 0 5\r\nv\r\nue\r\nEND\r\n", 0},
                                        {ACT_TAKE, "get b\r\n", 0},
                                        {ACT_SAY, "END\r\n", 0},
                                        {0}};
    static const struct step dripped[] = {{ACT_TAKE, "get a\r\n", 0},
                                          {ACT_DRIP, "VALUE a 0 5\r\nv\r\nue\r\nEND\r\n", 1},
                                          {ACT_TAKE, "get b\r\n", 0},
                                          {ACT_DRIP, "END\r\n", 1},
                                          {0}};
    const struct step *const scripts[] = {whole, dripped};
    for (size_t i = 0; i < N_OF(scripts); i++) {
        struct peer peer;
        struct client client;
        char value[5];
        peer_begin(&peer, scripts[i]);
        assert_int_equal(client_open(&client, peer.server, patient), ERR_NONE);
        assert_int_equal(ask(&client, "get a\r\n"), ERR_NONE);
        expect_line(&client, "VALUE a 0 5");
        assert_int_equal(client_read_value(&client, value, sizeof value), ERR_NONE);
        assert_memory_equal(value, "v\r\nue", sizeof value);
        expect_line(&client, "END");
        assert_int_equal(client_finish(&client), ERR_NONE);
        assert_int_equal(ask(&client, "get b\r\n"), ERR_NONE);
        expect_line(&client, "END");
        assert_int_equal(client_finish(&client), ERR_NONE);
        client_close(&client);
        client_close(&client);
        peer_end(&peer);
    }
}

static void test_large_values_both_ways(void **state)
{
    (void)state;
    enum { LARGE = 16 << 20 }; /* more than the kernel takes at once */
    static const struct step steps[] = {{ACT_TAKE, "set a 0 0 16777216\r\n", 0},
                                        {ACT_TAKE, NULL, LARGE},
                                        {ACT_TAKE, "\r\n", 0},
                                        {ACT_SAY, NULL, LARGE},
                                        {ACT_SAY, "\r\nEND\r\n", 0},
                                        {0}};
    struct peer peer;
    struct client client;
    char *value = malloc(LARGE);
    memset(value, 'y', LARGE);
    struct bytes parts[] = {
        bytes_of("set a 0 0 16777216"), bytes_of("\r\n"), {.p = value, .len = LARGE}, {0}, bytes_of("\r\n")};
    peer_begin(&peer, steps);
    assert_int_equal(client_open(&client, peer.server, patient), ERR_NONE);
    assert_int_equal(client_send(&client, parts, N_OF(parts)), ERR_NONE);
    assert_int_equal(client_read_value(&client, value, LARGE), ERR_NONE);
    for (size_t i = 0; i < LARGE; i++)
        if (value[i] != 'x')
            fail_msg("byte %zu is wrong", i);
    expect_line(&client, "END");
    assert_int_equal(client_finish(&client), ERR_NONE);
    client_close(&client);
    peer_end(&peer);
    free(value);
}

static void test_the_longest_line_and_one_byte_more(void **state)
{
    (void)state;
    static const struct step longest[] = {
        {ACT_TAKE, "get a\r\n", 0}, {ACT_SAY, NULL, CLIENT_LINE_MAX}, {ACT_SAY, "\r\n", 0}, {0}};
    static const struct step longer[] = {
        {ACT_TAKE, "get a\r\n", 0}, {ACT_SAY, NULL, CLIENT_LINE_MAX + 1}, {ACT_SAY, "\r\n", 0}, {0}};
    static const struct step endless[] = {{ACT_TAKE, "get a\r\n", 0}, {ACT_SAY, NULL, 100000}, {0}};
    struct peer peer;
    struct client client;
    struct bytes line;
    peer_begin(&peer, longest);
    assert_int_equal(client_open(&client, peer.server, patient), ERR_NONE);
    assert_int_equal(ask(&client, "get a\r\n"), ERR_NONE);
    assert_int_equal(client_read_line(&client, &line), ERR_NONE);
    assert_int_equal(line.len, CLIENT_LINE_MAX);
    client_close(&client);
    peer_end(&peer);
    expect_no_line(longer, patient, ERR_PROTOCOL, "a line of more than");
    expect_no_line(endless, patient, ERR_PROTOCOL, "a line of more than");
}

/* ---- what closes ---- */

static void test_time_outs_hold_however_bytes_drip(void **state)
{
    (void)state;
    static const struct step silent[] = {{ACT_TAKE, "get a\r\n", 0}, {0}};
    static const struct step dripping[] = {
        {ACT_TAKE, "get a\r\n", 0},
        {ACT_DRIP, "a line of sixty letters that comes at ten milliseconds a byte", 10},
        {0}};
    uint64_t from_ms = now_ms();
    expect_no_line(silent, hasty, ERR_TIMEOUT, "no answer within 60 ms");
    assert_true(now_ms() - from_ms >= 60);
    struct peer peer;
    struct client client;
    struct bytes line;
    peer_begin(&peer, dripping);
    assert_int_equal(client_open(&client, peer.server, hasty), ERR_NONE);
    assert_int_equal(ask(&client, "get a\r\n"), ERR_NONE);
    from_ms = now_ms();
    assert_int_equal(client_read_line(&client, &line), ERR_TIMEOUT);
    assert_in_range(now_ms() - from_ms, 60, 400);
    expect_closed(&client, &peer, "no answer within 60 ms");
    peer_end(&peer);
}

static void test_a_value_that_stops_times_out(void **state)
{
    (void)state;
    static const struct step steps[] = {{ACT_TAKE, "get a\r\n", 0}, {ACT_SAY, NULL, 50}, {0}};
    struct peer peer;
    struct client client;
    char value[100];
    peer_begin(&peer, steps);
    assert_int_equal(client_open(&client, peer.server, hasty), ERR_NONE);
    assert_int_equal(ask(&client, "get a\r\n"), ERR_NONE);
    assert_int_equal(client_read_value(&client, value, sizeof value), ERR_TIMEOUT);
    expect_closed(&client, &peer, "no answer within");
    peer_end(&peer);
}

static void test_a_peer_that_reads_nothing_times_out(void **state)
{
    (void)state;
    enum { LARGE = 16 << 20 };
    static const struct step steps[] = {{ACT_SLEEP, NULL, 300}, {ACT_CLOSE, NULL, 0}};
    struct peer peer;
    struct client client;
    char *value = calloc(1, LARGE);
    struct bytes part = {.p = value, .len = LARGE};
    peer_begin(&peer, steps);
    assert_int_equal(client_open(&client, peer.server, hasty), ERR_NONE);
    assert_int_equal(client_send(&client, &part, 1), ERR_TIMEOUT);
    expect_closed(&client, &peer, "no answer within");
    peer_end(&peer);
    free(value);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

/* PHP's own timer interrupts system calls. */
static void test_signals_do_not_lengthen_a_wait(void **state)
{
    (void)state;
    static const struct step steps[] = {{ACT_TAKE, "get a\r\n", 0}, {0}};
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval every = {.it_interval.tv_usec = 5000, .it_value.tv_usec = 5000};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    uint64_t from_ms = now_ms();
    expect_no_line(steps, hasty, ERR_TIMEOUT, "no answer within 60 ms");
    uint64_t took_ms = now_ms() - from_ms;
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    assert_in_range(took_ms, 60, 1000);
}

static void test_a_peer_that_closes(void **state)
{
    (void)state;
    static const struct step at_once[] = {{ACT_TAKE, "get a\r\n", 0}, {ACT_CLOSE, NULL, 0}};
    static const struct step in_between[] = {
        {ACT_TAKE, "get a\r\n", 0}, {ACT_SAY, "VALUE a 0", 0}, {ACT_CLOSE, NULL, 0}};
    static const struct step with_reset[] = {{ACT_TAKE, "get a\r\n", 0}, {ACT_RESET, NULL, 0}};
    expect_no_line(at_once, patient, ERR_CLOSED, "or it wants TLS: tls://");
    expect_no_line(in_between, patient, ERR_CLOSED, "closed the connection before the answer was whole");
    expect_no_line(with_reset, patient, ERR_CLOSED, "broke off");
}

/* Opens, lets the peer act, and finds that the first request cannot be sent. */
static void expect_unsent(const struct step *steps, enum err err, const char *why)
{
    struct peer peer;
    struct client client;
    peer_begin(&peer, steps);
    assert_int_equal(client_open(&client, peer.server, patient), ERR_NONE);
    peer_sleep_ms(50);
    assert_int_equal(ask(&client, "get a\r\n"), err);
    expect_closed(&client, &peer, why);
    peer_end(&peer);
}

static void test_nothing_is_sent_after_the_peer_has_left_or_spoken(void **state)
{
    (void)state;
    static const struct step closing[] = {{ACT_CLOSE, NULL, 0}};
    static const struct step full[] = {{ACT_SAY, "ERROR Too many open connections\r\n", 0},
                                       {ACT_CLOSE, NULL, 0}};
    expect_unsent(closing, ERR_CLOSED, "closed the connection since it was last used");
    expect_unsent(
        full, ERR_PROTOCOL,
        "said 'ERROR Too many open connections' before it was asked: raise the server's limit (-c)");
}

static void test_an_answer_too_many(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {ACT_TAKE, "get a\r\n", 0}, {ACT_SAY, "END\r\nVALUE b 0 1\r\n", 0}, {0}};
    struct peer peer;
    struct client client;
    peer_begin(&peer, steps);
    assert_int_equal(client_open(&client, peer.server, patient), ERR_NONE);
    assert_int_equal(ask(&client, "get a\r\n"), ERR_NONE);
    expect_line(&client, "END");
    peer_sleep_ms(20);
    if (client_finish(&client) == ERR_NONE)
        assert_int_equal(ask(&client, "get b\r\n"), ERR_PROTOCOL);
    assert_false(client.is_open);
    peer_end(&peer);
}

static void test_an_answer_half_read_is_never_the_next_ones(void **state)
{
    (void)state;
    static const struct step steps[] = {{ACT_TAKE, "get a\r\n", 0}, {0}};
    struct peer peer;
    struct client client;
    peer_begin(&peer, steps);
    assert_int_equal(client_open(&client, peer.server, patient), ERR_NONE);
    assert_int_equal(ask(&client, "get a\r\n"), ERR_NONE);
    assert_int_equal(ask(&client, "get b\r\n"), ERR_PROTOCOL);
    expect_closed(&client, &peer, "not read to its end");
    peer_end(&peer);
}

static void test_values_longer_than_announced(void **state)
{
    (void)state;
    static const struct step steps[] = {{ACT_TAKE, "get a\r\n", 0}, {ACT_SAY, "value\r\n", 0}, {0}};
    struct peer peer;
    struct client client;
    char value[4];
    peer_begin(&peer, steps);
    assert_int_equal(client_open(&client, peer.server, patient), ERR_NONE);
    assert_int_equal(ask(&client, "get a\r\n"), ERR_NONE);
    assert_int_equal(client_read_value(&client, value, sizeof value), ERR_PROTOCOL);
    expect_closed(&client, &peer, "longer than it had announced");
    peer_end(&peer);
}

static void test_strangers_are_recognised(void **state)
{
    (void)state;
    static const struct step bare[] = {{ACT_TAKE, "get a\r\n", 0}, {ACT_SAY, "\033[2Jhello\n", 0}, {0}};
    static const struct step redis[] = {
        {ACT_TAKE, "get a\r\n", 0}, {ACT_SAY, "-ERR wrong number of arguments\r\n", 0}, {0}};
    struct peer peer;
    struct client client;
    struct bytes line;
    expect_no_line(bare, patient, ERR_PROTOCOL, "answered '?[2Jhello'");
    peer_begin(&peer, redis);
    assert_int_equal(client_open(&client, peer.server, patient), ERR_NONE);
    assert_int_equal(ask(&client, "get a\r\n"), ERR_NONE);
    assert_int_equal(client_read_line(&client, &line), ERR_NONE);
    assert_false(client_is_refusal(line));
    assert_int_equal(client_reject(&client, line), ERR_PROTOCOL);
    expect_closed(&client, &peer, "this is Redis");
    peer_end(&peer);
}

static void test_refusals_are_the_three_of_the_protocol(void **state)
{
    (void)state;
    assert_true(client_is_refusal(bytes_of("ERROR")));
    assert_true(client_is_refusal(bytes_of("ERROR Too many open connections")));
    assert_true(client_is_refusal(bytes_of("CLIENT_ERROR bad data chunk")));
    assert_true(client_is_refusal(bytes_of("SERVER_ERROR out of memory storing object")));
    assert_false(client_is_refusal(bytes_of("ERRORS")));
    assert_false(client_is_refusal(bytes_of("STORED")));
    assert_false(client_is_refusal((struct bytes){0}));
}

/* ---- connecting ---- */

static void expect_unopened(const char *server, enum err err, const char *why)
{
    struct client client;
    uint64_t from_ms = now_ms();
    assert_int_equal(client_open(&client, server, (struct client_limits){100, 100}), err);
    assert_true(now_ms() - from_ms < 1000);
    assert_non_null(strstr(client.error, server));
    if (strstr(client.error, why) == NULL)
        fail_msg("'%s' does not say '%s'", client.error, why);
    assert_int_equal(ask(&client, "version\r\n"), ERR_CLOSED);
    client_close(&client);
}

static void test_what_cannot_be_reached(void **state)
{
    (void)state;
    char server[64];
    close(peer_listen(server, sizeof server));
    expect_unopened(server, ERR_SYSTEM, "nobody is listening there");
    expect_unopened("/nonexistent/cloakroom.sock", ERR_SYSTEM, "there is no such socket");
    expect_unopened("localhost", ERR_USAGE, "the port is missing");
}

/* A listener whose queue is full and that accepts nothing: a unix socket lets wait, TCP drops. */
static void test_a_full_queue_times_out(void **state)
{
    (void)state;
    char server[128];
    struct sockaddr_un address;
    struct client first;
    int fd = peer_listen_unix(&address, server, sizeof server);
    assert_int_equal(client_open(&first, server, patient), ERR_NONE);
    assert_int_equal(fcntl(first.channel.fd, F_GETFD), FD_CLOEXEC);
    uint64_t from_ms = now_ms();
    expect_unopened(server, ERR_TIMEOUT, "no connection in time");
    assert_true(now_ms() - from_ms >= 90);
    client_close(&first);
    close(fd);
    peer_remove_unix(&address);
}

/* On a unix socket the kernel would send SIGPIPE, which nobody may get who only uses a client. */
static void test_a_peer_that_leaves_while_it_is_sent_to(void **state)
{
    (void)state;
    enum { LARGE = 16 << 20 };
    static const struct step steps[] = {{ACT_SLEEP, NULL, 50}, {ACT_CLOSE, NULL, 0}};
    struct sockaddr_un address;
    struct peer peer;
    struct client client;
    char *value = calloc(1, LARGE);
    struct bytes part = {.p = value, .len = LARGE};
    peer.listen_fd = peer_listen_unix(&address, peer.server, sizeof peer.server);
    peer_start(&peer, steps);
    assert_int_equal(client_open(&client, peer.server, patient), ERR_NONE);
    assert_int_equal(client_send(&client, &part, 1), ERR_CLOSED);
    expect_closed(&client, &peer, "broke off");
    peer_end(&peer);
    peer_remove_unix(&address);
    free(value);
}

static void test_a_full_queue_times_out_over_tcp(void **state)
{
    (void)state;
    enum { TRIES = 16 };
    char server[64];
    struct client clients[TRIES] = {0};
    int fd = peer_listen(server, sizeof server);
    assert_int_equal(listen(fd, 0), 0);
    enum err err = ERR_NONE;
    for (size_t i = 0; i < TRIES && err == ERR_NONE; i++)
        err = client_open(&clients[i], server, (struct client_limits){100, 100});
    assert_int_equal(err, ERR_TIMEOUT);
    for (size_t i = 0; i < TRIES; i++)
        client_close(&clients[i]);
    close(fd);
}

static void test_closing_takes_what_was_never_open(void **state)
{
    (void)state;
    struct client zeroed = {0};
    int before = fcntl(zeroed.channel.fd, F_GETFD);
    client_close(NULL);
    client_close(&zeroed);
    assert_int_equal(fcntl(zeroed.channel.fd, F_GETFD), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_and_values_in_any_pieces),
        cmocka_unit_test(test_large_values_both_ways),
        cmocka_unit_test(test_the_longest_line_and_one_byte_more),
        cmocka_unit_test(test_time_outs_hold_however_bytes_drip),
        cmocka_unit_test(test_a_value_that_stops_times_out),
        cmocka_unit_test(test_a_peer_that_reads_nothing_times_out),
        cmocka_unit_test(test_signals_do_not_lengthen_a_wait),
        cmocka_unit_test(test_a_peer_that_closes),
        cmocka_unit_test(test_nothing_is_sent_after_the_peer_has_left_or_spoken),
        cmocka_unit_test(test_an_answer_too_many),
        cmocka_unit_test(test_an_answer_half_read_is_never_the_next_ones),
        cmocka_unit_test(test_values_longer_than_announced),
        cmocka_unit_test(test_strangers_are_recognised),
        cmocka_unit_test(test_refusals_are_the_three_of_the_protocol),
        cmocka_unit_test(test_what_cannot_be_reached),
        cmocka_unit_test(test_a_full_queue_times_out),
        cmocka_unit_test(test_a_full_queue_times_out_over_tcp),
        cmocka_unit_test(test_a_peer_that_leaves_while_it_is_sent_to),
        cmocka_unit_test(test_closing_takes_what_was_never_open),
    };
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
