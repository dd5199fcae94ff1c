/*
 * Promise (client.h, channel.h): whatever time-out is set, before or after opening, a wait ends with it and not before;
 * what is sent as numbered to a server that has left is known not to have been seen, on TCP as on a unix socket.
 */
#include "client/client.h"
#include "test_client_peer.h"

static const struct client_limits patient = {.connect_ms = 5000, .answer_ms = 5000};

static enum err ask_numbered(struct client *client, const char *request)
{
    struct bytes part = bytes_of(request);
    return client_send_numbered(client, &part, 1);
}

/* ---- time-outs ---- */

static const struct step silent[] = {{ACT_TAKE, "so a\r\n", 0}, {0}};

/* Milliseconds until it is known that nothing comes. */
static uint64_t wait_for_nothing(uint32_t opened_with_ms, uint32_t answer_ms)
{
    struct peer peer;
    struct client client;
    struct bytes line;
    peer_begin(&peer, silent);
    assert_int_equal(client_open(&client, peer.server, (struct client_limits){5000, opened_with_ms}),
                     ERR_NONE);
    client_set_answer_ms(&client, answer_ms);
    assert_int_equal(ask_numbered(&client, "so a\r\n"), ERR_NONE);
    uint64_t from_ms = now_ms();
    assert_int_equal(client_read_line(&client, &line), ERR_TIMEOUT);
    uint64_t took_ms = now_ms() - from_ms;
    peer_end(&peer);
    return took_ms;
}

static void test_a_time_out_that_is_changed_later_holds(void **state)
{
    (void)state;
    assert_in_range(wait_for_nothing(60, 60), 60, 400);
    assert_in_range(wait_for_nothing(5000, 60), 60, 400);
    assert_in_range(wait_for_nothing(50, 180), 180, 600);
    assert_in_range(wait_for_nothing(0, 60), 60, 400);
    assert_in_range(wait_for_nothing(60, 0), 0, 300);
}

static void test_an_answer_in_time_is_waited_for(void **state)
{
    (void)state;
    static const struct step slow[] = {
        {ACT_TAKE, "so a\r\n", 0}, {ACT_SLEEP, NULL, 120}, {ACT_SAY, "EN\r\n", 0}, {0}};
    struct peer peer;
    struct client client;
    struct bytes line;
    peer_begin(&peer, slow);
    assert_int_equal(client_open(&client, peer.server, (struct client_limits){5000, 50}), ERR_NONE);
    client_set_answer_ms(&client, 5000);
    assert_int_equal(ask_numbered(&client, "so a\r\n"), ERR_NONE);
    assert_int_equal(client_read_line(&client, &line), ERR_NONE);
    assert_true(bytes_equal(line, bytes_of("EN")));
    client_close(&client);
    peer_end(&peer);
}

/* ---- a server that has left ---- */

struct place {
    struct peer peer;
    struct sockaddr_un address;
    bool is_unix;
};

static void begin_at(struct place *place, bool is_unix, const struct step *steps)
{
    place->is_unix = is_unix;
    if (is_unix)
        place->peer.listen_fd =
            peer_listen_unix(&place->address, place->peer.server, sizeof place->peer.server);
    else
        place->peer.listen_fd = peer_listen(place->peer.server, sizeof place->peer.server);
    peer_start(&place->peer, steps);
}

static void end_at(struct place *place)
{
    peer_end(&place->peer);
    if (place->is_unix)
        peer_remove_unix(&place->address);
}

static void expect_unsent(bool is_unix, const struct step *steps, enum err err, const char *why)
{
    struct place place;
    struct client client;
    begin_at(&place, is_unix, steps);
    assert_int_equal(client_open(&client, place.peer.server, patient), ERR_NONE);
    peer_sleep_ms(50);
    assert_int_equal(ask_numbered(&client, "so a\r\n"), err);
    if (strstr(client.error, why) == NULL)
        fail_msg("'%s' does not say '%s'", client.error, why);
    assert_false(client_is_open(&client));
    end_at(&place);
}

static void test_what_is_sent_to_who_has_left_was_not_seen(void **state)
{
    (void)state;
    static const struct step closing[] = {{ACT_CLOSE, NULL, 0}};
    static const struct step full[] = {{ACT_SAY, "ERROR Too many open connections\r\n", 0},
                                       {ACT_CLOSE, NULL, 0}};
    for (int is_unix = 0; is_unix < 2; is_unix++) {
        expect_unsent(is_unix, closing, ERR_CLOSED, "closed the connection since it was last used");
        expect_unsent(is_unix, full, ERR_PROTOCOL,
                      "said 'ERROR Too many open connections' before it was asked");
    }
}

/* On a unix socket who has numbered the request must find that out. */
static void test_what_nobody_has_asked_for_is_seen(void **state)
{
    (void)state;
    static const struct step steps[] = {{ACT_SAY, "HD O1\r\n", 0}, {0}};
    struct place place;
    struct client client;
    struct bytes line;
    expect_unsent(false, steps, ERR_PROTOCOL, "said 'HD O1' before it was asked");
    begin_at(&place, true, steps);
    assert_int_equal(client_open(&client, place.peer.server, patient), ERR_NONE);
    peer_sleep_ms(20);
    assert_int_equal(ask_numbered(&client, "so a O2\r\n"), ERR_NONE);
    assert_int_equal(client_read_line(&client, &line), ERR_NONE);
    assert_true(bytes_equal(line, bytes_of("HD O1")));
    client_close(&client);
    end_at(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_time_out_that_is_changed_later_holds),
        cmocka_unit_test(test_an_answer_in_time_is_waited_for),
        cmocka_unit_test(test_what_is_sent_to_who_has_left_was_not_seen),
        cmocka_unit_test(test_what_nobody_has_asked_for_is_seen),
    };
    return cmocka_run_group_tests_name("client_waits", tests, NULL, NULL);
}
