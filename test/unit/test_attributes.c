/*
 * Promise of attributes.h: what was written is found, what is not there is not, and bytes that make no sense are read
 * to their end and no further.
 */
#include "unit.h"

#include "store/attributes.h"
#include "store/record.h"

#include <stdlib.h>

static struct bytes found(struct bytes all, unsigned type)
{
    struct bytes ret = {0};
    assert_true(attributes_find(all, (enum attribute_type)type, &ret));
    return ret;
}

static void what_was_written_is_found(void **state)
{
    (void)state;
    static char longest[255];
    const struct attribute some[] = {
        {.type = ATTRIBUTE_TAG, .value = bytes_of("user:42")},
        {.type = ATTRIBUTE_CREATION, .value = bytes_of("")},
        {.type = ATTRIBUTE_TAG, .value = bytes_of("second")},
        {.type = (enum attribute_type)200, .value = {.p = longest, .len = sizeof longest}},
        {.type = ATTRIBUTE_CAS, .value = bytes_of("12345678")},
    };
    enum { N = sizeof some / sizeof *some };
    char bytes[512] = {0};
    struct bytes all = {.p = bytes, .len = attributes_len(some, N)};
    assert_int_equal(all.len, 2 + N * 2 + 7 + 0 + 6 + 255 + 8);
    attributes_write(bytes, some, N);
    assert_true(bytes_equal(found(all, ATTRIBUTE_TAG), bytes_of("user:42")));
    assert_int_equal(found(all, ATTRIBUTE_CREATION).len, 0);
    assert_int_equal(found(all, 200).len, 255);
    assert_true(bytes_equal(found(all, ATTRIBUTE_CAS), bytes_of("12345678")));
    struct bytes none;
    assert_false(attributes_find(all, ATTRIBUTE_END, &none));
    all.len = sizeof bytes; /* what pads them is none */
    assert_false(attributes_find(all, (enum attribute_type)0, &none));
}

static void none_take_nothing(void **state)
{
    (void)state;
    struct bytes none;
    assert_int_equal(attributes_len(NULL, 0), 0);
    assert_false(attributes_find((struct bytes){0}, ATTRIBUTE_CAS, &none));
}

/* Each is a heap copy of its exact length, so that the sanitizer sees a step beyond it. */
static void nothing_is_read_beyond(void **state)
{
    (void)state;
    const struct attribute cas = {.type = ATTRIBUTE_CAS, .value = bytes_of("12345678")};
    char whole[12];
    attributes_write(whole, &cas, 1);
    for (size_t len = 0; len <= sizeof whole; len++) {
        for (unsigned lie = 0; lie <= 255; lie++) {
            char *copy = malloc(len + 1);
            assert_non_null(copy);
            char *bytes = copy + 1; /* so that what lies behind is not ours */
            memcpy(bytes, whole, len);
            if (len > 3)
                bytes[3] = (char)lie;
            struct bytes value;
            bool is_there = attributes_find((struct bytes){.p = bytes, .len = len}, ATTRIBUTE_CAS, &value);
            assert_int_equal(is_there, len >= 4 && lie <= len - 4);
            assert_true(!is_there || (value.p == bytes + 4 && value.len == lie));
            free(copy);
        }
    }
}

static void a_cas_of_its_own(void **state)
{
    (void)state;
    struct {
        struct record record;
        char room[64];
    } made = {.record = {.kind = RECORD_ITEM}};
    record_set_version(&made.record, 77);
    assert_int_equal(record_cas(&made.record), 77);
    uint64_t set = UINT64_MAX - 5;
    const struct attribute cas = {.type = ATTRIBUTE_CAS,
                                  .value = {.p = (const char *)&set, .len = sizeof set}};
    attributes_write(made.record.bytes, &cas, 1);
    made.record.kind |= RECORD_HAS_ATTRIBUTES;
    assert_true(record_cas(&made.record) == set);
    const struct attribute odd = {.type = ATTRIBUTE_CAS, .value = bytes_of("short")};
    attributes_write(made.record.bytes, &odd, 1);
    assert_int_equal(record_cas(&made.record), 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_found),
        cmocka_unit_test(none_take_nothing),
        cmocka_unit_test(nothing_is_read_beyond),
        cmocka_unit_test(a_cas_of_its_own),
    };
    return cmocka_run_group_tests_name("attributes", tests, NULL, NULL);
}
