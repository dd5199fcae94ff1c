/*
 * Promises of io/disk.h, held by the real disk: what is told of a directory is what was in it at one moment, or it is said
 * that it was told in pieces.
 */
#include "test_disk_room.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { CROWD = 3000, BATON_LISTINGS = 300 };

static void count_names(void *arg, const char *name)
{
    unsigned *seen = arg;
    seen[strncmp(name, "baton", 5) == 0]++;
}

/* The next one is made before the last one goes, so at each moment there is one or two. */
static _Noreturn void pass_the_baton(struct disk *disk)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not end it */
    char name[2][32] = {"baton-0"};
    for (unsigned i = 1;; i++) {
        snprintf(name[i % 2], sizeof name[0], "baton-%u", i);
        disk->ops->close(disk, disk->ops->open(disk, name[i % 2], DISK_CREATE));
        if (disk->ops->remove(disk, name[(i + 1) % 2]) != 0)
            _exit(1);
    }
}

/* In a directory too large for what the C library reads in one go. */
static void a_listing_is_of_one_moment(void **state)
{
    struct room *room = *state;
    struct disk *disk = room->disk;
    for (unsigned i = 0; i < CROWD; i++) {
        char name[64];
        snprintf(name, sizeof name, "one-of-a-crowd-of-files-with-long-names-%u", i);
        disk->ops->close(disk, disk->ops->open(disk, name, DISK_CREATE));
    }
    disk->ops->close(disk, disk->ops->open(disk, "baton-0", DISK_CREATE));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        pass_the_baton(disk);
    for (unsigned i = 0; i < BATON_LISTINGS; i++) {
        unsigned seen[2] = {0};
        int result = disk->ops->list(disk, count_names, seen);
        assert_true(result == 0 || result == DISK_IN_PIECES);
        assert_int_equal(seen[0], CROWD);
        assert_true(result == DISK_IN_PIECES || seen[1] == 1 || seen[1] == 2);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_listing_is_of_one_moment, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("disk_listing", tests, NULL, NULL);
}
