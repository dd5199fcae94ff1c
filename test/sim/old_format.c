/* From this format back to format 1, see old_format.h. */
#include "sim/old_format.h"
#include "base/check.h"
#include "base/hash.h"
#include "store/dir.h"
#include "store/names.h"
#include "store/scan.h"
#include "store/segment.h"

#include <stdlib.h>

enum { OLD_HEAD = 28, LAYOUT = 64, LAYOUT_FORMAT = 8, LAYOUT_CHECK = 56 };

static void write_file(struct disk *disk, const char *name, const char *bytes, size_t len)
{
    int file = disk->ops->open(disk, name, DISK_CREATE);
    CHECK(file >= 0 && disk->ops->write(disk, file, bytes, len, 0) == 0 && disk->ops->sync(disk, file) == 0);
    disk->ops->close(disk, file);
}

static void write_layout(struct disk *disk)
{
    char layout[LAYOUT];
    int file = disk->ops->open(disk, "store", DISK_READ);
    CHECK(file >= 0 && disk_read_whole(disk, file, layout, sizeof layout));
    disk->ops->close(disk, file);
    memcpy(layout + LAYOUT_FORMAT, &(uint32_t){1}, sizeof(uint32_t));
    uint64_t check = hash_bytes((struct bytes){.p = layout, .len = LAYOUT_CHECK}, 0);
    memcpy(layout + LAYOUT_CHECK, &check, sizeof check);
    (void)disk->ops->remove(disk, "store.new");
    write_file(disk, "store.new", layout, sizeof layout);
    CHECK(disk->ops->rename(disk, "store.new", "store") == 0);
}

/* What the old head said of the rest, under its own magic. */
static void seal_old_head(struct segment_head *head, uint64_t seed)
{
    segment_seal_head(head, seed);
    memcpy(head->magic, "CLKSEG1\n", sizeof head->magic);
}

static size_t write_old(char *to, const struct record *record)
{
    size_t body_len = record_body_len(record);
    size_t size = record_pad(OLD_HEAD + body_len);
    memset(to, 0, size);
    memcpy(to, record, offsetof(struct record, seen_s));
    memcpy(to + OLD_HEAD, record->bytes, body_len);
    return size;
}

static void convert(struct disk *disk, const struct name *name, uint64_t seed)
{
    char text[DIR_NAME_MAX];
    dir_segment_name(name->shard, name->serial, text);
    int file = disk->ops->open(disk, text, DISK_READ);
    int64_t len = disk->ops->size(disk, file);
    CHECK(file >= 0 && len >= 0);
    char *bytes = calloc(1, (size_t)len + SEGMENT_HEAD);
    char *old = calloc(1, (size_t)len + SEGMENT_HEAD);
    CHECK(bytes != NULL && old != NULL && disk_read_whole(disk, file, bytes, (size_t)len));
    disk->ops->close(disk, file);
    memcpy(old, bytes, SEGMENT_HEAD);
    seal_old_head((struct segment_head *)(void *)old, seed);
    size_t used = SEGMENT_HEAD;
    struct scan scan = {
        .p = bytes, .len = (size_t)len, .at = SEGMENT_HEAD, .head = RECORD_HEAD, .seed = seed};
    size_t at;
    size_t n;
    enum scan_kind kind;
    while (len > SEGMENT_HEAD && (kind = scan_next(&scan, &at, &n)) != SCAN_END) {
        if (kind == SCAN_RECORD)
            used += write_old(old + used, (const struct record *)(const void *)(bytes + at));
    }
    CHECK(disk->ops->remove(disk, text) == 0);
    dir_old_segment_name(name->shard, name->serial, text);
    write_file(disk, text, old, used);
    free(bytes);
    free(old);
}

bool old_format_make(struct disk *disk)
{
    struct dir dir;
    struct names names = {0};
    char problem[STORE_PROBLEM_MAX];
    bool is_due = dir_read_layout(&dir, disk, problem) == ERR_NONE && dir.format == DIR_FORMAT &&
                  names_read(&names, disk, dir_parse_old_segment_name) == 0 && names.n == 0;
    if (is_due) {
        CHECK(names_read(&names, disk, dir_parse_segment_name) == 0);
        for (size_t i = 0; i < names.n; i++)
            convert(disk, &names.list[i], dir.seed);
        write_layout(disk);
        CHECK(disk->ops->sync_dir(disk) == 0);
    }
    names_fini(&names);
    return is_due;
}
