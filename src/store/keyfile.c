/* DIR/key, see keyfile.h. */
#include "store/keyfile.h"
#include "base/check.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

enum { TEXT_LEN = 2 * KEYFILE_BYTES + 1, MODE_OF_OTHERS = 077 };

static enum err refuse_for(char *problem, const char *name, const char *what, int error)
{
    snprintf(problem, STORE_PROBLEM_MAX, "%s the file `%s` there: %s", what, name, strerror(-error));
    return ERR_SYSTEM;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse(const char *text, int64_t len, unsigned char ret[KEYFILE_BYTES])
{
    if (len != TEXT_LEN || text[TEXT_LEN - 1] != '\n')
        return false;
    for (size_t i = 0; i < KEYFILE_BYTES; i++) {
        int high = digit_of(text[2 * i]);
        int low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static enum err read_from(struct disk *disk, const char *name, int file, unsigned char ret[KEYFILE_BYTES],
                          char *problem)
{
    char text[TEXT_LEN + 1]; /* one more tells a longer file */
    int mode = disk->ops->mode(disk, file);
    int64_t len = mode < 0 ? mode : disk->ops->read(disk, file, text, sizeof text, 0);
    if (len < 0)
        return refuse_for(problem, name, "cannot read", (int)len);
    if ((mode & MODE_OF_OTHERS) != 0) {
        snprintf(problem, STORE_PROBLEM_MAX,
                 "the file `%s` there can be read or written by others; take that away: chmod 600 %s", name,
                 name);
        return ERR_USAGE;
    }
    if (!parse(text, len, ret)) {
        snprintf(problem, STORE_PROBLEM_MAX, "the file `%s` there is damaged; put it back from a backup",
                 name);
        return ERR_USAGE;
    }
    return ERR_NONE;
}

enum err keyfile_read(struct disk *disk, const char *name, unsigned char ret[KEYFILE_BYTES], bool *ret_found,
                      char *problem)
{
    int file = disk->ops->open(disk, name, DISK_READ);
    *ret_found = file != -ENOENT;
    if (file == -ENOENT)
        return ERR_NONE;
    if (file < 0)
        return refuse_for(problem, name, "cannot open", file);
    enum err err = read_from(disk, name, file, ret, problem);
    disk->ops->close(disk, file);
    return err;
}

/* Under another name until it is whole. */
static int make(struct disk *disk, const unsigned char key[KEYFILE_BYTES])
{
    char text[TEXT_LEN + 1];
    for (size_t i = 0; i < KEYFILE_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", key[i]);
    text[TEXT_LEN - 1] = '\n';
    (void)disk->ops->remove(disk, "key.new");
    int file = disk->ops->open(disk, "key.new", DISK_CREATE);
    if (file < 0)
        return file;
    int error = disk->ops->write(disk, file, text, TEXT_LEN, 0);
    if (error == 0)
        error = disk->ops->sync(disk, file);
    disk->ops->close(disk, file);
    if (error == 0)
        error = disk->ops->rename(disk, "key.new", KEYFILE_NAME);
    return error == 0 ? disk->ops->sync_dir(disk) : error;
}

enum err keyfile_make(struct disk *disk, unsigned char ret[KEYFILE_BYTES], char *problem)
{
    CHECK(getrandom(ret, KEYFILE_BYTES, 0) == KEYFILE_BYTES);
    int error = make(disk, ret);
    return error < 0 ? refuse_for(problem, KEYFILE_NAME, "cannot write", error) : ERR_NONE;
}
