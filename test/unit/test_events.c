/*
 * Promises of server/events.h: numbers rise by one, an event is read whole or not at all, whoever is late is told that it
 * is gone, nobody waits; and of event_line.h: memcached's form, ids never.
 */
#include "unit.h"

#include "base/check.h"
#include "server/event_line.h"

#include <stdio.h>
#include <stdlib.h>

static struct event event_of(uint64_t n, size_t len)
{
    struct event event = {.group = EVENTS_FETCHERS, .size = n, .ttl_s = (int64_t)n, .len = (uint8_t)len};
    memset(event.text, 'a' + (int)(n % 26), len);
    return event;
}

static void assert_whole(const struct event *event)
{
    assert_int_equal(event->ttl_s, event->size);
    assert_int_equal(event->len, event->size % 251);
    for (size_t i = 0; i < event->len; i++)
        assert_int_equal(event->text[i], 'a' + (int)(event->size % 26));
}

static void put(struct events *events, uint64_t n)
{
    struct event event = event_of(n, n % 251);
    events_put(events, &event);
}

static void test_in_order_and_gone(void **state)
{
    (void)state;
    struct events events;
    struct event event;
    bool is_full;
    events_init(&events);
    assert_false(events_wants(&events, EVENTS_ALL));
    assert_true(events_join(&events, EVENTS_FETCHERS | EVENTS_EVICTIONS, &is_full));
    assert_true(events_wants(&events, EVENTS_FETCHERS));
    assert_false(events_wants(&events, EVENTS_MUTATIONS));
    for (uint64_t n = 1; n <= 2 * EVENTS_KEPT; n++) {
        put(&events, n);
        assert_int_equal(events_last(&events), n);
        assert_int_equal(events_read(&events, n, &event), EVENTS_READ);
        assert_int_equal(event.size, n);
        assert_whole(&event);
    }
    assert_int_equal(events_read(&events, EVENTS_KEPT, &event), EVENTS_GONE);
    assert_int_equal(events_read(&events, EVENTS_KEPT + 1, &event), EVENTS_READ);
    assert_int_equal(event.size, EVENTS_KEPT + 1);
    events_leave(&events, EVENTS_FETCHERS | EVENTS_EVICTIONS);
    assert_false(events_wants(&events, EVENTS_ALL));
    events_fini(&events);
}

static void test_so_many_watchers(void **state)
{
    (void)state;
    struct events events;
    bool is_full;
    events_init(&events);
    for (int i = 0; i < EVENTS_WATCHERS_MAX; i++)
        assert_true(events_join(&events, EVENTS_MUTATIONS, &is_full));
    assert_false(events_join(&events, EVENTS_MUTATIONS, &is_full));
    assert_true(is_full);
    events_leave(&events, EVENTS_MUTATIONS);
    assert_true(events_wants(&events, EVENTS_MUTATIONS));
    assert_true(events_join(&events, 0, &is_full));
    events_fini(&events);
}

enum { WRITERS = 3, PER_WRITER = 100000 };

struct race {
    struct events events;
    _Atomic unsigned running;
};

static void *write_many(void *arg)
{
    struct race *race = arg;
    for (uint64_t n = 0; n < PER_WRITER; n++)
        put(&race->events, n);
    __atomic_fetch_sub(&race->running, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* Several write, one reads; under tsan, too. What is read is whole, however late. */
static void test_torn_is_never_read(void **state)
{
    (void)state;
    static struct race race;
    pthread_t threads[WRITERS];
    bool is_full;
    struct event event;
    uint64_t nread = 0;
    events_init(&race.events);
    assert_true(events_join(&race.events, EVENTS_FETCHERS, &is_full));
    race.running = WRITERS;
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &race), 0);
    uint64_t number = 1;
    while (__atomic_load_n(&race.running, __ATOMIC_ACQUIRE) > 0) {
        uint64_t last = events_last(&race.events);
        /* The oldest one that is left, too: it is overwritten next. */
        uint64_t oldest = last < EVENTS_KEPT ? 1 : last - EVENTS_KEPT + 1;
        if (last > 0 && events_read(&race.events, oldest, &event) == EVENTS_READ)
            assert_whole(&event);
        if (number > last)
            continue;
        enum events_read result = events_read(&race.events, number, &event);
        if (result == EVENTS_READ)
            assert_whole(&event);
        nread += result == EVENTS_READ;
        number = result == EVENTS_NOT_YET ? number
                 : result == EVENTS_READ  ? number + 1
                                          : number + EVENTS_KEPT / 2;
    }
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(nread > 0);
    assert_int_equal(events_last(&race.events), (uint64_t)WRITERS * PER_WRITER);
    events_fini(&race.events);
}

/* An engine that knows one prefix, "s:", and locks as they end. */
static enum engine_kind kind_of(struct engine *engine, struct bytes key, bool is_session,
                                unsigned char ret_handle[HANDLE_BYTES])
{
    (void)engine;
    memcpy(ret_handle, "\1\2\3\4\5\6\7\x80", HANDLE_BYTES);
    return is_session || bytes_starts_with(key, bytes_of("s:")) ? ENGINE_SESSION : ENGINE_PLAIN;
}

static const char *line_of(const struct server *server, struct event event, const char *text)
{
    static char line[EVENT_LINE_MAX + 1];
    event.at_us = 1795571225016373;
    event.len = (uint8_t)strlen(text);
    memcpy(event.text, text, event.len);
    line[event_line(server, 57, &event, line)] = '\0';
    return line;
}

#define HEAD "ts=1795571225.016373 gid=57 type="

static void test_lines(void **state)
{
    (void)state;
    static const struct engine_ops ops = {.kind = kind_of};
    struct engine engine = {.ops = &ops};
    struct server server = {.engine = &engine};
    const struct event get = {
        .group = EVENTS_FETCHERS, .kind = EVENT_GET, .status = EVENT_FOUND, .class = 1, .fd = 27, .size = 3};
    assert_string_equal(line_of(&server, get, "n,foo"),
                        HEAD "item_get key=n%2Cfoo status=found clsid=1 cfd=27 size=3\n");
    const struct event store = {.group = EVENTS_MUTATIONS,
                                .kind = EVENT_STORE,
                                .status = EVENT_EXISTS,
                                .command = EVENT_BY_CAS,
                                .ttl_s = 100,
                                .class = 1,
                                .fd = 27,
                                .size = 1};
    assert_string_equal(line_of(&server, store, "k"),
                        HEAD "item_store key=k status=exists cmd=cas ttl=100 clsid=1 cfd=27 size=1\n");
    const struct event gone = {
        .group = EVENTS_DELETIONS, .kind = EVENT_DELETE, .command = EVENT_BY_MD, .class = 1, .size = 4};
    assert_string_equal(line_of(&server, gone, "k"), HEAD "deleted key=k cmd=md clsid=1 size=4\n");
    const struct event evicted = {.group = EVENTS_EVICTIONS,
                                  .kind = EVENT_EVICTION,
                                  .ttl_s = -1,
                                  .idle_s = 7,
                                  .class = 1,
                                  .size = 1000,
                                  .is_fetched = true};
    assert_string_equal(line_of(&server, evicted, "k"),
                        HEAD "eviction key=k fetch=yes ttl=-1 la=7 clsid=1 size=1000\n");
    const struct event closed = {.group = EVENTS_CONNEVENTS,
                                 .kind = EVENT_CLOSE,
                                 .status = EVENT_NORMAL,
                                 .command = EVENT_TCP,
                                 .port = 59618,
                                 .fd = 25};
    assert_string_equal(line_of(&server, closed, "127.0.0.1"),
                        HEAD "conn_close rip=127.0.0.1 rport=59618 transport=tcp reason=normal cfd=25\n");
    assert_null(strstr(line_of(&server, get, "s:secret"), "secret"));
    assert_non_null(strstr(line_of(&server, get, "s:secret"), " key=session:"));
    struct event bare = get;
    bare.is_session = true;
    assert_null(strstr(line_of(&server, bare, "secret"), "secret"));
}

/* The longest key, each byte of it three. */
static void test_longest_line(void **state)
{
    (void)state;
    static const struct engine_ops ops = {.kind = kind_of};
    struct engine engine = {.ops = &ops};
    struct server server = {.engine = &engine};
    struct event event = {.group = EVENTS_MUTATIONS,
                          .kind = EVENT_STORE,
                          .at_us = INT64_MAX,
                          .ttl_s = INT64_MIN,
                          .size = UINT64_MAX,
                          .fd = INT32_MIN,
                          .command = EVENT_BY_PREPEND,
                          .len = EVENT_TEXT_MAX};
    memset(event.text, 1, sizeof event.text);
    char line[EVENT_LINE_MAX];
    size_t len = event_line(&server, UINT64_MAX, &event, line);
    assert_true(len < EVENT_LINE_MAX);
    assert_int_equal(line[len - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order_and_gone),  cmocka_unit_test(test_so_many_watchers),
        cmocka_unit_test(test_torn_is_never_read), cmocka_unit_test(test_lines),
        cmocka_unit_test(test_longest_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
