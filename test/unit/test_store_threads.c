/*
 * Promises of store.h under many threads: any thread may call any function; what a thread put under a key of
 * its own it finds again, byte for byte, until it expires, is removed or flushed (S3: however short memory
 * is, if it is a session); what is pinned stays readable without the lock; memory stays within the limit
 * (S6); no version is given twice; and when all is over the books balance.
 *
 * Each thread writes keys of its own and knows what must lie there; everybody reads everybody's. Values carry
 * the seed that made them, so whoever reads one can tell whether it is whole.
 */
#include "unit.h"

#include "store/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MIB = 1 << 20,
    NTHREADS = 4,
    NKEYS = 900, /* of each thread; every third is a session, the others are cache */
    NOPS = 25000,
    SMALL_MAX = 3000,
    LARGE_MAX = 150000,
    RECLAIM_TRIES = 8,
    FIRST_S = 1000,
};

/* What lies under a key, and how many flushes had begun and ended around its put. */
struct held {
    bool there;
    uint64_t seed;
    size_t len;
    uint32_t expiry_s;
    uint64_t version;
    uint32_t ended_before;
    uint32_t begun_after;
};

struct player {
    struct store *store;
    pthread_t thread;
    uint32_t number;
    uint64_t seed;
    struct held held[NKEYS];
    char *value;
    uint64_t versions[NOPS];
    size_t nversions;
    const char *failure; /* the first; cmocka's assertions are for the main thread */
};

static _Atomic uint32_t now_s;
static _Atomic uint32_t flushes_begun;
static _Atomic uint32_t flushes_ended;
static _Atomic uint32_t nplaying;

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)
#define EXPECT(condition)                                                                                    \
    ((condition) || player->failure != NULL                                                                  \
         ? (void)0                                                                                           \
         : (void)(player->failure = "line " TEXT(__LINE__) ": " #condition))

/* Longer than memcpy would write at once, so that a torn one shows. */
static void make_value(char *value, size_t len, uint64_t seed)
{
    uint64_t word = seed;
    for (size_t at = 0; at < len; at += sizeof word) {
        memcpy(value + at, &word, len - at < sizeof word ? len - at : sizeof word);
        word = word * 6364136223846793005U + 1442695040888963407U;
    }
}

static bool is_whole(struct bytes value)
{
    uint64_t word;
    if (value.len < sizeof word)
        return false;
    memcpy(&word, value.p, sizeof word);
    for (size_t at = 0; at < value.len; at += sizeof word) {
        if (memcmp(value.p + at, &word, value.len - at < sizeof word ? value.len - at : sizeof word) != 0)
            return false;
        word = word * 6364136223846793005U + 1442695040888963407U;
    }
    return true;
}

static struct bytes name_key(char *name, size_t cap, uint32_t player, uint32_t i)
{
    int len = snprintf(name, cap, "player-%u-key-%u", player, i);
    return (struct bytes){.p = name, .len = (size_t)len};
}

static enum store_class class_of(uint32_t i)
{
    return i % 3 == 0 ? STORE_SESSION : STORE_CACHE;
}

static enum err try_to_put(struct player *player, struct bytes key, const struct store_write *write,
                           uint64_t *ret_version, bool *ret_is_rewrite)
{
    struct store *store = player->store;
    struct segment *staged = NULL;
    struct store_entry entry;
    bool is_large = store_is_large(store, key.len, write->head.len + write->tail.len);
    if (is_large && store_stage(store, key, write, *ret_is_rewrite, &staged) != ERR_NONE)
        return ERR_FULL;
    store_lock(store, key, now_s, &entry);
    *ret_is_rewrite = entry.found && entry.item.class == STORE_SESSION;
    enum err err = is_large ? store_put_staged(&entry, write, &staged) : store_put(&entry, write);
    if (err == ERR_NONE)
        *ret_version = entry.item.version;
    store_unlock(&entry);
    store_unstage(store, &staged);
    return err;
}

/* As an engine does it: make room and try again. */
static enum err put(struct player *player, struct bytes key, const struct store_write *write,
                    uint64_t *ret_version)
{
    bool is_rewrite = false;
    for (int tries = 0;; tries++) {
        enum err err = try_to_put(player, key, write, ret_version, &is_rewrite);
        if (err == ERR_NONE || tries == RECLAIM_TRIES ||
            !store_reclaim(player->store, write->head.len + write->tail.len + 300, is_rewrite, now_s))
            return err;
    }
}

static void put_one(struct player *player, uint32_t i)
{
    char name[64];
    struct bytes key = name_key(name, sizeof name, player->number, i);
    uint64_t chance = unit_random(&player->seed) % 200;
    size_t max = chance == 0 ? LARGE_MAX : SMALL_MAX;
    struct held held = {.there = true,
                        .seed = unit_random(&player->seed),
                        .len = 8 + unit_random(&player->seed) % (max - 8),
                        .expiry_s = chance % 2 == 0 ? 0 : now_s + 1 + (uint32_t)chance / 40,
                        .ended_before = flushes_ended};
    make_value(player->value, held.len, held.seed);
    size_t cut = held.len / 2;
    const struct store_write write = {.head = {.p = player->value, .len = cut},
                                      .tail = {.p = player->value + cut, .len = held.len - cut},
                                      .flags = i,
                                      .expiry_s = held.expiry_s,
                                      .class = class_of(i)};
    enum err err = put(player, key, &write, &held.version);
    held.begun_after = flushes_begun;
    EXPECT(err == ERR_NONE); /* S3: there is cache to be dropped for it */
    if (err != ERR_NONE)
        return;
    EXPECT(!player->held[i].there || held.version > player->held[i].version);
    player->held[i] = held;
    player->versions[player->nversions++] = held.version;
}

/* What must lie under a key of one's own, seen between two readings of the clock and of the flushes. */
static void judge(struct player *player, uint32_t i, const struct store_entry *entry, uint32_t before_s,
                  uint32_t ended_before)
{
    const struct held *held = &player->held[i];
    bool has_expired = held->expiry_s != 0 && held->expiry_s <= before_s;
    bool may_have_expired = held->expiry_s != 0 && held->expiry_s <= now_s;
    bool was_flushed = ended_before > held->begun_after;
    bool may_be_flushed = flushes_begun != held->ended_before;
    if (entry->found) {
        EXPECT(held->there && !has_expired && !was_flushed);
        EXPECT(entry->item.version == held->version && entry->item.value.len == held->len);
        EXPECT(entry->item.flags == i && entry->item.class == class_of(i));
        EXPECT(entry->item.expiry_s == held->expiry_s);
    } else if (class_of(i) == STORE_SESSION) {
        EXPECT(!held->there || may_have_expired || may_be_flushed);
    }
}

static void change_one(struct player *player, uint32_t i, bool remove)
{
    char name[64];
    struct held *held = &player->held[i];
    struct store_entry entry;
    uint32_t ended_before = flushes_ended;
    uint32_t before_s = now_s;
    store_lock(player->store, name_key(name, sizeof name, player->number, i), before_s, &entry);
    judge(player, i, &entry, before_s, ended_before);
    if (entry.found && remove) {
        assert_int_equal(store_remove(&entry), ERR_NONE);
    } else if (entry.found) {
        held->expiry_s = before_s + 3;
        assert_int_equal(store_touch(&entry, held->expiry_s), ERR_NONE);
    }
    held->there = entry.found;
    store_unlock(&entry);
}

static void read_one(struct player *player, uint32_t number, uint32_t i)
{
    char name[64];
    struct store_entry entry;
    struct segment *pinned = NULL;
    uint32_t ended_before = flushes_ended;
    uint32_t before_s = now_s;
    struct bytes key = name_key(name, sizeof name, number, i);
    store_lock(player->store, key, before_s, &entry);
    if (number == player->number)
        judge(player, i, &entry, before_s, ended_before);
    if (entry.found) {
        store_mark_fetched(&entry);
        if (store_is_large(player->store, key.len, entry.item.value.len))
            pinned = store_pin(&entry);
        else
            EXPECT(is_whole(entry.item.value));
    }
    struct bytes value = entry.item.value;
    store_unlock(&entry);
    if (pinned != NULL) {
        EXPECT(is_whole(value));
        store_unpin(player->store, pinned);
    }
}

static void *play(void *arg)
{
    struct player *player = arg;
    for (int n = 0; n < NOPS && player->failure == NULL; n++) {
        uint32_t i = (uint32_t)(unit_random(&player->seed) % NKEYS);
        uint64_t what = unit_random(&player->seed) % 100;
        if (what < 45)
            put_one(player, i);
        else if (what < 50)
            change_one(player, i, true);
        else if (what < 60)
            change_one(player, i, false);
        else if (what < 80)
            read_one(player, player->number, i);
        else
            read_one(player, (uint32_t)(what % NTHREADS), i);
    }
    nplaying--;
    return NULL;
}

/* Meanwhile, on the main thread: housekeeping, time, flushes now and then, and a look at the books. */
static void keep_house(struct store *store)
{
    for (uint32_t turn = 1; nplaying > 0; turn++) {
        store_tidy(store, now_s);
        struct store_stats stats;
        store_read_stats(store, &stats);
        assert_true(stats.used_bytes <= stats.limit_bytes);
        if (turn % 200 == 0)
            now_s++;
        if (turn % 2000 == 0) {
            flushes_begun++;
            uint64_t unwritten = 0;
            assert_int_equal(store_flush(store, now_s, now_s, &unwritten), ERR_NONE);
            flushes_ended++;
        }
    }
}

static int by_version(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void check_versions_differ(struct player *players)
{
    static uint64_t all[NTHREADS * NOPS];
    size_t n = 0;
    for (int p = 0; p < NTHREADS; p++) {
        memcpy(all + n, players[p].versions, players[p].nversions * sizeof *all);
        n += players[p].nversions;
    }
    qsort(all, n, sizeof *all, by_version);
    for (size_t i = 1; i < n; i++)
        assert_true(all[i - 1] < all[i]);
}

/* Housekeeping alone finds all that has expired by `at_s`, however it was touched and moved about. */
static struct store_stats tidy_up(struct store *store, uint32_t at_s)
{
    struct store_stats stats;
    for (int n = 0; n < 1000; n++)
        store_tidy(store, at_s);
    store_read_stats(store, &stats);
    return stats;
}

/* What expires has gone unseen; with the rest removed nothing is alive, and garbage lies in open heads only.
 */
static void check_books(struct store *store, struct player *players)
{
    uint64_t nlasting = 0;
    for (int p = 0; p < NTHREADS; p++) {
        for (uint32_t i = 0; i < NKEYS; i++)
            nlasting += players[p].held[i].there && players[p].held[i].expiry_s == 0;
    }
    struct store_stats stats = tidy_up(store, now_s += 100);
    assert_true(stats.items[STORE_CACHE] + stats.items[STORE_SESSION] <= nlasting);
    for (int p = 0; p < NTHREADS; p++) {
        for (uint32_t i = 0; i < NKEYS; i++)
            change_one(&players[p], i, true);
        assert_null(players[p].failure);
    }
    stats = tidy_up(store, now_s);
    for (int class = 0; class < STORE_NCLASSES; class ++) {
        assert_int_equal(stats.items[class], 0);
        assert_int_equal(stats.live_bytes[class], 0);
    }
    assert_int_equal(stats.evictions[STORE_SESSION], 0);
    assert_true(stats.segments <= (uint64_t)3 * stats.nshards);
    assert_true(stats.garbage_bytes <= stats.segments * stats.segment_bytes);
}

static struct store_stats play_with(struct store_config config, uint64_t seed)
{
    config.value_max = MIB;
    config.seed = seed;
    struct store *store;
    static struct player players[NTHREADS];
    memset(players, 0, sizeof players);
    assert_int_equal(store_new(&config, &store), ERR_NONE);
    now_s = FIRST_S;
    flushes_begun = flushes_ended = 0;
    nplaying = NTHREADS;
    for (uint32_t p = 0; p < NTHREADS; p++) {
        players[p].store = store;
        players[p].number = p;
        players[p].seed = seed * NTHREADS + p;
        players[p].value = malloc(LARGE_MAX);
        assert_int_equal(pthread_create(&players[p].thread, NULL, play, &players[p]), 0);
    }
    keep_house(store);
    for (int p = 0; p < NTHREADS; p++) {
        assert_int_equal(pthread_join(players[p].thread, NULL), 0);
        if (players[p].failure != NULL)
            fail_msg("player %d: %s", p, players[p].failure);
    }
    struct store_stats stats;
    store_read_stats(store, &stats);
    check_versions_differ(players);
    check_books(store, players);
    for (int p = 0; p < NTHREADS; p++)
        free(players[p].value);
    store_free(&store);
    return stats;
}

/* All in one shard: every call meets every other. */
static void in_one_shard(void **state)
{
    (void)state;
    play_with((struct store_config){.limit_bytes = 64 * MIB, .nshards = 1}, 1);
}

/* Memory for about half of it, so that cache is evicted and segments are compacted all the time. */
static void short_of_memory(void **state)
{
    (void)state;
    struct store_stats stats =
        play_with((struct store_config){.limit_bytes = 4 * MIB, .nshards = 4, .segment_bytes = 16 << 10}, 2);
    assert_true(stats.evictions[STORE_CACHE] > 0);
    assert_true(stats.copied_bytes > 0);
    assert_true(stats.reclaimed[STORE_CACHE] > 0);
}

static void as_the_server_does(void **state)
{
    (void)state;
    play_with((struct store_config){.limit_bytes = 64 * MIB}, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_one_shard),
        cmocka_unit_test(short_of_memory),
        cmocka_unit_test(as_the_server_does),
    };
    return cmocka_run_group_tests_name("store_threads", tests, NULL, NULL);
}
