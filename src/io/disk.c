/* The real disk: one directory, see disk.h. */
#include "io/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MODE_DIR = 0700, MODE_FILE = 0600, NAMES_FIRST = 64 << 10, NAMES_MOST = 64 << 20 };

struct real {
    struct disk disk;
    int dir;
    int lock; /* -1: not taken */
};

static struct real *real_of(struct disk *disk)
{
    return (struct real *)(void *)disk;
}

static int result_of(int returned)
{
    return returned < 0 ? -errno : returned;
}

static int open_in(int dir, const char *name, int flags)
{
    int file;
    do
        file = openat(dir, name, flags | O_CLOEXEC, MODE_FILE);
    while (file < 0 && errno == EINTR);
    return result_of(file);
}

static int real_open(struct disk *disk, const char *name, enum disk_mode mode)
{
    static const int flags[] = {
        [DISK_READ] = O_RDONLY, [DISK_WRITE] = O_RDWR, [DISK_CREATE] = O_RDWR | O_CREAT | O_EXCL};
    return open_in(real_of(disk)->dir, name, flags[mode]);
}

static void real_close(struct disk *disk, int file)
{
    (void)disk;
    close(file); /* after EINTR too the number is free again */
}

static int64_t real_size(struct disk *disk, int file)
{
    (void)disk;
    struct stat stat;
    return fstat(file, &stat) < 0 ? -errno : stat.st_size;
}

static int real_mode(struct disk *disk, int file)
{
    (void)disk;
    struct stat stat;
    return fstat(file, &stat) < 0 ? -errno : (int)(stat.st_mode & 07777);
}

static int64_t real_read(struct disk *disk, int file, void *to, size_t len, uint64_t at)
{
    (void)disk;
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(file, (char *)to + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

/*
 * By the bare system call: what is written is the memory of a segment, where other threads may at this moment change
 * the bytes that each record has for memory's own use. On disk those bytes mean nothing, so which of their states
 * gets there does not matter; but the thread sanitizer would look at pwrite() and call it a race.
 */
static int real_write(struct disk *disk, int file, const void *from, size_t len, uint64_t at)
{
    (void)disk;
    size_t done = 0;
    while (done < len) {
        long n = syscall(SYS_pwrite64, file, (const char *)from + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO; /* not to be: it would go on for ever */
        done += (size_t)n;
    }
    return 0;
}

static int real_allocate(struct disk *disk, int file, uint64_t len)
{
    (void)disk;
    int result;
    do
        result = result_of(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, (off_t)len));
    while (result == -EINTR);
    return result == -EOPNOTSUPP || result == -ENOSYS ? 0 : result;
}

static int real_truncate(struct disk *disk, int file, uint64_t len)
{
    (void)disk;
    int result;
    do
        result = result_of(ftruncate(file, (off_t)len));
    while (result == -EINTR);
    return result;
}

/* EINTR alone says that nothing was given up: the pages are still dirty. */
static int real_sync(struct disk *disk, int file)
{
    (void)disk;
    int result;
    do
        result = result_of(fdatasync(file));
    while (result == -EINTR);
    return result;
}

static int sync_dir(int dir)
{
    int result;
    do
        result = result_of(fsync(dir));
    while (result == -EINTR);
    return result;
}

static int real_sync_dir(struct disk *disk)
{
    return sync_dir(real_of(disk)->dir);
}

static int real_remove(struct disk *disk, const char *name)
{
    return result_of(unlinkat(real_of(disk)->dir, name, 0));
}

static int real_rename(struct disk *disk, const char *from, const char *to)
{
    int dir = real_of(disk)->dir;
    return result_of(renameat(dir, from, dir, to));
}

static int real_is_named(struct disk *disk, int file, const char *name)
{
    struct stat is;
    struct stat named;
    if (fstat(file, &is) < 0 || fstatat(real_of(disk)->dir, name, &named, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    return is.st_ino == named.st_ino && is.st_dev == named.st_dev;
}

struct listing {
    void (*each)(void *arg, const char *name);
    void *arg;
    int dir;
    char *names; /* as the system gives them */
    size_t size;
};

static void tell_names(const struct listing *listing, size_t len)
{
    const struct dirent64 *entry;
    for (size_t at = 0; at < len; at += entry->d_reclen) {
        entry = (const struct dirent64 *)(const void *)(listing->names + at);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            listing->each(listing->arg, entry->d_name);
    }
}

static ssize_t next_names(struct listing *listing)
{
    ssize_t n;
    do
        n = getdents64(listing->dir, listing->names, listing->size);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* Within one call the system keeps the directory from being changed, so names read by one are those of one moment. The
 * length of all, or a negative errno; -EAGAIN: they did not come in one, though there was room. */
static ssize_t list_at_once(struct listing *listing)
{
    char more[1024]; /* room for a name: is there one? */
    while (listing->size <= NAMES_MOST) {
        free(listing->names);
        listing->names = malloc(listing->size);
        if (listing->names == NULL || lseek(listing->dir, 0, SEEK_SET) < 0)
            return -ENOMEM;
        ssize_t len = next_names(listing);
        if (len < 0)
            return len;
        ssize_t rest = getdents64(listing->dir, more, sizeof more);
        if (rest == 0)
            return len;
        if (rest > 0 && (size_t)len + sizeof more <= listing->size)
            return -EAGAIN;
        listing->size *= 4;
    }
    return -EAGAIN;
}

static int list_in_pieces(struct listing *listing)
{
    ssize_t len;
    if (lseek(listing->dir, 0, SEEK_SET) < 0)
        return -errno;
    while ((len = next_names(listing)) > 0)
        tell_names(listing, (size_t)len);
    return len < 0 ? (int)len : DISK_IN_PIECES;
}

static int real_list(struct disk *disk, void (*each)(void *arg, const char *name), void *arg)
{
    struct listing listing = {.each = each, .arg = arg, .size = NAMES_FIRST};
    /* A directory of its own: a shared one would share the place where reading it stands. */
    listing.dir = open_in(real_of(disk)->dir, ".", O_RDONLY | O_DIRECTORY);
    if (listing.dir < 0)
        return listing.dir;
    ssize_t len = list_at_once(&listing);
    if (len == -EAGAIN) /* a signal can be in the way, too */
        len = list_at_once(&listing);
    if (len >= 0)
        tell_names(&listing, (size_t)len);
    int result = len == -EAGAIN ? list_in_pieces(&listing) : len < 0 ? (int)len : 0;
    free(listing.names);
    close(listing.dir);
    return result;
}

static int real_lock(struct disk *disk, const char *name)
{
    struct real *real = real_of(disk);
    if (real->lock >= 0)
        return 0;
    int file = open_in(real->dir, name, O_RDWR | O_CREAT);
    if (file < 0)
        return file;
    int result;
    do
        result = result_of(flock(file, LOCK_EX | LOCK_NB));
    while (result == -EINTR);
    if (result < 0)
        close(file);
    else
        real->lock = file;
    return result;
}

/* A file in a directory that was removed can be written as before, and nobody will ever find it again. */
static int real_check(struct disk *disk)
{
    struct stat stat;
    if (fstat(real_of(disk)->dir, &stat) < 0)
        return -errno;
    return stat.st_nlink == 0 ? -ENOENT : 0;
}

static void real_free(struct disk *disk)
{
    struct real *real = real_of(disk);
    if (real->lock >= 0)
        close(real->lock);
    if (real->dir >= 0)
        close(real->dir);
    free(real);
}

static const struct disk_ops real_ops = {
    .open = real_open,
    .close = real_close,
    .size = real_size,
    .mode = real_mode,
    .read = real_read,
    .write = real_write,
    .allocate = real_allocate,
    .truncate = real_truncate,
    .sync = real_sync,
    .sync_dir = real_sync_dir,
    .remove = real_remove,
    .rename = real_rename,
    .is_named = real_is_named,
    .list = real_list,
    .lock = real_lock,
    .check = real_check,
    .free = real_free,
};

/* The name of a directory just made lies in its parent, which a power cut must not lose either. */
static int sync_parent(int dir)
{
    int parent = open_in(dir, "..", O_RDONLY | O_DIRECTORY);
    if (parent < 0)
        return parent;
    int result = sync_dir(parent);
    close(parent);
    return result;
}

enum { PIECE = 4096 };

bool disk_read_whole(struct disk *disk, int file, char *to, size_t len)
{
    if (disk->ops->read(disk, file, to, len, 0) == (int64_t)len)
        return true;
    for (size_t at = 0; at < len; at += PIECE) {
        size_t piece = len - at < PIECE ? len - at : PIECE;
        int64_t n = disk->ops->read(disk, file, to + at, piece, at);
        size_t got = n < 0 ? 0 : (size_t)n;
        memset(to + at + got, 0, piece - got);
    }
    return false;
}

int disk_open(const char *path, bool create, struct disk **ret)
{
    struct real *real = malloc(sizeof *real);
    if (real == NULL)
        return -ENOMEM;
    *real = (struct real){.disk = {.ops = &real_ops}, .dir = -1, .lock = -1};
    struct disk *disk = &real->disk;
    int result = 0;
    bool is_made = false;
    if (create) {
        is_made = mkdir(path, MODE_DIR) == 0;
        if (!is_made && errno != EEXIST)
            result = -errno;
    }
    if (result == 0)
        result = real->dir = open_in(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    if (result >= 0 && is_made)
        result = sync_parent(real->dir);
    if (result < 0)
        goto fail;
    *ret = disk;
    return 0;
fail:
    if (is_made)
        rmdir(path);
    disk_close(&disk);
    return result;
}
