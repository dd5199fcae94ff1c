/*
 * Promises of io/disk.h, held by the real disk; and those of sim/sim_disk.h, without which the crash tests would prove
 * nothing: what was synced outlives a cut, what was not may be lost or torn, a failed sync loses, a kill loses nothing.
 */
#include "test_disk_room.h"

#include "sim/sim_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECTOR = 512, LEN = 16 * SECTOR, CUTS = 400 };

static void add_name(void *arg, const char *name)
{
    strcat(arg, name);
    strcat(arg, " ");
}

static void assert_names(struct disk *disk, const char *expected)
{
    char names[256] = "";
    assert_int_equal(disk->ops->list(disk, add_name, names), 0);
    assert_string_equal(names, expected);
}

/* What both disks do alike. */
static void play_files(struct disk *disk)
{
    const struct disk_ops *ops = disk->ops;
    char back[16] = "";
    assert_int_equal(ops->open(disk, "a", DISK_READ), -ENOENT);
    assert_int_equal(ops->open(disk, "a", DISK_WRITE), -ENOENT);
    int file = ops->open(disk, "a", DISK_CREATE);
    assert_true(file >= 0);
    assert_int_equal(ops->open(disk, "a", DISK_CREATE), -EEXIST);
    assert_int_equal(ops->allocate(disk, file, 8192), 0);
    assert_int_equal(ops->size(disk, file), 0);
    assert_int_equal(ops->write(disk, file, "hello", 5, 3), 0);
    assert_int_equal(ops->size(disk, file), 8);
    assert_int_equal(ops->read(disk, file, back, sizeof back, 0), 8);
    assert_memory_equal(back, "\0\0\0hello", 8);
    assert_int_equal(ops->read(disk, file, back, 2, 4), 2);
    assert_memory_equal(back, "el", 2);
    assert_int_equal(ops->read(disk, file, back, 2, 100), 0);
    assert_int_equal(ops->truncate(disk, file, 4), 0);
    assert_int_equal(ops->size(disk, file), 4);
    assert_int_equal(ops->truncate(disk, file, 6), 0);
    assert_int_equal(ops->read(disk, file, back, sizeof back, 3), 3);
    assert_memory_equal(back, "h\0\0", 3);
    assert_int_equal(ops->sync(disk, file), 0);
    ops->close(disk, file);
    assert_int_equal(ops->sync_dir(disk), 0);
    assert_names(disk, "a ");
    assert_int_equal(ops->rename(disk, "a", "b"), 0);
    assert_int_equal(ops->rename(disk, "a", "c"), -ENOENT);
    assert_names(disk, "b ");
    file = ops->open(disk, "b", DISK_READ);
    assert_int_equal(ops->size(disk, file), 6);
    ops->close(disk, file);
    file = ops->open(disk, "b", DISK_READ);
    assert_int_equal(ops->is_named(disk, file, "b"), 1);
    assert_int_equal(ops->is_named(disk, file, "a"), 0);
    assert_int_equal(ops->remove(disk, "b"), 0);
    assert_int_equal(ops->is_named(disk, file, "b"), 0);
    assert_int_equal(ops->remove(disk, "b"), -ENOENT);
    int other = ops->open(disk, "b", DISK_CREATE);
    assert_int_equal(ops->is_named(disk, file, "b"), 0);
    assert_int_equal(ops->is_named(disk, other, "b"), 1);
    assert_int_equal(ops->size(disk, file), 6);
    ops->close(disk, file);
    ops->close(disk, other);
    assert_int_equal(ops->remove(disk, "b"), 0);
    assert_names(disk, "");
    assert_int_equal(ops->check(disk), 0);
}

static void files_are_made_written_and_gone(void **state)
{
    struct room *room = *state;
    play_files(room->disk);
    struct disk *simulated = sim_disk_as_disk(sim_disk_new(1));
    play_files(simulated);
    disk_close(&simulated);
}

static void files_are_private_and_do_not_pass_to_a_child(void **state)
{
    struct room *room = *state;
    int file = room->disk->ops->open(room->disk, "a", DISK_CREATE);
    struct stat stat;
    assert_int_equal(fstat(file, &stat), 0);
    assert_int_equal(stat.st_mode & 07777, 0600);
    assert_true((fcntl(file, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(room->disk->ops->allocate(room->disk, file, 1 << 20), 0);
    assert_int_equal(fstat(file, &stat), 0);
    assert_int_equal(stat.st_size, 0);
    room->disk->ops->close(room->disk, file);
    assert_int_equal(fcntl(file, F_GETFD), -1);
    file = room->disk->ops->open(room->disk, "a", DISK_READ);
    assert_int_equal(room->disk->ops->write(room->disk, file, "x", 1, 0), -EBADF);
    room->disk->ops->close(room->disk, file);
}

/* More than the system writes or reads at once, through a limit on the size of files that cuts it short. */
static void a_write_that_cannot_be_whole_fails(void **state)
{
    struct room *room = *state;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        struct rlimit limit = {.rlim_cur = 1000, .rlim_max = 1000};
        setrlimit(RLIMIT_FSIZE, &limit);
        static char data[3000];
        int file = room->disk->ops->open(room->disk, "a", DISK_CREATE);
        int error = room->disk->ops->write(room->disk, file, data, sizeof data, 0);
        _exit(error == -EFBIG && room->disk->ops->size(room->disk, file) == 1000 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void only_one_process_has_the_lock(void **state)
{
    struct room *room = *state;
    struct disk *other;
    assert_int_equal(disk_open(room->path, false, &other), 0);
    assert_int_equal(room->disk->ops->lock(room->disk, "lock"), 0);
    assert_int_equal(room->disk->ops->lock(room->disk, "lock"), 0);
    assert_int_equal(other->ops->lock(other, "lock"), -EWOULDBLOCK);
    disk_close(&room->disk);
    assert_int_equal(other->ops->lock(other, "lock"), 0);
    room->disk = other;
}

static void a_directory_is_made_when_only_its_last_part_is_missing(void **state)
{
    struct room *room = *state;
    char path[128];
    struct disk *disk;
    snprintf(path, sizeof path, "%s/new", room->path);
    assert_int_equal(disk_open(path, false, &disk), -ENOENT);
    assert_int_equal(disk_open(path, true, &disk), 0);
    struct stat stat_of;
    assert_int_equal(stat(path, &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 07777, 0700);
    disk_close(&disk);
    assert_int_equal(disk_open(path, true, &disk), 0);
    assert_int_equal(disk->ops->check(disk), 0);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(disk->ops->check(disk), -ENOENT);
    disk_close(&disk);
    snprintf(path, sizeof path, "%s/new/newer", room->path);
    assert_int_equal(disk_open(path, true, &disk), -ENOENT);
    int file = room->disk->ops->open(room->disk, "file", DISK_CREATE);
    room->disk->ops->close(room->disk, file);
    snprintf(path, sizeof path, "%s/file", room->path);
    assert_int_equal(disk_open(path, true, &disk), -ENOTDIR);
}

/* A simulated file, made and named for good, that holds LEN times 'o'. */
static int old_file(struct disk *disk)
{
    char data[LEN];
    memset(data, 'o', LEN);
    int file = disk->ops->open(disk, "f", DISK_CREATE);
    assert_true(file >= 0);
    assert_int_equal(disk->ops->write(disk, file, data, LEN, 0), 0);
    assert_int_equal(disk->ops->sync(disk, file), 0);
    assert_int_equal(disk->ops->sync_dir(disk), 0);
    return file;
}

static int overwrite(struct disk *disk, int file, char with)
{
    char data[LEN];
    memset(data, with, LEN);
    return disk->ops->write(disk, file, data, LEN, 0);
}

/* How many sectors of the file are of this byte; all are of one each. */
static unsigned count(struct disk *disk, char byte)
{
    char data[LEN];
    int file = disk->ops->open(disk, "f", DISK_READ);
    assert_true(file >= 0);
    assert_int_equal(disk->ops->read(disk, file, data, LEN, 0), LEN);
    disk->ops->close(disk, file);
    unsigned n = 0;
    for (size_t at = 0; at < LEN; at += SECTOR) {
        for (size_t i = at; i < at + SECTOR; i++)
            assert_int_equal(data[i], data[at]);
        n += data[at] == byte;
    }
    return n;
}

struct outcomes {
    unsigned none;
    unsigned some;
    unsigned all;
};

/* Overwrites, does what `then` says, cuts; how often nothing, some or all of it was left. */
static struct outcomes cut_often(int (*then)(struct sim_disk *sim, struct disk *disk, int file))
{
    struct outcomes outcomes = {0};
    uint64_t seed = 7;
    for (unsigned i = 0; i < CUTS; i++) {
        struct sim_disk *sim = sim_disk_new(i);
        struct disk *disk = sim_disk_as_disk(sim);
        int file = old_file(disk);
        assert_int_equal(overwrite(disk, file, 'n'), 0);
        assert_int_equal(then(sim, disk, file), 0);
        assert_int_equal(count(disk, 'n'), LEN / SECTOR);
        sim_disk_cut(sim, &seed);
        unsigned n = count(disk, 'n');
        outcomes.none += n == 0;
        outcomes.some += n > 0 && n < LEN / SECTOR;
        outcomes.all += n == LEN / SECTOR;
        unsigned again = n;
        sim_disk_cut(sim, &seed);
        assert_int_equal(count(disk, 'n'), again);
        sim_disk_free(&sim);
    }
    return outcomes;
}

static int nothing(struct sim_disk *sim, struct disk *disk, int file)
{
    (void)sim, (void)disk, (void)file;
    return 0;
}

static int sync_it(struct sim_disk *sim, struct disk *disk, int file)
{
    (void)sim;
    return disk->ops->sync(disk, file);
}

/* The second sync succeeds, and saves nothing of what the first has lost. */
static int fail_then_sync(struct sim_disk *sim, struct disk *disk, int file)
{
    sim_disk_fail_at(sim, 1, EIO, SIM_SYNC);
    assert_int_equal(disk->ops->sync(disk, file), -EIO);
    assert_true(sim_disk_has_failed(sim));
    return disk->ops->sync(disk, file);
}

static int kill_it(struct sim_disk *sim, struct disk *disk, int file)
{
    (void)disk, (void)file;
    sim_disk_kill(sim);
    return 0;
}

static void a_cut_keeps_what_was_synced_and_of_the_rest_anything(void **state)
{
    (void)state;
    assert_int_equal(cut_often(sync_it).all, CUTS);
    assert_int_equal(cut_often(fail_then_sync).none, CUTS);
    int (*const unsynced[])(struct sim_disk *, struct disk *, int) = {nothing, kill_it};
    for (size_t i = 0; i < 2; i++) {
        struct outcomes outcomes = cut_often(unsynced[i]);
        assert_true(outcomes.none > CUTS / 20);
        assert_true(outcomes.some > CUTS / 20);
        assert_true(outcomes.all > CUTS / 20);
    }
}

/* Two writes: each may be left without the other, and where both are, the later counts. */
static void a_cut_knows_no_order(void **state)
{
    (void)state;
    unsigned seen[4] = {0};
    uint64_t seed = 9;
    for (unsigned i = 0; i < CUTS; i++) {
        struct sim_disk *sim = sim_disk_new(i);
        struct disk *disk = sim_disk_as_disk(sim);
        int file = old_file(disk);
        char data[2][SECTOR];
        memset(data[0], '1', SECTOR);
        memset(data[1], '2', SECTOR);
        assert_int_equal(disk->ops->write(disk, file, data[0], SECTOR, 0), 0);
        assert_int_equal(disk->ops->write(disk, file, data[1], SECTOR, SECTOR), 0);
        sim_disk_cut(sim, &seed);
        seen[count(disk, '1') + 2 * count(disk, '2')]++;
        sim_disk_free(&sim);
    }
    for (size_t i = 0; i < 4; i++)
        assert_true(seen[i] > CUTS / 40);
}

static void names_need_a_sync_of_their_own(void **state)
{
    (void)state;
    unsigned nlost = 0;
    unsigned nrenamed = 0;
    uint64_t seed = 11;
    for (unsigned i = 0; i < CUTS; i++) {
        struct sim_disk *sim = sim_disk_new(i);
        struct disk *disk = sim_disk_as_disk(sim);
        old_file(disk);
        int file = disk->ops->open(disk, "g", DISK_CREATE);
        assert_int_equal(disk->ops->write(disk, file, "new", 3, 0), 0);
        assert_int_equal(disk->ops->sync(disk, file), 0);
        assert_int_equal(disk->ops->rename(disk, "g", "f"), 0);
        sim_disk_cut(sim, &seed);
        /* The new or the old one, whole: a rename is atomic. */
        file = disk->ops->open(disk, "f", DISK_READ);
        assert_true(file >= 0);
        int64_t size = disk->ops->size(disk, file);
        assert_true(size == 3 || size == LEN);
        nrenamed += size == 3;
        nlost += size == LEN && disk->ops->open(disk, "g", DISK_READ) == -ENOENT;
        sim_disk_free(&sim);
    }
    assert_true(nrenamed > CUTS / 20);
    assert_true(nlost > CUTS / 20);
}

static void a_kill_keeps_all_and_closes_files(void **state)
{
    (void)state;
    struct sim_disk *sim = sim_disk_new(1);
    struct disk *disk = sim_disk_as_disk(sim);
    int file = disk->ops->open(disk, "f", DISK_CREATE);
    assert_int_equal(overwrite(disk, file, 'n'), 0);
    sim_disk_kill(sim);
    disk->ops->close(disk, file); /* of the process that is gone: no matter */
    assert_true(disk->ops->open(disk, "f", DISK_READ) != file);
    assert_int_equal(count(disk, 'n'), LEN / SECTOR);
    sim_disk_free(&sim);
}

static void calls_fail_when_told(void **state)
{
    (void)state;
    struct sim_disk *sim = sim_disk_new(1);
    struct disk *disk = sim_disk_as_disk(sim);
    int file = old_file(disk);
    sim_disk_fail_at(sim, 2, ENOSPC, SIM_WRITE);
    assert_int_equal(disk->ops->sync(disk, file), 0);
    assert_int_equal(overwrite(disk, file, 'a'), 0);
    assert_false(sim_disk_has_failed(sim));
    assert_int_equal(overwrite(disk, file, 'b'), -ENOSPC);
    assert_true(sim_disk_has_failed(sim));
    assert_int_equal(overwrite(disk, file, 'c'), 0);
    uint64_t ncalls = sim_disk_calls(sim);
    sim_disk_cut_at(sim, 2);
    assert_int_equal(disk->ops->sync(disk, file), 0);
    assert_int_equal(disk->ops->remove(disk, "f"), -EIO);
    assert_true(sim_disk_is_dead(sim));
    assert_int_equal(overwrite(disk, file, 'd'), -EIO);
    assert_int_equal(disk->ops->open(disk, "h", DISK_CREATE), -EIO);
    assert_int_equal(sim_disk_calls(sim), ncalls + 4);
    sim_disk_kill(sim);
    assert_false(sim_disk_is_dead(sim));
    assert_int_equal(disk->ops->open(disk, "h", DISK_READ), -ENOENT);
    sim_disk_free(&sim);
}

static void a_full_disk_refuses(void **state)
{
    (void)state;
    struct sim_disk *sim = sim_disk_new(1);
    struct disk *disk = sim_disk_as_disk(sim);
    sim_disk_limit(sim, 3 * LEN);
    int file = old_file(disk);
    int other = disk->ops->open(disk, "g", DISK_CREATE);
    assert_int_equal(disk->ops->allocate(disk, other, 2 * LEN), 0);
    assert_int_equal(disk->ops->write(disk, file, "x", 1, LEN), -ENOSPC);
    assert_int_equal(disk->ops->allocate(disk, file, LEN + 1), -ENOSPC);
    assert_int_equal(overwrite(disk, file, 'a'), 0);
    assert_int_equal(overwrite(disk, other, 'a'), 0);
    disk->ops->close(disk, other);
    assert_int_equal(disk->ops->remove(disk, "g"), 0);
    assert_int_equal(disk->ops->sync_dir(disk), 0);
    assert_int_equal(disk->ops->write(disk, file, "x", 1, LEN), 0);
    sim_disk_free(&sim);
}

static void damage_is_for_good(void **state)
{
    (void)state;
    uint64_t seed = 1;
    struct sim_disk *sim = sim_disk_new(1);
    struct disk *disk = sim_disk_as_disk(sim);
    old_file(disk);
    sim_disk_damage(sim, "f", 700, 1);
    for (int i = 0; i < 2; i++) {
        char byte;
        int file = disk->ops->open(disk, "f", DISK_READ);
        assert_int_equal(disk->ops->read(disk, file, &byte, 1, 700), 1);
        assert_int_equal(byte, 'o' ^ 2);
        sim_disk_cut(sim, &seed);
    }
    sim_disk_free(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_made_written_and_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_are_private_and_do_not_pass_to_a_child, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_that_cannot_be_whole_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_one_process_has_the_lock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_directory_is_made_when_only_its_last_part_is_missing, set_up,
                                        tear_down),
        cmocka_unit_test(a_cut_keeps_what_was_synced_and_of_the_rest_anything),
        cmocka_unit_test(a_cut_knows_no_order),
        cmocka_unit_test(names_need_a_sync_of_their_own),
        cmocka_unit_test(a_kill_keeps_all_and_closes_files),
        cmocka_unit_test(calls_fail_when_told),
        cmocka_unit_test(a_full_disk_refuses),
        cmocka_unit_test(damage_is_for_good),
    };
    return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
