/* The way back from a backup, see backup.h. */
#include "store/backup.h"
#include "store/backup_part.h"

#include <errno.h>
#include <stdio.h>

struct restore {
    struct copy copy;
    struct manifest wanted;
    uint64_t bytes;
    uint64_t done;
    const struct backup_ears *ears;
    struct backup_report report;
};

static enum err refuse(struct restore *restore, const char *name, const char *why)
{
    snprintf(restore->copy.problem, STORE_PROBLEM_MAX, "%s: %s", name, why);
    return ERR_USAGE;
}

static enum err read_manifest(struct restore *restore)
{
    struct bytes text;
    int error = copy_read(&restore->copy, MANIFEST_NAME, &text);
    if (error == -ENOENT)
        return refuse(
            restore, MANIFEST_NAME,
            "there is no such file: it is no backup of `cloakroom backup`, or one that was not finished");
    if (error < 0)
        return copy_fail(&restore->copy, error, MANIFEST_NAME);
    if (!manifest_parse(&restore->wanted, text))
        return refuse(restore, MANIFEST_NAME, "it is damaged; take another backup");
    for (size_t i = 0; i < restore->wanted.n; i++)
        restore->bytes += restore->wanted.rows[i].len;
    restore->report.taken_s = restore->wanted.taken_s;
    return ERR_NONE;
}

/* Without `store` a directory is none that a server would take: it comes last. */
static enum err put_row(struct restore *restore, const struct manifest_row *row)
{
    struct copy *copy = &restore->copy;
    struct bytes bytes;
    bool is_layout = strcmp(row->name, "store") == 0;
    int error = copy_read(copy, row->name, &bytes);
    if (error == -ENOENT)
        return refuse(restore, row->name, "is missing in the backup; take another one");
    if (error < 0)
        return copy_fail(copy, error, row->name);
    if (!manifest_agrees(row, bytes))
        return refuse(restore, row->name, "is not as it was written into the backup; take another one");
    enum err err = copy_put(copy, is_layout ? "store.new" : row->name, is_layout ? NULL : row->name, bytes);
    if (err == ERR_NONE && is_layout)
        err = copy_name(copy, "store.new", "store");
    restore->done += row->len;
    restore->report.bytes += row->len;
    restore->report.has_key = restore->report.has_key || strcmp(row->name, "key") == 0;
    if (restore->ears->progress != NULL)
        restore->ears->progress(restore->ears->arg, restore->done, restore->bytes);
    return err;
}

static enum err put_all(struct restore *restore)
{
    const struct manifest *wanted = &restore->wanted;
    size_t layout = wanted->n;
    enum err err = ERR_NONE;
    for (size_t i = 0; i < wanted->n && err == ERR_NONE; i++) {
        if (strcmp(wanted->rows[i].name, "store") == 0)
            layout = i;
        else
            err = put_row(restore, &wanted->rows[i]);
    }
    if (err != ERR_NONE)
        return err;
    if (layout == wanted->n)
        return refuse(restore, "store", "is not part of the backup; take another one");
    int error = restore->copy.to->ops->sync_dir(restore->copy.to);
    if (error < 0)
        return copy_fail(&restore->copy, error, "the target cannot be synced");
    restore->report.files = wanted->n - 1;
    return put_row(restore, &wanted->rows[layout]);
}

enum err backup_restore(struct disk *from, struct disk *to, const struct backup_ears *ears,
                        struct backup_report *ret, struct check_report *ret_check, char *problem)
{
    struct restore restore = {.copy = {.from = from, .to = to, .problem = problem}, .ears = ears};
    enum err err = copy_check_empty(&restore.copy);
    if (err == ERR_NONE)
        err = read_manifest(&restore);
    if (err == ERR_NONE) {
        err = put_all(&restore);
        if (err != ERR_NONE)
            copy_undo(&restore.copy);
    }
    if (err == ERR_NONE)
        err = check_run(to, false, ret_check, ears->notice, ears->arg, problem);
    if (err == ERR_NONE)
        *ret = restore.report;
    manifest_fini(&restore.wanted);
    copy_fini(&restore.copy);
    return err;
}
