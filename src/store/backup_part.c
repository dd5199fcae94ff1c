/* Whole files from one disk to another, see backup_part.h. */
#include "store/backup_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum err copy_fail(struct copy *copy, int error, const char *what)
{
    snprintf(copy->problem, STORE_PROBLEM_MAX, "%.160s: %s", what, strerror(-error));
    return error == -ENOMEM ? ERR_MEMORY : ERR_SYSTEM;
}

struct survey {
    bool has_any;
    char name[64];
};

static void look_at(void *arg, const char *name)
{
    struct survey *survey = arg;
    if (strcmp(name, "lost+found") == 0)
        return;
    survey->has_any = true;
    snprintf(survey->name, sizeof survey->name, "%s", name);
}

enum err copy_check_empty(struct copy *copy)
{
    struct survey survey = {0};
    int error = copy->to->ops->list(copy->to, look_at, &survey);
    if (error < 0)
        return copy_fail(copy, error, "the target cannot be listed");
    if (!survey.has_any)
        return ERR_NONE;
    snprintf(copy->problem, STORE_PROBLEM_MAX,
             "the target holds something already (%s); give an empty directory, or a new one", survey.name);
    return ERR_USAGE;
}

bool copy_make_room(struct copy *copy, size_t len)
{
    if (len <= copy->bytes_cap)
        return true;
    free(copy->bytes);
    copy->bytes = malloc(len);
    copy->bytes_cap = copy->bytes == NULL ? 0 : len;
    return copy->bytes != NULL;
}

static int read_open(struct copy *copy, int file, struct bytes *ret)
{
    int64_t size = copy->from->ops->size(copy->from, file);
    if (size < 0)
        return (int)size;
    if ((uint64_t)size > COPY_FILE_MAX)
        return -EFBIG;
    if (!copy_make_room(copy, (size_t)size + 1))
        return -ENOMEM;
    int64_t n = copy->from->ops->read(copy->from, file, copy->bytes, (size_t)size, 0);
    *ret = (struct bytes){.p = copy->bytes, .len = n < 0 ? 0 : (size_t)n};
    return n < 0 ? (int)n : 0;
}

int copy_read(struct copy *copy, const char *name, struct bytes *ret)
{
    int file = copy->from->ops->open(copy->from, name, DISK_READ);
    if (file < 0)
        return file;
    int error = read_open(copy, file, ret);
    copy->from->ops->close(copy->from, file);
    return error;
}

enum err copy_put(struct copy *copy, const char *name, const char *as, struct bytes bytes)
{
    struct disk *disk = copy->to;
    int file = disk->ops->open(disk, name, DISK_CREATE);
    if (file < 0)
        return copy_fail(copy, file, "the target cannot be written to");
    snprintf(copy->last, sizeof copy->last, "%s", name);
    int error = disk->ops->write(disk, file, bytes.p, bytes.len, 0);
    if (error == 0)
        error = disk->ops->sync(disk, file);
    disk->ops->close(disk, file);
    if (error == 0 && as != NULL && !manifest_add(&copy->manifest, as, bytes))
        error = -ENOMEM;
    return error < 0 ? copy_fail(copy, error, "the target cannot be written to") : ERR_NONE;
}

enum err copy_name(struct copy *copy, const char *from, const char *to)
{
    struct disk *disk = copy->to;
    int error = disk->ops->rename(disk, from, to);
    if (error == 0) {
        snprintf(copy->last, sizeof copy->last, "%s", to);
        error = disk->ops->sync_dir(disk);
    }
    return error < 0 ? copy_fail(copy, error, "the target cannot be synced") : ERR_NONE;
}

/* What makes it whole goes first. */
void copy_undo(struct copy *copy)
{
    struct disk *disk = copy->to;
    if (copy->last[0] != '\0')
        (void)disk->ops->remove(disk, copy->last);
    for (size_t i = copy->manifest.n; i-- > 0;)
        (void)disk->ops->remove(disk, copy->manifest.rows[i].name);
    (void)disk->ops->sync_dir(disk);
}

void copy_fini(struct copy *copy)
{
    manifest_fini(&copy->manifest);
    free(copy->bytes);
    copy->bytes = NULL;
}
