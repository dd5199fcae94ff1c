/*
 * test_disk_room: a real disk in a directory of the test's own, gone when the test is over.
 */
#ifndef CLOAKROOM_TEST_DISK_ROOM_H
#define CLOAKROOM_TEST_DISK_ROOM_H

#include "unit.h"

#include "io/disk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct room {
    char path[64];
    struct disk *disk;
};

static inline int set_up(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    strcpy(room->path, "/tmp/cloakroom-disk-XXXXXX");
    assert_non_null(mkdtemp(room->path));
    assert_int_equal(disk_open(room->path, false, &room->disk), 0);
    *state = room;
    return 0;
}

static inline void remove_name(void *arg, const char *name)
{
    struct disk *disk = arg;
    assert_int_equal(disk->ops->remove(disk, name), 0);
}

static inline int tear_down(void **state)
{
    struct room *room = *state;
    if (room->disk != NULL)
        assert_int_equal(room->disk->ops->list(room->disk, remove_name, room->disk), 0);
    disk_close(&room->disk);
    disk_close(&room->disk); /* nothing */
    rmdir(room->path);
    free(room);
    return 0;
}

#endif
