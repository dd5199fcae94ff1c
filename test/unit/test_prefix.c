/*
 * Holds the promises of server/prefix.h: what is counted for a prefix, that nothing of a session's id is shown, and that
 * memory is bounded however many prefixes there are.
 */
#include "server/prefix.h"
#include "engine/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
    struct settings settings;
    struct prefix_table table;
    char *prefixes[2];
};

static void begin(struct fixture *f, char delimiter)
{
    *f = (struct fixture){.prefixes = {"memc.sess.key.", "shop:sess:"}};
    f->settings.session_prefixes = (struct option_list){.items = f->prefixes, .n = 2};
    f->settings.delimiter = (unsigned char)delimiter;
    prefix_init(&f->table, &f->settings);
    assert_true(prefix_turn(&f->table, true));
}

static void count(struct fixture *f, const char *key, enum op_kind kind, enum op_result result)
{
    struct op op = {.kind = kind, .key = bytes_of(key), .result = result};
    prefix_count(&f->table, &op);
}

struct told {
    char text[1024];
    size_t n;
    struct prefix_counts others;
};

static void tell(void *arg, struct bytes prefix, const struct prefix_counts *counts)
{
    struct told *told = arg;
    size_t len = strlen(told->text);
    if (bytes_equal(prefix, bytes_of("*")))
        told->others = *counts;
    if (told->n++ < 8)
        snprintf(told->text + len, sizeof told->text - len, "%.*s %d %d %d %d\n", (int)prefix.len, prefix.p,
                 (int)counts->get, (int)counts->hit, (int)counts->set, (int)counts->del);
}

static void expect(struct fixture *f, const char *text)
{
    struct told told = {0};
    prefix_each(&f->table, tell, &told);
    assert_string_equal(told.text, text);
}

static void test_what_is_counted(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    count(&f, "foo:1", OP_GET, OP_OK);
    count(&f, "foo:2", OP_GET, OP_MISS);
    for (enum op_kind kind = OP_SET; kind <= OP_PREPEND; kind++)
        count(&f, "foo:3:4", kind, OP_NOT_STORED);
    count(&f, "foo:", OP_DELETE, OP_MISS);
    count(&f, "foo:1", OP_INCR, OP_OK);
    count(&f, "foo:1", OP_TOUCH, OP_OK);
    expect(&f, "foo 2 1 5 1\n");
    assert_true(prefix_turn(&f.table, false));
    expect(&f, "foo 2 1 5 1\n");
    prefix_clear(&f.table);
    expect(&f, "");
    prefix_fini(&f.table);
}

static void test_no_piece_of_an_id(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, ':');
    count(&f, "0123456789abcdef", OP_SET, OP_OK);
    count(&f, "memc.sess.key.0123:456", OP_SET, OP_OK); /* the id has the delimiter in it */
    count(&f, "memc.sess.key.lock.0123:456", OP_ADD, OP_OK);
    expect(&f, "");
    count(&f, "shop:sess:0123:456", OP_SET, OP_OK);
    expect(&f, "shop 0 0 1 0\n");
    prefix_fini(&f.table);
    begin(&f, '.');
    count(&f, "memc.sess.key.0123.456", OP_SET, OP_OK);
    count(&f, "shop:sess:0123.456", OP_SET, OP_OK);
    expect(&f, "memc 0 0 1 0\n");
    prefix_fini(&f.table);
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, ':');
    char key[PREFIX_LEN_MAX + 1];
    for (int i = 0; i < 5 * PREFIX_MAX; i++) {
        snprintf(key, sizeof key, "%0246d:x", i); /* 246 digits */
        count(&f, key, OP_SET, OP_OK);
    }
    count(&f, "one more:x", OP_GET, OP_OK);
    struct told told = {0};
    prefix_each(&f.table, tell, &told);
    assert_int_equal(told.n, PREFIX_MAX + 1);
    assert_int_equal(told.others.set, 4 * PREFIX_MAX);
    assert_int_equal(told.others.hit, 1);
    prefix_clear(&f.table);
    count(&f, "one more:x", OP_GET, OP_OK);
    expect(&f, "one more 1 1 0 0\n");
    prefix_fini(&f.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_counted),
        cmocka_unit_test(test_no_piece_of_an_id),
        cmocka_unit_test(test_memory_is_bounded),
    };
    return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
