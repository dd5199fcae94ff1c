/* From format 1 to this one, see upgrade.h. */
#include "store/upgrade.h"
#include "base/check.h"
#include "base/clock.h"
#include "store/recover_part.h"
#include "store/scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { OLD_HEAD = 28, COPY_NAME_MAX = DIR_NAME_MAX + 16, PARTS_MAX = 4 };

/* A new segment that is being filled: one for each class, as a store has it. */
struct output {
    char *bytes;
    uint32_t used;
};

struct upgrade {
    struct recovery *recovery;
    struct dir *dir;
    struct disk *disk;
    uint64_t nrecords;

    /* Of one shard. */
    uint32_t shard;
    uint64_t serial; /* the last one given */
    struct output outputs[STORE_NCLASSES];

    /* Of one old segment. */
    char name[DIR_NAME_MAX];
    char *bytes;
    size_t bytes_cap;
};

static int write_parts(struct upgrade *up, int file, const struct bytes *parts, size_t n)
{
    uint64_t at = 0;
    int error = 0;
    for (size_t i = 0; i < n && error == 0; i++) {
        if (parts[i].len > 0)
            error = up->disk->ops->write(up->disk, file, parts[i].p, parts[i].len, at);
        at += parts[i].len;
    }
    return error == 0 ? up->disk->ops->sync(up->disk, file) : error;
}

static int write_file(struct upgrade *up, const char *name, const struct bytes *parts, size_t n)
{
    int file = up->disk->ops->open(up->disk, name, DISK_CREATE);
    if (file < 0)
        return file;
    int error = write_parts(up, file, parts, n);
    up->disk->ops->close(up->disk, file);
    return error;
}

/* The parts behind the head. */
static int write_segment(struct upgrade *up, struct segment_head *head, const struct bytes *rest, size_t n)
{
    char name[DIR_NAME_MAX];
    struct bytes parts[PARTS_MAX] = {{.p = (const char *)head, .len = sizeof *head}};
    CHECK(n < PARTS_MAX);
    memcpy(parts + 1, rest, n * sizeof *rest);
    head->shard = (uint16_t)up->shard;
    head->serial = ++up->serial;
    segment_seal_head(head, up->dir->seed);
    dir_segment_name(up->shard, head->serial, name);
    return write_file(up, name, parts, n + 1);
}

static int end_output(struct upgrade *up, enum store_class class)
{
    struct output *output = &up->outputs[class];
    struct segment_head head = {.class = (uint8_t) class, .size = up->dir->segment_bytes};
    const struct bytes records = {.p = output->bytes, .len = output->used};
    output->used = 0;
    return records.len == 0 ? 0 : write_segment(up, &head, &records, 1);
}

static void fill_record_head(struct record *record, const struct record *old)
{
    memcpy(record, old, offsetof(struct record, state));
    record->state = record->seen_s = 0;
}

static int add_large(struct upgrade *up, const struct record *old, struct bytes body)
{
    static const char zeros[RECORD_ALIGN];
    struct record record;
    struct segment_head head = {.class = record_is_session(old) ? STORE_SESSION : STORE_CACHE, .large = 1};
    fill_record_head(&record, old);
    const struct bytes parts[] = {{.p = (const char *)&record, .len = RECORD_HEAD},
                                  body,
                                  {.p = zeros, .len = record_pad(body.len) - body.len}};
    head.size = (uint32_t)segment_round(SEGMENT_HEAD + RECORD_HEAD + record_pad(body.len));
    return write_segment(up, &head, parts, sizeof parts / sizeof *parts);
}

/* Large is what the store calls so, which has to do with key and value alone. */
static int add(struct upgrade *up, const struct record *old)
{
    const struct dir *dir = up->dir;
    const char *from = (const char *)old + OLD_HEAD;
    struct bytes body = {.p = from, .len = record_body_len_in(old, from)};
    enum store_class class = record_is_session(old) ? STORE_SESSION : STORE_CACHE;
    struct output *output = &up->outputs[class];
    size_t size = record_size_for(body.len, 0);
    size_t room = dir->segment_bytes - SEGMENT_HEAD;
    up->nrecords++;
    if (size > room ||
        record_size_for(old->key_len, old->value_len) > segment_large_bytes(dir->segment_bytes))
        return add_large(up, old, body);
    int error = size > room - output->used ? end_output(up, class) : 0;
    if (error < 0)
        return error;
    struct record *record = (struct record *)(void *)(output->bytes + output->used);
    fill_record_head(record, old);
    memcpy(record->bytes, body.p, body.len);
    memset(record->bytes + body.len, 0, size - RECORD_HEAD - body.len);
    output->used += (uint32_t)size;
    return 0;
}

/* An earlier try may have left one. */
static int keep_damaged(struct upgrade *up, size_t len)
{
    char name[COPY_NAME_MAX];
    const struct bytes all = {.p = up->bytes, .len = len};
    snprintf(name, sizeof name, "%s.damaged-0", up->name);
    (void)up->disk->ops->remove(up->disk, name);
    return write_file(up, name, &all, 1);
}

static int add_all(struct upgrade *up, size_t len, bool is_whole)
{
    struct scan scan = {
        .p = up->bytes, .len = len, .at = SEGMENT_HEAD, .head = OLD_HEAD, .seed = up->dir->seed};
    size_t at;
    size_t n;
    int error = 0;
    enum scan_kind kind;
    while (error == 0 && (kind = scan_next(&scan, &at, &n)) != SCAN_END) {
        const struct record *old = (const struct record *)(const void *)(up->bytes + at);
        is_whole = is_whole && kind != SCAN_DAMAGED;
        if (kind == SCAN_DAMAGED)
            recover_tell_damage(up->recovery, up->name, at, n);
        else if (record_kind(old) != RECORD_VOID)
            error = add(up, old);
    }
    if (error < 0)
        return error;
    up->recovery->torn_bytes += n;
    return is_whole ? 0 : keep_damaged(up, len);
}

static bool make_room(struct upgrade *up, size_t len)
{
    if (len <= up->bytes_cap)
        return true;
    free(up->bytes);
    up->bytes = malloc(len);
    up->bytes_cap = up->bytes == NULL ? 0 : len;
    return up->bytes != NULL;
}

static int convert(struct upgrade *up, const struct name *name)
{
    dir_old_segment_name(name->shard, name->serial, up->name);
    int file = up->disk->ops->open(up->disk, up->name, DISK_READ);
    if (file < 0)
        return file;
    int64_t size = up->disk->ops->size(up->disk, file);
    int error = size < 0 ? (int)size : 0;
    if (size > SEGMENT_HEAD) { /* else nothing got there */
        error = make_room(up, (size_t)size) ? 0 : -ENOMEM;
        if (error == 0) {
            bool is_whole = disk_read_whole(up->disk, file, up->bytes, (size_t)size);
            error = add_all(up, (size_t)size, is_whole);
        }
    }
    up->disk->ops->close(up->disk, file);
    return error;
}

static int end_shard(struct upgrade *up)
{
    int error = 0;
    for (int class = 0; class < STORE_NCLASSES && error == 0; class ++)
        error = end_output(up, (enum store_class) class);
    return error;
}

static int convert_all(struct upgrade *up, const struct names *old)
{
    int error = 0;
    for (size_t i = 0; i < old->n && error == 0; i++) {
        if (up->shard != old->list[i].shard) {
            error = end_shard(up);
            up->shard = old->list[i].shard;
            up->serial = 0;
        }
        if (error == 0)
            error = convert(up, &old->list[i]);
    }
    if (error == 0)
        error = end_shard(up);
    return error == 0 ? up->disk->ops->sync_dir(up->disk) : error;
}

/* All that `print` names: new segments that do not count, or old ones that do no more. */
static int remove_all(const struct dir *dir, const struct names *names,
                      void (*print)(uint32_t shard, uint64_t serial, char name[DIR_NAME_MAX]))
{
    int error = 0;
    for (size_t i = 0; i < names->n && error == 0; i++) {
        char name[DIR_NAME_MAX];
        print(names->list[i].shard, names->list[i].serial, name);
        error = dir->disk->ops->remove(dir->disk, name);
    }
    return error;
}

static int remove_new(const struct dir *dir)
{
    struct names new = {0};
    int error = names_read(&new, dir->disk, dir_parse_segment_name);
    if (error == 0)
        error = remove_all(dir, &new, dir_segment_name);
    names_fini(&new);
    return error;
}

static int copy_all(struct upgrade *up, const struct names *old)
{
    int error = remove_new(up->dir);
    for (int class = 0; class < STORE_NCLASSES && error == 0; class ++) {
        up->outputs[class].bytes = malloc(up->dir->segment_bytes);
        error = up->outputs[class].bytes == NULL ? -ENOMEM : 0;
    }
    if (error == 0)
        error = convert_all(up, old);
    if (error < 0)
        (void)remove_new(up->dir); /* what stays is removed by the next start */
    for (int class = 0; class < STORE_NCLASSES; class ++)
        free(up->outputs[class].bytes);
    free(up->bytes);
    return error;
}

static enum err fail(char *problem, const char *what, int error)
{
    snprintf(problem, STORE_PROBLEM_MAX, "%s: %s", what, strerror(-error));
    return error == -ENOMEM ? ERR_MEMORY : ERR_SYSTEM;
}

static enum err copy(struct dir *dir, struct recovery *recovery, const struct names *old, char *problem)
{
    struct upgrade up = {.recovery = recovery, .dir = dir, .disk = dir->disk};
    int error = copy_all(&up, old);
    if (error < 0)
        return fail(
            problem,
            "cannot bring it from format 1 to format 2, which takes room for all of it once more; nothing "
            "there has changed",
            error);
    recover_tell(recovery, "brought from format 1 to format 2: %llu records, in %.2f s",
                 (unsigned long long)up.nrecords,
                 (double)(clock_steady_ns(dir->clock) - recovery->began_ns) / 1e9);
    return ERR_NONE;
}

/* The rename is made certain before what it replaces goes, even where it has been done: that start may have been cut
 * short before it was certain. */
static enum err count_new(struct dir *dir, const struct names *old, char *problem)
{
    int error = dir_set_format(dir);
    if (error < 0)
        return fail(problem, "cannot end bringing it to format 2", error);
    error = remove_all(dir, old, dir_old_segment_name);
    return error < 0 ? fail(problem, "cannot remove its segments of format 1", error) : ERR_NONE;
}

enum err upgrade_run(struct dir *dir, struct recovery *recovery, char *problem)
{
    struct names old = {0};
    int error = names_read(&old, dir->disk, dir_parse_old_segment_name);
    if (error < 0)
        return fail(problem, "cannot list it", error);
    while (old.n > 0 && old.list[old.n - 1].shard >= dir->nshards)
        old.n--; /* of no shard: nothing to us, here as in recovery */
    enum err err = ERR_NONE;
    if (dir->format != DIR_FORMAT)
        err = copy(dir, recovery, &old, problem);
    if (err == ERR_NONE && (dir->format != DIR_FORMAT || old.n > 0))
        err = count_new(dir, &old, problem);
    names_fini(&old);
    return err;
}
