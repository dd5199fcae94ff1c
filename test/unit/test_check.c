/*
 * Promises of check.h: what is told is what was harmed; without `repair` nothing is written; with it nothing is gone
 * without a copy, the rest is as it was, and a check after that is clean. The digest knows items, not places.
 */
#include "test_store_play.h"

#include "base/clock.h"
#include "io/disk.h"
#include "store/check.h"
#include "store/dir.h"
#include "store/segment.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

enum { NITEMS = 10, FILE_ROOM = 64 << 10 };

struct folder {
    char path[64];
    struct disk *disk;
};

static void enter(struct folder *folder)
{
    snprintf(folder->path, sizeof folder->path, "/tmp/cloakroom-check-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    assert_int_equal(disk_open(folder->path, false, &folder->disk), 0);
}

/* Gives the lock back. */
static void enter_again(struct folder *folder)
{
    disk_close(&folder->disk);
    assert_int_equal(disk_open(folder->path, false, &folder->disk), 0);
}

static void leave(struct folder *folder)
{
    DIR *dir = opendir(folder->path);
    assert_non_null(dir);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        (void)folder->disk->ops->remove(folder->disk, entry->d_name);
    closedir(dir);
    disk_close(&folder->disk);
    assert_int_equal(rmdir(folder->path), 0);
}

/* One shard, so that all lies in one segment. */
static struct store *start(struct folder *folder)
{
    return open_store((struct store_config){
        .nshards = 1, .disk = folder->disk, .sync = STORE_SYNC_NONE, .clock = &clock_system});
}

static void end(struct folder *folder, struct store **store)
{
    uint64_t ticket;
    assert_int_equal(store_commit(*store, ~(uint64_t)0, &ticket), STORE_COMMIT_DONE);
    store_free(store);
    enter_again(folder);
}

static void fill(struct folder *folder)
{
    struct store *store = start(folder);
    for (uint32_t i = 0; i < NITEMS; i++)
        assert_int_equal(put(store, key_name(i), bytes_of("a value"), 0, STORE_SESSION, NOW), ERR_NONE);
    end(folder, &store);
}

static void first_segment(void *arg, const char *name)
{
    uint32_t shard;
    uint64_t serial;
    if (dir_parse_segment_name(name, &shard, &serial))
        snprintf(arg, DIR_NAME_MAX, "%s", name);
}

struct content {
    char name[2 * DIR_NAME_MAX + 32];
    _Alignas(8) char bytes[FILE_ROOM];
    size_t len;
};

static void read_file(struct folder *folder, struct content *content)
{
    int number = folder->disk->ops->open(folder->disk, content->name, DISK_READ);
    assert_true(number >= 0);
    content->len = (size_t)folder->disk->ops->read(folder->disk, number, content->bytes, FILE_ROOM, 0);
    folder->disk->ops->close(folder->disk, number);
}

static void read_segment(struct folder *folder, struct content *content)
{
    content->name[0] = '\0';
    assert_int_equal(folder->disk->ops->list(folder->disk, first_segment, content->name), 0);
    read_file(folder, content);
}

static void write_segment(struct folder *folder, const struct content *content)
{
    int number = folder->disk->ops->open(folder->disk, content->name, DISK_WRITE);
    assert_true(number >= 0);
    assert_int_equal(folder->disk->ops->write(folder->disk, number, content->bytes, content->len, 0), 0);
    assert_int_equal(folder->disk->ops->truncate(folder->disk, number, content->len), 0);
    folder->disk->ops->close(folder->disk, number);
}

static void count_notice(void *arg, const char *line)
{
    assert_non_null(strstr(line, ".seg: "));
    ++*(unsigned *)arg;
}

static struct check_report check(struct folder *folder, bool repair, unsigned *ret_notices)
{
    struct check_report report = {0};
    char problem[STORE_PROBLEM_MAX];
    *ret_notices = 0;
    assert_int_equal(check_run(folder->disk, repair, &report, count_notice, ret_notices, problem), ERR_NONE);
    enter_again(folder);
    return report;
}

/* Looks, looks again with repair, and once more; `copy` must be what the segment has lost at `at`. */
static void repairs(struct folder *folder, size_t at, struct bytes copy, uint64_t nliving)
{
    unsigned notices;
    struct content before;
    struct content after;
    read_segment(folder, &before);
    struct check_report report = check(folder, false, &notices);
    assert_false(check_is_clean(&report));
    assert_int_equal(notices, 1);
    assert_int_equal(report.damaged_runs + report.torn_ends, 1);
    assert_int_equal(report.living_items, nliving);
    read_segment(folder, &after);
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.bytes, before.bytes, before.len);

    struct check_report repaired = check(folder, true, &notices);
    assert_true(check_is_clean(&repaired));
    assert_int_equal(repaired.repaired, 1);
    assert_int_equal(notices, 2);
    struct content side;
    snprintf(side.name, sizeof side.name, "%.*s.damaged-%zu", DIR_NAME_MAX, before.name, at);
    read_file(folder, &side);
    assert_int_equal(side.len, copy.len);
    assert_memory_equal(side.bytes, copy.p, copy.len);

    struct check_report clean = check(folder, false, &notices);
    assert_true(check_is_clean(&clean));
    assert_int_equal(notices, 0);
    assert_int_equal(clean.damaged_runs + clean.torn_ends, 0);
    assert_int_equal(clean.living_items, nliving);
    assert_int_equal(clean.digest, report.digest);
    struct store *store = start(folder);
    struct store_stats stats = stats_of(store);
    assert_int_equal(stats.damaged_records, 0);
    assert_int_equal(stats.torn_bytes, 0);
    assert_int_equal(stats.items[STORE_SESSION], nliving);
    store_free(&store);
}

/* The offset of record `i` of the segment. */
static size_t offset_of(const struct content *content, unsigned i)
{
    size_t at = SEGMENT_HEAD;
    while (i-- > 0)
        at += record_size((const struct record *)(const void *)(content->bytes + at));
    return at;
}

static void a_sound_one(void **state)
{
    (void)state;
    struct folder folder;
    unsigned notices;
    enter(&folder);
    fill(&folder);
    struct check_report report = check(&folder, false, &notices);
    assert_true(check_is_clean(&report));
    assert_int_equal(notices, 0);
    assert_int_equal(report.items, NITEMS);
    assert_int_equal(report.sessions, NITEMS);
    assert_int_equal(report.living_items, NITEMS);
    struct content content;
    read_segment(&folder, &content);
    assert_int_equal(report.file_bytes, content.len);
    assert_int_equal(report.living_bytes, content.len - SEGMENT_HEAD);
    leave(&folder);
}

static void a_damaged_run(void **state)
{
    (void)state;
    struct folder folder;
    struct content content;
    enter(&folder);
    fill(&folder);
    read_segment(&folder, &content);
    size_t at = offset_of(&content, 4);
    content.bytes[at + RECORD_HEAD + 2] ^= 1;
    write_segment(&folder, &content);
    struct bytes lost = {.p = content.bytes + at, .len = offset_of(&content, 5) - at};
    repairs(&folder, at, lost, NITEMS - 1);
    leave(&folder);
}

static void a_torn_end(void **state)
{
    (void)state;
    struct folder folder;
    struct content content;
    enter(&folder);
    fill(&folder);
    read_segment(&folder, &content);
    size_t at = offset_of(&content, NITEMS - 1);
    content.len -= 8;
    write_segment(&folder, &content);
    repairs(&folder, at, (struct bytes){.p = content.bytes + at, .len = content.len - at}, NITEMS - 1);
    leave(&folder);
}

/* Between two records, too short for one that says nothing. */
static void a_short_run(void **state)
{
    (void)state;
    for (size_t len = 8; len < RECORD_HEAD; len += 8) {
        struct folder folder;
        struct content content;
        enter(&folder);
        fill(&folder);
        read_segment(&folder, &content);
        size_t at = offset_of(&content, 3);
        memmove(content.bytes + at + len, content.bytes + at, content.len - at);
        memset(content.bytes + at, 0xaa, len);
        content.len += len;
        write_segment(&folder, &content);
        repairs(&folder, at, (struct bytes){.p = content.bytes + at, .len = content.len - at}, NITEMS);
        leave(&folder);
    }
}

static void a_damaged_head_is_told(void **state)
{
    (void)state;
    struct folder folder;
    struct content content;
    unsigned notices;
    enter(&folder);
    fill(&folder);
    read_segment(&folder, &content);
    content.bytes[17] ^= 1;
    write_segment(&folder, &content);
    struct check_report report = check(&folder, true, &notices);
    assert_false(check_is_clean(&report));
    assert_int_equal(report.bad_files, 1);
    assert_int_equal(notices, 1);
    assert_int_equal(report.living_items, NITEMS);
    leave(&folder);
}

/* Superseded, deleted, flushed. */
static void counts_the_newest(void **state)
{
    (void)state;
    struct folder folder;
    unsigned notices;
    enter(&folder);
    fill(&folder);
    uint64_t digest = check(&folder, false, &notices).digest;
    struct store *store = start(&folder);
    assert_int_equal(put(store, key_name(0), bytes_of("new"), 0, STORE_SESSION, NOW), ERR_NONE);
    drop(store, key_name(1), NOW);
    end(&folder, &store);
    struct check_report report = check(&folder, false, &notices);
    assert_int_equal(report.living_items, NITEMS - 1);
    assert_int_equal(report.tombstones, 1);
    assert_true(report.digest != digest);
    store = start(&folder);
    flush_at(store, NOW, NOW);
    assert_int_equal(put(store, key_name(5), bytes_of("new"), 0, STORE_CACHE, NOW), ERR_NONE);
    end(&folder, &store);
    report = check(&folder, false, &notices);
    assert_int_equal(report.flushes, 1);
    assert_int_equal(report.living_items, 1);
    assert_true(check_is_clean(&report));
    leave(&folder);
}

static void refuses_what_is_in_use_or_not_ours(void **state)
{
    (void)state;
    struct folder folder;
    struct check_report report;
    char problem[STORE_PROBLEM_MAX] = "";
    enter(&folder);
    assert_int_equal(check_run(folder.disk, false, &report, NULL, NULL, problem), ERR_SYSTEM);
    assert_non_null(strstr(problem, "`store`"));
    assert_true(folder.disk->ops->open(folder.disk, "lock", DISK_READ) < 0);
    struct store *store = start(&folder);
    struct disk *other;
    assert_int_equal(disk_open(folder.path, false, &other), 0);
    assert_int_equal(check_run(other, true, &report, NULL, NULL, problem), ERR_USAGE);
    assert_non_null(strstr(problem, "a server has it open"));
    disk_close(&other);
    store_free(&store);
    leave(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_one),
        cmocka_unit_test(a_damaged_run),
        cmocka_unit_test(a_torn_end),
        cmocka_unit_test(a_short_run),
        cmocka_unit_test(a_damaged_head_is_told),
        cmocka_unit_test(counts_the_newest),
        cmocka_unit_test(refuses_what_is_in_use_or_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
