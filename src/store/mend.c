/* Repairs a segment's file in place, so that it stays whose it was; see mend.h. */
#include "store/mend.h"
#include "store/dir.h"
#include "store/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { COPY_NAME_MAX = DIR_NAME_MAX + 32 };

bool mend_note(struct mend *mend, size_t at, size_t len, bool is_torn)
{
    if (mend->n == mend->cap) {
        size_t cap = mend->cap == 0 ? 16 : mend->cap * 2;
        struct mend_run *runs = reallocarray(mend->runs, cap, sizeof *runs);
        if (runs == NULL)
            return false;
        mend->runs = runs;
        mend->cap = cap;
    }
    mend->runs[mend->n++] = (struct mend_run){.at = at, .len = len, .is_torn = is_torn};
    return true;
}

/* Appends, as an earlier repair may have left one of this name. */
static int save(const struct mend_file *file, size_t at, size_t len)
{
    const struct disk_ops *ops = file->disk->ops;
    char name[COPY_NAME_MAX];
    snprintf(name, sizeof name, "%s.damaged-%zu", file->name, at);
    int number = ops->open(file->disk, name, DISK_CREATE);
    if (number == -EEXIST)
        number = ops->open(file->disk, name, DISK_WRITE);
    if (number < 0)
        return number;
    int64_t size = ops->size(file->disk, number);
    int error = size < 0 ? (int)size : ops->write(file->disk, number, file->bytes + at, len, (uint64_t)size);
    if (error == 0)
        error = ops->sync(file->disk, number);
    ops->close(file->disk, number);
    return error == 0 ? ops->sync_dir(file->disk) : error;
}

static int cut(struct mend_file *file, size_t len)
{
    file->len = len;
    return file->disk->ops->truncate(file->disk, file->number, len);
}

/* The record is written over the run's beginning; what follows of it is the record's value. */
static int make_void(struct mend_file *file, const struct mend_run *run)
{
    struct record *record = (struct record *)(void *)(file->bytes + run->at);
    memset(record, 0, RECORD_HEAD);
    record->kind = RECORD_VOID;
    record->value_len = (uint32_t)(run->len - RECORD_HEAD);
    record->check = record_check(record, file->seed);
    return file->disk->ops->write(file->disk, file->number, record, RECORD_HEAD, run->at);
}

static int move_up(struct mend_file *file, const struct mend_run *run)
{
    char *to = file->bytes + run->at;
    size_t rest = file->len - run->at - run->len;
    memmove(to, to + run->len, rest);
    int error = file->disk->ops->write(file->disk, file->number, to, rest, run->at);
    return error == 0 ? cut(file, run->at + rest) : error;
}

static int mend_one(struct mend_file *file, const struct mend_run *run)
{
    bool is_short = !run->is_torn && run->len < RECORD_HEAD;
    int error = save(file, run->at, is_short ? file->len - run->at : run->len);
    if (error < 0)
        return error;
    if (run->is_torn)
        return cut(file, run->at);
    return is_short ? move_up(file, run) : make_void(file, run);
}

/* From the last on, so that nothing moves that is still to be done. */
int mend_run(struct mend *mend, struct mend_file *file)
{
    int error = 0;
    for (size_t i = mend->n; i > 0 && error == 0; i--) {
        error = mend_one(file, &mend->runs[i - 1]);
        mend->ndone += error == 0 ? 1 : 0;
    }
    int sync_error = file->disk->ops->sync(file->disk, file->number);
    return error < 0 ? error : sync_error;
}

void mend_fini(struct mend *mend)
{
    free(mend->runs);
    *mend = (struct mend){0};
}
