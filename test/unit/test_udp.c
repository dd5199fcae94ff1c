/*
 * Holds the promise of server/udp.h about lengths: whatever another machine sends, what it gets back is shorter, its frame
 * included, and one datagram.
 */
#include "server/udp.h"
#include "proto/frame.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void another_machine_gets_less_than_it_sent(void **state)
{
    (void)state;
    for (size_t request = FRAME_BYTES + 1; request <= FRAME_REQUEST_MAX; request++) {
        size_t max = udp_answer_max(false, request);
        assert_true(max <= FRAME_DATA_MAX);
        if (max > 0)
            assert_true(FRAME_BYTES + max < request);
    }
    assert_int_equal(udp_answer_max(false, 0), 0);
    assert_int_equal(udp_answer_max(false, FRAME_BYTES + 1), 0);
    assert_int_equal(udp_answer_max(false, FRAME_BYTES + 2), 1);
    assert_int_equal(udp_answer_max(false, FRAME_REQUEST_MAX), FRAME_DATA_MAX);
}

static void loopback_gets_a_value_of_the_usual_length(void **state)
{
    (void)state;
    size_t max = udp_answer_max(true, FRAME_BYTES + 1);
    assert_true(max >= (1 << 20) + PROTO_ANSWER_MAX);
    assert_true(frame_count(max) <= UINT16_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_machine_gets_less_than_it_sent),
        cmocka_unit_test(loopback_gets_a_value_of_the_usual_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
