/*
 * Promises of buffer.h: no byte that is not done with gets lost or doubled, whichever way a buffer moves; what is
 * owned is counted, all of it, and bounded.
 */
#include "unit.h"

#include "server/buffer.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT = 1 << 20, LENT = 4096 };

static char lent[LENT];

static void push(struct buffer *buffer, const char *bytes, size_t len)
{
    assert_true(buffer->cap - buffer->len >= len);
    memcpy(buffer->p + buffer->len, bytes, len);
    buffer->len += len;
}

static void assert_left(const struct buffer *buffer, const char *bytes)
{
    assert_int_equal(buffer->len - buffer->at, strlen(bytes));
    assert_memory_equal(buffer->p + buffer->at, bytes, strlen(bytes));
}

static void what_is_kept_is_what_was_left(void **state)
{
    (void)state;
    struct buffer_pool pool = {.limit_bytes = LIMIT};
    struct buffer buffer = {0};
    buffer_lend(&buffer, lent, LENT);
    push(&buffer, "done left", 9);
    buffer.at = 5;
    assert_true(buffer_keep(&buffer, &pool));
    memset(lent, '!', LENT); /* the next connection uses it */
    assert_true(buffer.owned);
    assert_left(&buffer, "left");
    assert_int_equal(pool.used_bytes, buffer.cap);
    char *p = buffer.p;
    assert_true(buffer_keep(&buffer, &pool)); /* it is its own already */
    assert_ptr_equal(buffer.p, p);
    assert_left(&buffer, "left");
    buffer_drop(&buffer, &pool);
    assert_null(buffer.p);
    assert_int_equal(pool.used_bytes, 0);
}

static void room_is_made_behind_what_is_left(void **state)
{
    (void)state;
    struct buffer_pool pool = {.limit_bytes = LIMIT};
    struct buffer buffer = {0};
    buffer_lend(&buffer, lent, LENT);
    push(&buffer, "done left", 9);
    buffer.at = 5;
    assert_true(buffer_reserve(&buffer, &pool, LENT - 9)); /* there is that much */
    assert_false(buffer.owned);
    assert_true(buffer_reserve(&buffer, &pool, LENT - 8));
    assert_true(buffer.owned);
    assert_left(&buffer, "left");
    assert_true(buffer.cap - buffer.len >= LENT - 8);
    assert_int_equal(pool.used_bytes, buffer.cap);

    /* Its own: slides to the front where that is enough. */
    size_t cap = buffer.cap;
    while (buffer.len < cap)
        push(&buffer, "x", 1);
    memcpy(buffer.p + cap - 4, "last", 4);
    buffer.at = cap - 4;
    assert_true(buffer_reserve(&buffer, &pool, cap - 4));
    assert_int_equal(buffer.cap, cap);
    assert_left(&buffer, "last");
    assert_true(buffer.cap - buffer.len >= cap - 4);

    /* Or moves on to more. */
    assert_true(buffer_reserve(&buffer, &pool, 2 * cap));
    assert_left(&buffer, "last");
    assert_int_equal(pool.used_bytes, buffer.cap);
    buffer_drop(&buffer, &pool);
    assert_int_equal(pool.used_bytes, 0);
}

static void the_pool_has_an_end(void **state)
{
    (void)state;
    struct buffer_pool pool = {.limit_bytes = LIMIT};
    struct buffer first = {0};
    struct buffer second = {0};
    buffer_lend(&first, lent, LENT);
    buffer_lend(&second, lent, LENT);
    push(&second, "stays", 5);
    assert_false(buffer_reserve(&first, &pool, LIMIT + 1));
    assert_int_equal(pool.used_bytes, 0);
    assert_true(buffer_reserve(&first, &pool, LIMIT));
    assert_false(buffer_reserve(&second, &pool, LIMIT / 2));
    assert_int_equal(pool.used_bytes, LIMIT);
    assert_int_equal(pool.nrefused, 2);
    assert_left(&second, "stays"); /* a refusal changes nothing */
    buffer_drop(&first, &pool);
    assert_true(buffer_reserve(&second, &pool, LIMIT / 2));
    assert_left(&second, "stays");
    buffer_drop(&second, &pool);
    assert_int_equal(pool.used_bytes, 0);
}

/* A stream of bytes goes in and comes out, through every kind of move. */
static void follows_the_model(void **state)
{
    (void)state;
    struct buffer_pool pool = {.limit_bytes = LIMIT};
    struct buffer buffer = {0};
    uint64_t seed = 3;
    unsigned char in = 0;
    unsigned char out = 0;
    buffer_lend(&buffer, lent, LENT);
    for (int step = 0; step < 50000; step++) {
        size_t n = unit_random(&seed) % 3000;
        switch (unit_random(&seed) % 4) {
        case 0:
            assert_true(buffer_keep(&buffer, &pool));
            break;
        case 1:
            assert_true(buffer_reserve(&buffer, &pool, n));
            for (; n > 0; n--)
                buffer.p[buffer.len++] = (char)in++;
            break;
        default:
            for (; n > 0 && buffer.at < buffer.len; n--)
                assert_int_equal((unsigned char)buffer.p[buffer.at++], out++);
            if (buffer.at < buffer.len)
                break;
            buffer_drop(&buffer, &pool);
            assert_int_equal(pool.used_bytes, 0);
            buffer_lend(&buffer, lent, LENT);
        }
        assert_int_equal(pool.used_bytes, buffer.owned ? buffer.cap : 0);
    }
    buffer_drop(&buffer, &pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_what_was_left),
        cmocka_unit_test(room_is_made_behind_what_is_left),
        cmocka_unit_test(the_pool_has_an_end),
        cmocka_unit_test(follows_the_model),
    };
    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
