/*
 * Promises of backup.h that the simulation (test/sim/backups.h) does not hold by chance: exactly what the last listing names
 * is copied; what is torn is cut and what is damaged told; a backup that is not whole is not restored; nothing is put
 * where something is already, and nothing is left where it failed.
 */
#include "test_store_play.h"

#include "base/clock.h"

#include "sim/sim_disk.h"
#include "store/backup.h"
#include "store/dir.h"
#include "store/keyfile.h"
#include "store/manifest.h"
#include "store/names.h"

#include <errno.h>
#include <stdlib.h>

enum { NITEMS = 200, SEGMENT_BYTES = 8 << 10 };

struct scene {
    struct sim_disk *from;
    struct sim_disk *to;
    struct sim_disk *back;
    char problem[STORE_PROBLEM_MAX];
    unsigned nnotices;
    char notice[STORE_PROBLEM_MAX + 2];
};

static void hear(void *arg, const char *line)
{
    struct scene *scene = arg;
    scene->nnotices++;
    snprintf(scene->notice, sizeof scene->notice, "%s", line);
}

static struct disk *disk_of(struct sim_disk *sim)
{
    return sim_disk_as_disk(sim);
}

static int set_up(void **state)
{
    static const struct clock *const clock = &clock_system;
    struct scene *scene = calloc(1, sizeof *scene);
    unsigned char key[KEYFILE_BYTES];
    scene->from = sim_disk_new(1);
    scene->to = sim_disk_new(2);
    scene->back = sim_disk_new(3);
    struct store *store = open_store((struct store_config){.nshards = 1,
                                                           .segment_bytes = SEGMENT_BYTES,
                                                           .disk = disk_of(scene->from),
                                                           .sync = STORE_SYNC_NONE,
                                                           .clock = clock,
                                                           .problem = scene->problem});
    char value[300] = {0};
    for (uint32_t i = 0; i < NITEMS; i++)
        assert_int_equal(
            put(store, key_name(i), (struct bytes){.p = value, .len = sizeof value}, 0, STORE_SESSION, NOW),
            ERR_NONE);
    uint64_t ticket;
    assert_int_equal(store_commit(store, ~(uint64_t)0, &ticket), STORE_COMMIT_DONE);
    store_free(&store);
    assert_int_equal(keyfile_make(disk_of(scene->from), key, scene->problem), ERR_NONE);
    sim_disk_kill(scene->from);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    sim_disk_free(&scene->from);
    sim_disk_free(&scene->to);
    sim_disk_free(&scene->back);
    free(scene);
    return 0;
}

static enum err take_from(struct scene *scene, struct disk *from, bool with_key, struct backup_report *report)
{
    const struct backup_ears ears = {.notice = hear, .arg = scene};
    return backup_take(from, disk_of(scene->to), with_key, &ears, report, scene->problem);
}

static struct backup_report take(struct scene *scene)
{
    struct backup_report report = {0};
    assert_int_equal(take_from(scene, disk_of(scene->from), true, &report), ERR_NONE);
    return report;
}

static enum err restore(struct scene *scene, struct check_report *check)
{
    const struct backup_ears ears = {.notice = hear, .arg = scene};
    struct backup_report report;
    return backup_restore(disk_of(scene->to), disk_of(scene->back), &ears, &report, check, scene->problem);
}

static void count_name(void *arg, const char *name)
{
    (void)name;
    ++*(unsigned *)arg;
}

static unsigned files_of(struct sim_disk *sim)
{
    unsigned n = 0;
    assert_int_equal(disk_of(sim)->ops->list(disk_of(sim), count_name, &n), 0);
    return n;
}

static bool has_file(struct sim_disk *sim, const char *name)
{
    int file = disk_of(sim)->ops->open(disk_of(sim), name, DISK_READ);
    if (file >= 0)
        disk_of(sim)->ops->close(disk_of(sim), file);
    return file >= 0;
}

/* The name of the n-th segment; of the last for a large n. */
static void name_of(struct sim_disk *sim, size_t n, char name[DIR_NAME_MAX])
{
    struct names names = {0};
    assert_int_equal(names_read(&names, disk_of(sim), dir_parse_segment_name), 0);
    assert_true(names.n > 3);
    n = n < names.n ? n : names.n - 1;
    dir_segment_name(names.list[n].shard, names.list[n].serial, name);
    names_fini(&names);
}

static void all_comes_back(void **state)
{
    struct scene *scene = *state;
    struct check_report before;
    struct check_report after;
    struct backup_report report = take(scene);
    assert_int_equal(report.records, NITEMS);
    assert_int_equal(report.listings, 1);
    assert_true(report.has_key);
    assert_int_equal(restore(scene, &after), ERR_NONE);
    assert_int_equal(check_run(disk_of(scene->from), false, &before, NULL, NULL, scene->problem), ERR_NONE);
    assert_true(check_is_clean(&after));
    assert_int_equal(after.digest, before.digest);
    assert_int_equal(after.living_items, NITEMS);
    assert_true(has_file(scene->back, "key"));
    assert_int_equal(scene->nnotices, 0);
}

static void the_key_can_be_left_out(void **state)
{
    struct scene *scene = *state;
    struct backup_report report;
    struct check_report check;
    assert_int_equal(take_from(scene, disk_of(scene->from), false, &report), ERR_NONE);
    assert_false(report.has_key);
    assert_false(has_file(scene->to, "key"));
    assert_int_equal(restore(scene, &check), ERR_NONE);
    assert_false(has_file(scene->back, "key"));
}

/* A disk whose files go while it is backed up: the first segment once it is open, the last before it is. */
struct going {
    struct disk disk;
    struct scene *scene;
    unsigned nopened;
    char first[DIR_NAME_MAX];
    char last[DIR_NAME_MAX];
};

static struct disk *from_of(struct disk *disk)
{
    return disk_of(((struct going *)(void *)disk)->scene->from);
}

static int going_open(struct disk *disk, const char *name, enum disk_mode mode)
{
    struct going *going = (struct going *)(void *)disk;
    struct disk *from = from_of(disk);
    uint32_t shard;
    uint64_t serial;
    if (dir_parse_segment_name(name, &shard, &serial) && going->nopened++ == 1) {
        assert_int_equal(from->ops->remove(from, going->first), 0);
        assert_int_equal(from->ops->remove(from, going->last), 0);
    }
    return from->ops->open(from, name, mode);
}

static void going_close(struct disk *disk, int file)
{
    from_of(disk)->ops->close(from_of(disk), file);
}

static int64_t going_size(struct disk *disk, int file)
{
    return from_of(disk)->ops->size(from_of(disk), file);
}

static int64_t going_read(struct disk *disk, int file, void *to, size_t len, uint64_t at)
{
    return from_of(disk)->ops->read(from_of(disk), file, to, len, at);
}

static int going_list(struct disk *disk, void (*each)(void *arg, const char *name), void *arg)
{
    return from_of(disk)->ops->list(from_of(disk), each, arg);
}

static int going_is_named(struct disk *disk, int file, const char *name)
{
    return from_of(disk)->ops->is_named(from_of(disk), file, name);
}

/* What an earlier listing named and this one does not is gone for good: its dead could rise, as what hid them may be
 * gone, too. */
static void only_the_last_listing_counts(void **state)
{
    static const struct disk_ops ops = {.open = going_open,
                                        .close = going_close,
                                        .size = going_size,
                                        .read = going_read,
                                        .list = going_list,
                                        .is_named = going_is_named};
    struct scene *scene = *state;
    struct going going = {.disk.ops = &ops, .scene = scene};
    struct backup_report report;
    char second[DIR_NAME_MAX];
    name_of(scene->from, 0, going.first);
    name_of(scene->from, 1, second);
    name_of(scene->from, SIZE_MAX, going.last);
    assert_int_equal(take_from(scene, &going.disk, true, &report), ERR_NONE);
    assert_int_equal(report.listings, 2);
    assert_false(has_file(scene->to, going.first));
    assert_true(has_file(scene->to, second));
    assert_false(has_file(scene->to, going.last));
}

static void a_torn_end_is_cut_and_damage_is_told(void **state)
{
    struct scene *scene = *state;
    struct check_report check;
    struct disk *from = disk_of(scene->from);
    char name[DIR_NAME_MAX];
    name_of(scene->from, 1, name);
    int file = from->ops->open(from, name, DISK_WRITE);
    int64_t size = from->ops->size(from, file);
    assert_int_equal(from->ops->write(from, file, "half a record", 13, (uint64_t)size), 0);
    from->ops->close(from, file);
    assert_int_equal(take(scene).damaged_runs, 0);
    assert_int_equal(restore(scene, &check), ERR_NONE);
    assert_int_equal(check.torn_ends, 0);
    assert_int_equal(check.living_items, NITEMS);

    sim_disk_free(&scene->to);
    scene->to = sim_disk_new(4);
    sim_disk_damage(scene->from, name, 100, 3);
    struct backup_report report = take(scene);
    assert_int_equal(report.damaged_runs, 1);
    assert_int_equal(report.records, NITEMS - 1);
    assert_int_equal(scene->nnotices, 1);
    assert_true(strncmp(scene->notice, name, strlen(name)) == 0);
}

static void nothing_is_put_where_something_is(void **state)
{
    struct scene *scene = *state;
    struct backup_report report;
    struct check_report check;
    struct disk *back = disk_of(scene->back);
    take(scene);
    assert_int_equal(take_from(scene, disk_of(scene->from), true, &report), ERR_USAGE);
    assert_non_null(strstr(scene->problem, "holds something already"));
    back->ops->close(back, back->ops->open(back, "mine", DISK_CREATE));
    assert_int_equal(restore(scene, &check), ERR_USAGE);
    assert_non_null(strstr(scene->problem, "(mine)"));
    assert_int_equal(files_of(scene->back), 1);
}

static void what_is_not_whole_is_not_restored(void **state)
{
    struct scene *scene = *state;
    struct check_report check;
    struct disk *to = disk_of(scene->to);
    char name[DIR_NAME_MAX];
    assert_int_equal(restore(scene, &check), ERR_USAGE);
    assert_non_null(strstr(scene->problem, "no backup"));
    take(scene);
    name_of(scene->to, 1, name);
    sim_disk_damage(scene->to, name, 200, 0);
    assert_int_equal(restore(scene, &check), ERR_USAGE);
    assert_non_null(strstr(scene->problem, name));
    assert_int_equal(files_of(scene->back), 0);
    assert_int_equal(to->ops->remove(to, name), 0);
    assert_int_equal(restore(scene, &check), ERR_USAGE);
    assert_non_null(strstr(scene->problem, "is missing"));
    assert_int_equal(files_of(scene->back), 0);
    sim_disk_damage(scene->to, MANIFEST_NAME, 40, 0);
    assert_int_equal(restore(scene, &check), ERR_USAGE);
    assert_non_null(strstr(scene->problem, "damaged"));
}

/* ---- the manifest ---- */

static bool parses(const char *text, size_t len)
{
    struct manifest manifest = {0};
    char *copy = malloc(len + 1);
    memcpy(copy, text, len);
    bool ok = manifest_parse(&manifest, (struct bytes){.p = copy, .len = len});
    manifest_fini(&manifest);
    free(copy);
    return ok;
}

static char *print(const char *name, size_t *ret_len)
{
    struct manifest manifest = {.taken_s = 1};
    assert_true(manifest_add(&manifest, "store", bytes_of("a layout")));
    assert_true(manifest_add(&manifest, name, bytes_of("bytes")));
    char *text = manifest_print(&manifest, ret_len);
    manifest_fini(&manifest);
    return text;
}

static void a_manifest_is_as_it_was_written_or_none(void **state)
{
    (void)state;
    size_t len;
    char *text = print("00-00000001.2.seg", &len);
    assert_true(parses(text, len));
    for (size_t i = 0; i < len; i++)
        assert_false(parses(text, i));
    for (size_t i = 0; i < len; i++) {
        text[i] ^= 4;
        assert_false(parses(text, len));
        text[i] ^= 4;
    }
    free(text);
}

/* Though somebody has made the check right. */
static void a_manifest_names_no_other_files(void **state)
{
    (void)state;
    static const char *const names[] = {"../shadow",       "lock", "/etc/passwd", "store.new", "00-1.2.seg",
                                        "00-00000001.seg", "."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len;
        char *text = print(names[i], &len);
        assert_false(parses(text, len));
        free(text);
    }
}

static void a_key_leaves_no_hash(void **state)
{
    (void)state;
    size_t len;
    char *text = print("key", &len);
    assert_non_null(strstr(text, "\nkey 5 0000000000000000\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_key_can_be_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_last_listing_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_end_is_cut_and_damage_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_put_where_something_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_whole_is_not_restored, set_up, tear_down),
        cmocka_unit_test(a_manifest_is_as_it_was_written_or_none),
        cmocka_unit_test(a_manifest_names_no_other_files),
        cmocka_unit_test(a_key_leaves_no_hash),
    };
    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
