/*
 * old_format: makes a directory of this format one of format 1, as the version wrote it that knew no other.
 *
 * All good records go along; what is torn does not. For a disk at rest: all is synced, none of it counts as a call of a
 * store. A directory of format 1, and one in the middle of an upgrade, are left as they are.
 */
#ifndef CLOAKROOM_TEST_OLD_FORMAT_H
#define CLOAKROOM_TEST_OLD_FORMAT_H

#include "io/disk.h"

/* False: left as it is. */
bool old_format_make(struct disk *disk);

#endif
