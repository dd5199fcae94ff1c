/* An online copy of a data directory: which bytes, and where they go; see backup.h. Its way back is in restore.c. */
#include "store/backup.h"
#include "base/clock.h"
#include "store/backup_part.h"
#include "store/keyfile.h"
#include "store/names.h"
#include "store/scan.h"
#include "store/segment.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LISTINGS_MAX = 10000, CLOCK_BYTES = 2 * 4096 };

/* A segment of the last listing. */
struct held {
    struct name name;
    int file;
    uint64_t len;
};

struct backup {
    struct copy copy;
    struct dir dir;
    const struct backup_ears *ears;
    struct backup_report report;
    struct held *held; /* in the order of names */
    size_t nheld;
    uint64_t bytes; /* all lengths */
    char clock[CLOCK_BYTES];
    size_t clock_len;
};

__attribute__((format(printf, 3, 4))) static void tell(const struct backup *backup, const char *name,
                                                       const char *format, ...)
{
    char text[STORE_PROBLEM_MAX - DIR_NAME_MAX];
    char line[STORE_PROBLEM_MAX + 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(line, sizeof line, "%s: %s", name, text);
    if (backup->ears->notice != NULL)
        backup->ears->notice(backup->ears->arg, line);
}

/* ---- which files ---- */

static int compare(const struct name *a, const struct name *b)
{
    if (a->shard != b->shard)
        return a->shard < b->shard ? -1 : 1;
    return a->serial < b->serial ? -1 : a->serial > b->serial;
}

static void let_go(struct backup *backup)
{
    for (size_t i = 0; i < backup->nheld; i++)
        if (backup->held[i].file >= 0)
            backup->copy.from->ops->close(backup->copy.from, backup->held[i].file);
    free(backup->held);
    backup->held = NULL;
    backup->nheld = 0;
}

/* What is held of that name since an earlier listing, if it is the same file still; else opened. */
static int hold(struct backup *backup, const struct name *name, size_t *at)
{
    struct disk *disk = backup->copy.from;
    char text[DIR_NAME_MAX];
    dir_segment_name(name->shard, name->serial, text);
    while (*at < backup->nheld && compare(&backup->held[*at].name, name) < 0)
        (*at)++;
    if (*at < backup->nheld && compare(&backup->held[*at].name, name) == 0) {
        struct held *held = &backup->held[*at];
        int file = held->file;
        if (file >= 0 && disk->ops->is_named(disk, file, text) == 1) {
            held->file = -1;
            return file;
        }
    }
    return disk->ops->open(disk, text, DISK_READ);
}

/* Exactly what this listing names; what earlier ones named beyond it is let go: its records lie elsewhere by now, or are
 * gone for good. *ret_vanished: one could not be had any more. */
static int hold_all(struct backup *backup, const struct names *names, bool *ret_vanished)
{
    struct held *held = calloc(names->n + 1, sizeof *held);
    size_t n = 0;
    size_t at = 0;
    int error = held == NULL ? -ENOMEM : 0;
    *ret_vanished = false;
    for (size_t i = 0; i < names->n && error == 0; i++) {
        int file = hold(backup, &names->list[i], &at);
        if (file >= 0)
            held[n++] = (struct held){.name = names->list[i], .file = file};
        else if (file == -ENOENT)
            *ret_vanished = true;
        else
            error = file;
    }
    let_go(backup);
    backup->held = held;
    backup->nheld = n;
    return error;
}

static bool are_equal(const struct backup *backup, const struct names *names)
{
    bool equal = backup->nheld == names->n;
    for (size_t i = 0; equal && i < names->n; i++)
        equal = compare(&backup->held[i].name, &names->list[i]) == 0;
    return equal;
}

/* A listing of one moment holds when all that it names could be had. One that was read in pieces has to be told again,
 * word for word. */
static int settle_on_a_listing(struct backup *backup, struct names *names)
{
    for (;;) {
        int error = names_read(names, backup->copy.from, dir_parse_segment_name);
        bool is_as_before = backup->report.listings > 0 && are_equal(backup, names);
        bool has_vanished = false;
        if (error == 0)
            error = hold_all(backup, names, &has_vanished);
        if (error < 0)
            return error;
        backup->report.listings++;
        if (!has_vanished && (!names->in_pieces || is_as_before))
            return 0;
        if (backup->report.listings == LISTINGS_MAX)
            return -EBUSY;
    }
}

/* Whatever the server appends from here on is left out, so that what is copied is of a short while, however long the
 * copying lasts. */
static int note_lengths(struct backup *backup)
{
    for (size_t i = 0; i < backup->nheld; i++) {
        int64_t len = backup->copy.from->ops->size(backup->copy.from, backup->held[i].file);
        if (len < 0)
            return (int)len;
        backup->held[i].len = (uint64_t)len;
        backup->bytes += (uint64_t)len;
    }
    return 0;
}

/* After the lengths: it says how far versions may have been given. */
static int note_clock(struct backup *backup)
{
    struct disk *disk = backup->copy.from;
    int file = disk->ops->open(disk, "clock", DISK_READ);
    if (file < 0)
        return file;
    int64_t len = disk->ops->read(disk, file, backup->clock, sizeof backup->clock, 0);
    disk->ops->close(disk, file);
    backup->clock_len = len < 0 ? 0 : (size_t)len;
    backup->report.taken_s = (int64_t)time(NULL);
    return len < 0 ? (int)len : 0;
}

static enum err choose(struct backup *backup)
{
    struct names names = {0};
    int error = settle_on_a_listing(backup, &names);
    names_fini(&names);
    if (error == -EMFILE || error == -ENFILE)
        return copy_fail(&backup->copy, error,
                         "each segment needs a descriptor; raise the limit (ulimit -n) and try again");
    if (error == -EBUSY)
        return copy_fail(&backup->copy, error, "files come and go too fast there; try again");
    if (error == 0)
        error = note_lengths(backup);
    if (error == 0)
        error = note_clock(backup);
    return error < 0 ? copy_fail(&backup->copy, error, "its files cannot be read") : ERR_NONE;
}

/* ---- their bytes ---- */

/* How much of it is good; what is torn at its end was being written, and recovery would cut it. */
static size_t scan(struct backup *backup, const char *name, char *bytes, size_t len)
{
    struct scan scan = {
        .p = bytes, .len = len, .at = SEGMENT_HEAD, .head = RECORD_HEAD, .seed = backup->dir.seed};
    size_t at;
    size_t n;
    enum scan_kind kind;
    while ((kind = scan_next(&scan, &at, &n)) != SCAN_END) {
        if (kind == SCAN_RECORD) {
            backup->report.records++;
            continue;
        }
        backup->report.damaged_runs++;
        tell(backup, name, "%zu bytes from offset %zu on are damaged; copied as they are", n, at);
    }
    return at;
}

static enum err copy_segment(struct backup *backup, struct held *held)
{
    struct copy *copy = &backup->copy;
    char name[DIR_NAME_MAX];
    dir_segment_name(held->name.shard, held->name.serial, name);
    size_t len = (size_t)held->len;
    if (held->name.shard >= backup->dir.nshards || held->len > COPY_FILE_MAX) {
        tell(backup, name, "is no segment of this store; left out");
        backup->report.damaged_runs++;
        return ERR_NONE;
    }
    if (len <= SEGMENT_HEAD) /* nothing got there yet */
        return ERR_NONE;
    if (!copy_make_room(copy, len))
        return copy_fail(copy, -ENOMEM, name);
    if (!disk_read_whole(copy->from, held->file, copy->bytes, len)) {
        tell(backup, name, "cannot be read as a whole; what is missing is taken for zeros");
        backup->report.damaged_runs++;
    }
    len = scan(backup, name, copy->bytes, len);
    if (len <= SEGMENT_HEAD)
        return ERR_NONE;
    backup->report.files++;
    backup->report.bytes += len;
    return copy_put(copy, name, name, (struct bytes){.p = copy->bytes, .len = len});
}

static enum err copy_segments(struct backup *backup)
{
    struct disk *from = backup->copy.from;
    uint64_t done = 0;
    enum err err = ERR_NONE;
    for (size_t i = 0; i < backup->nheld && err == ERR_NONE; i++) {
        struct held *held = &backup->held[i];
        err = copy_segment(backup, held);
        from->ops->close(from, held->file); /* so that what the server removed leaves the disk soon */
        held->file = -1;
        done += held->len;
        if (backup->ears->progress != NULL)
            backup->ears->progress(backup->ears->arg, done, backup->bytes);
    }
    return err;
}

static enum err copy_keys(struct backup *backup)
{
    static const char *const names[] = {KEYFILE_NAME, KEYFILE_FORMER};
    struct copy *copy = &backup->copy;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct bytes bytes;
        int error = copy_read(copy, names[i], &bytes);
        if (error == -ENOENT)
            continue;
        enum err err =
            error < 0 ? copy_fail(copy, error, names[i]) : copy_put(copy, names[i], names[i], bytes);
        if (err != ERR_NONE)
            return err;
        backup->report.has_key = backup->report.has_key || i == 0;
    }
    return ERR_NONE;
}

static enum err copy_rest(struct backup *backup, bool with_key)
{
    struct copy *copy = &backup->copy;
    struct bytes bytes = {.p = backup->clock, .len = backup->clock_len};
    enum err err = copy_put(copy, "clock", "clock", bytes);
    if (err == ERR_NONE && with_key)
        err = copy_keys(backup);
    if (err != ERR_NONE)
        return err;
    int error = copy_read(copy, "store", &bytes);
    return error < 0 ? copy_fail(copy, error, "store") : copy_put(copy, "store", "store", bytes);
}

/* All else is on the disk before it is there. */
static enum err write_manifest(struct backup *backup)
{
    struct copy *copy = &backup->copy;
    size_t len;
    copy->manifest.taken_s = backup->report.taken_s;
    char *text = manifest_print(&copy->manifest, &len);
    int error = text == NULL ? -ENOMEM : copy->to->ops->sync_dir(copy->to);
    enum err err = error < 0 ? copy_fail(copy, error, "the backup cannot be synced") : ERR_NONE;
    if (err == ERR_NONE)
        err = copy_put(copy, MANIFEST_NAME ".new", NULL, (struct bytes){.p = text, .len = len});
    if (err == ERR_NONE)
        err = copy_name(copy, MANIFEST_NAME ".new", MANIFEST_NAME);
    free(text);
    return err;
}

enum err backup_take(struct disk *from, struct disk *to, bool with_key, const struct backup_ears *ears,
                     struct backup_report *ret, char *problem)
{
    struct backup backup = {.copy = {.from = from, .to = to, .problem = problem}, .ears = ears};
    enum err err = dir_read_layout(&backup.dir, from, problem);
    if (err == ERR_NONE && backup.dir.format != DIR_FORMAT) {
        snprintf(problem, STORE_PROBLEM_MAX,
                 "it is of format %u, of an older version; start the server on it first, which brings it to "
                 "format "
                 "%d",
                 (unsigned)backup.dir.format, DIR_FORMAT);
        err = ERR_USAGE;
    }
    if (err == ERR_NONE)
        err = copy_check_empty(&backup.copy);
    if (err != ERR_NONE)
        return err;
    err = choose(&backup);
    if (err == ERR_NONE)
        err = copy_segments(&backup);
    if (err == ERR_NONE)
        err = copy_rest(&backup, with_key);
    if (err == ERR_NONE)
        err = write_manifest(&backup);
    if (err == ERR_NONE)
        *ret = backup.report;
    else
        copy_undo(&backup.copy);
    let_go(&backup);
    copy_fini(&backup.copy);
    return err;
}
