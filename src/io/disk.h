/*
 * disk: the few things asked of a disk, within one directory: the seam that a simulated disk fits behind.
 *
 * Promise: the real one adds nothing: one call is one system call, but for writes and reads that came back short.
 * What a file or a directory holds outlives a SIGKILL once write() has returned, and a power cut once sync() and
 * sync_dir() have; a failed sync says nothing about what is on the disk, and is never tried again (S5).
 *
 * Ownership: disk_close() frees it; files are numbers that the caller closes.
 * Threads: any; one file's calls are not ordered among each other.
 * Failure: a negative errno of the system, as an int.
 */
#ifndef CLOAKROOM_IO_DISK_H
#define CLOAKROOM_IO_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk;

enum disk_mode {
    DISK_READ,   /* must exist */
    DISK_WRITE,  /* must exist; read and write */
    DISK_CREATE, /* must not exist; read and write; mode 0600 */
};

enum { DISK_IN_PIECES = 1 };

struct disk_ops {
    /* A file's number, not negative; it is close-on-exec. */
    int (*open)(struct disk *disk, const char *name, enum disk_mode mode);
    void (*close)(struct disk *disk, int file);
    /* Bytes in the file, or a negative errno. */
    int64_t (*size)(struct disk *disk, int file);
    /* Its permission bits, or a negative errno. */
    int (*mode)(struct disk *disk, int file);
    /* Up to `len` bytes from `at`; fewer only at the end of the file. The number of bytes, or a negative errno. */
    int64_t (*read)(struct disk *disk, int file, void *to, size_t len, uint64_t at);
    /* All of it, or a negative errno, after which any part may have been written. */
    int (*write)(struct disk *disk, int file, const void *from, size_t len, uint64_t at);
    /* Sets room for `len` bytes aside, the file's size stays. 0 too where the file system cannot do it. */
    int (*allocate)(struct disk *disk, int file, uint64_t len);
    int (*truncate)(struct disk *disk, int file, uint64_t len);
    /* The file's bytes and size are to outlive a power cut; its name needs sync_dir(). */
    int (*sync)(struct disk *disk, int file);
    int (*sync_dir)(struct disk *disk);
    int (*remove)(struct disk *disk, const char *name);
    int (*rename)(struct disk *disk, const char *from, const char *to);
    /* Is this open file still the one of that name? 0: no. */
    int (*is_named)(struct disk *disk, int file, const char *name);
    /* Calls each(arg, name) for every name but "." and "..", in no order: the names of one moment. Or returns
     * DISK_IN_PIECES: the file system gives them in several goes, between which names may have come and gone. */
    int (*list)(struct disk *disk, void (*each)(void *arg, const char *name), void *arg);
    /* Takes the lock of file `name`, made if it is not there, until disk_close(); -EWOULDBLOCK: another process
     * has it. */
    int (*lock)(struct disk *disk, const char *name);
    /* 0, or -ENOENT when the directory has been removed. */
    int (*check)(struct disk *disk);
    void (*free)(struct disk *disk);
};

struct disk {
    const struct disk_ops *ops;
};

/* The real one, in directory `path`; it is made (mode 0700) when only its last part is missing and `create`. */
int disk_open(const char *path, bool create, struct disk **ret);

/* Reads `len` bytes from the file's beginning on. What the disk cannot give is zero; false: there is such. */
bool disk_read_whole(struct disk *disk, int file, char *to, size_t len);

/* Empties the pointer; NULL inside is fine. */
static inline void disk_close(struct disk **disk)
{
    if (*disk != NULL)
        (*disk)->ops->free(*disk);
    *disk = NULL;
}

#endif
