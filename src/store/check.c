/* Looks through a data directory that no server has, see check.h. */
#include "store/check.h"
#include "base/hash.h"
#include "store/dir.h"
#include "store/keyfile.h"
#include "store/mend.h"
#include "store/names.h"
#include "store/newest.h"
#include "store/scan.h"
#include "store/segment.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* More than any segment has: a value and what belongs to it. */
#define FILE_MAX ((int64_t)RECORD_VALUE_MAX + (1 << 20))

struct check {
    struct dir dir;
    bool repair;
    struct check_report report;
    void (*notice)(void *arg, const char *line);
    void *arg;
    char *problem;
    struct names names;

    /* Of one shard. */
    struct newest newest;
    uint64_t flushed;

    /* Of one segment. */
    char file_name[DIR_NAME_MAX];
    char *bytes;
    size_t bytes_cap;
    struct mend mend;
};

__attribute__((format(printf, 2, 3))) static void tell(struct check *check, const char *format, ...)
{
    char text[STORE_PROBLEM_MAX - DIR_NAME_MAX];
    char line[STORE_PROBLEM_MAX + 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(line, sizeof line, "%s: %s", check->file_name, text);
    if (check->notice != NULL)
        check->notice(check->arg, line);
}

static enum err fail(struct check *check, enum err err, const char *what, int error)
{
    snprintf(check->problem, STORE_PROBLEM_MAX, "%s: %s", what, strerror(-error));
    return err;
}

static enum err fail_memory(struct check *check)
{
    return fail(check, ERR_MEMORY, "it cannot be looked through", -ENOMEM);
}

/* ---- records ---- */

static bool count_record(struct check *check, const struct record *record)
{
    struct check_report *report = &check->report;
    switch (record_kind(record)) {
    case RECORD_ITEM:
    case RECORD_STALE:
        report->items++;
        report->sessions += record_is_session(record) ? 1 : 0;
        return newest_add(&check->newest, record);
    case RECORD_TOMBSTONE:
        report->tombstones++;
        return newest_add(&check->newest, record);
    case RECORD_TOUCH:
        report->touches++;
        return true;
    case RECORD_FLUSH:
        report->flushes++;
        if (record->expiry_s == 0 && record_version(record) > check->flushed)
            check->flushed = record_version(record);
        return true;
    case RECORD_VOID:
        report->voids++;
        return true;
    }
    report->others++;
    return true;
}

static bool note_damage(struct check *check, size_t at, size_t len)
{
    check->report.damaged_runs++;
    check->report.damaged_bytes += len;
    tell(check, "%zu bytes from offset %zu on are damaged", len, at);
    return mend_note(&check->mend, at, len, false);
}

static bool note_torn(struct check *check, size_t at, size_t len)
{
    check->report.torn_ends++;
    check->report.torn_bytes += len;
    tell(check, "%zu bytes from offset %zu on, its last, are torn", len, at);
    return mend_note(&check->mend, at, len, true);
}

/* False: no memory. */
static bool scan_segment(struct check *check, size_t len)
{
    struct scan scan = {
        .p = check->bytes, .len = len, .at = SEGMENT_HEAD, .head = RECORD_HEAD, .seed = check->dir.seed};
    size_t at;
    size_t n;
    enum scan_kind kind;
    while ((kind = scan_next(&scan, &at, &n)) != SCAN_END) {
        const struct record *record = (const struct record *)(const void *)(check->bytes + at);
        if (kind == SCAN_DAMAGED ? !note_damage(check, at, n) : !count_record(check, record))
            return false;
    }
    return n == 0 || note_torn(check, at, n);
}

/* ---- segments ---- */

static bool is_good_head(const struct check *check, const struct name *name)
{
    struct segment_head head;
    memcpy(&head, check->bytes, sizeof head);
    size_t from = offsetof(struct segment_head, shard);
    struct bytes rest = {.p = check->bytes + from, .len = sizeof head - from};
    return memcmp(head.magic, SEGMENT_MAGIC, sizeof head.magic) == 0 &&
           head.check == (uint32_t)hash_bytes(rest, check->dir.seed) && head.shard == name->shard &&
           head.serial == name->serial;
}

static bool make_room(struct check *check, size_t len)
{
    if (len <= check->bytes_cap)
        return true;
    free(check->bytes);
    check->bytes = malloc(len);
    check->bytes_cap = check->bytes == NULL ? 0 : len;
    return check->bytes != NULL;
}

static enum err mend_segment(struct check *check, int number, size_t len)
{
    struct mend *mend = &check->mend;
    if (!check->repair || mend->n == 0)
        return ERR_NONE;
    struct mend_file file = {.disk = check->dir.disk,
                             .seed = check->dir.seed,
                             .name = check->file_name,
                             .number = number,
                             .bytes = check->bytes,
                             .len = len};
    int error = mend_run(mend, &file);
    check->report.repaired += mend->ndone;
    if (error < 0)
        return fail(check, ERR_SYSTEM, "cannot repair a segment there, and left it at that", error);
    tell(check, "repaired; what was there is kept in %s.damaged-*", check->file_name);
    return ERR_NONE;
}

static enum err look_through(struct check *check, const struct name *name, int number, size_t len)
{
    const struct check_report before = check->report;
    check->mend.n = check->mend.ndone = 0;
    check->report.segments++;
    check->report.file_bytes += len;
    if (len <= SEGMENT_HEAD) /* made just before the end, nothing got there */
        return ERR_NONE;
    if (!make_room(check, len))
        return fail_memory(check);
    if (!disk_read_whole(check->dir.disk, number, check->bytes, len))
        tell(check, "cannot be read as a whole; what is missing is taken for zeros");
    if (!scan_segment(check, len))
        return fail_memory(check);
    bool is_used = check->mend.n > 0 || memcmp(&before.items, &check->report.items,
                                               offsetof(struct check_report, living_items) -
                                                   offsetof(struct check_report, items)) != 0;
    if (is_used && !is_good_head(check, name)) {
        check->report.bad_files++;
        tell(check, "its head is damaged, or another file's; the server reads its records all the same");
    }
    return mend_segment(check, number, len);
}

static enum err look_at(struct check *check, const struct name *name)
{
    struct disk *disk = check->dir.disk;
    dir_segment_name(name->shard, name->serial, check->file_name);
    int number = disk->ops->open(disk, check->file_name, check->repair ? DISK_WRITE : DISK_READ);
    if (number < 0)
        return fail(check, ERR_SYSTEM, "cannot open a segment there", number);
    int64_t size = disk->ops->size(disk, number);
    enum err err = ERR_NONE;
    if (size < 0) {
        err = fail(check, ERR_SYSTEM, "cannot read a segment there", (int)size);
    } else if (name->shard >= check->dir.nshards || size > FILE_MAX) {
        check->report.bad_files++;
        tell(check, "is no segment of this store; left out");
    } else {
        err = look_through(check, name, number, (size_t)size);
    }
    disk->ops->close(disk, number);
    return err;
}

static void end_shard(struct check *check)
{
    struct newest_sum sum = {0};
    newest_sum_up(&check->newest, check->flushed, &sum);
    check->report.living_items += sum.items;
    check->report.living_bytes += sum.bytes;
    check->report.digest += sum.digest;
    newest_fini(&check->newest);
    check->flushed = 0;
}

static enum err look_at_all(struct check *check)
{
    const struct name *list = check->names.list;
    for (size_t i = 0; i < check->names.n; i++) {
        enum err err = look_at(check, &list[i]);
        if (err != ERR_NONE)
            return err;
        if (i + 1 == check->names.n || list[i + 1].shard != list[i].shard)
            end_shard(check);
    }
    return ERR_NONE;
}

/* ---- the directory ---- */

/* Without it a server makes another: handles are then not what they were. */
static enum err look_at_key(struct check *check)
{
    unsigned char key[KEYFILE_BYTES];
    char problem[STORE_PROBLEM_MAX];
    bool is_found;
    enum err err = keyfile_read(check->dir.disk, KEYFILE_NAME, key, &is_found, problem);
    if (err == ERR_SYSTEM)
        snprintf(check->problem, STORE_PROBLEM_MAX, "%s", problem);
    if (err != ERR_USAGE)
        return err;
    snprintf(check->file_name, sizeof check->file_name, "key");
    check->report.bad_files++;
    tell(check, "%s", problem);
    return ERR_NONE;
}

/* The layout first: nothing, not even a lock, is left in a directory that is not ours. */
static enum err enter(struct check *check, struct disk *disk)
{
    enum err err = dir_read_layout(&check->dir, disk, check->problem);
    if (err != ERR_NONE)
        return err;
    if (check->dir.format != DIR_FORMAT) {
        snprintf(
            check->problem, STORE_PROBLEM_MAX,
            "it is of format %u, of an older version; start the server on it, which brings it to format %d, "
            "and look again",
            (unsigned)check->dir.format, DIR_FORMAT);
        return ERR_USAGE;
    }
    int error = disk->ops->lock(disk, "lock");
    if (error == -EWOULDBLOCK) {
        snprintf(check->problem, STORE_PROBLEM_MAX,
                 "a server has it open; stop that first, or look at a copy");
        return ERR_USAGE;
    }
    if (error < 0)
        return fail(check, ERR_SYSTEM, "cannot take the lock there", error);
    error = names_read(&check->names, disk, dir_parse_segment_name);
    return error < 0 ? fail(check, ERR_SYSTEM, "cannot list it", error) : ERR_NONE;
}

enum err check_run(struct disk *disk, bool repair, struct check_report *ret,
                   void (*notice)(void *arg, const char *line), void *arg, char *problem)
{
    struct check check = {.repair = repair, .notice = notice, .arg = arg, .problem = problem};
    enum err err = enter(&check, disk);
    if (err == ERR_NONE)
        err = look_at_key(&check);
    if (err == ERR_NONE)
        err = look_at_all(&check);
    if (err == ERR_NONE)
        *ret = check.report;
    newest_fini(&check.newest);
    mend_fini(&check.mend);
    free(check.bytes);
    names_fini(&check.names);
    return err;
}
