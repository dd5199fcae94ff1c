/*
 * fuzz_recover: a store is opened on a directory with one or two segments made from the input, read, tidied, closed, and
 * opened again. Nothing may crash or hang; a second start shows what the first one did (S2), and `check` looks on.
 *
 *      input    | what the heads are like | chunk | chunk | …
 *      chunk    | op | …           op: bit 0: a record, with its check, else raw bytes; bit 1: the next file begins
 *      record   | kind | key | value_len, 16 bits | version | expiry |    and its body, all derived from these
 *      raw      | length | bytes
 */
#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "io/disk.h"
#include "store/check.h"
#include "store/dir.h"
#include "store/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SEED = 42,
    NKEYS = 6,
    NOW = 1000,
    FILE_ROOM = 192 << 10,
    VALUE_MAX = 20000,
    NOTE_MAX = 600,
    SEGMENT_SIZE = 8 << 10,
    TIDIES = 200
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char folder[64];

struct input {
    const uint8_t *p;
    size_t left;
};

struct image {
    _Alignas(8) char bytes[FILE_ROOM];
    size_t len;
};

/* Time stands still: nothing expires between two starts. */
static uint64_t steady_ns(const struct clock *clock)
{
    (void)clock;
    return (uint64_t)(NOW - 16) * 1000000000U;
}

static int64_t wall_s(const struct clock *clock)
{
    (void)clock;
    return 1700000000;
}

static const struct clock clock_stopped = {.steady_ns = steady_ns, .wall_s = wall_s};

static uint8_t take(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->p++;
}

static void add_raw(struct input *input, struct image *image)
{
    size_t len = take(input);
    len = len < input->left ? len : input->left;
    if (len > FILE_ROOM - image->len)
        return;
    memcpy(image->bytes + image->len, input->p, len);
    image->len += len;
    input->p += len;
    input->left -= len;
}

static bool is_item(uint8_t kind)
{
    return (kind & RECORD_KIND_MASK) == RECORD_ITEM || (kind & RECORD_KIND_MASK) == RECORD_STALE;
}

/* No two have the same version but a tombstone and the item before it, as no store would write. */
static void add_record(struct input *input, struct image *image, uint32_t ordinal)
{
    uint8_t kind = take(input) & (RECORD_KIND_MASK | RECORD_SESSION);
    uint8_t key = take(input) % NKEYS;
    uint32_t value_len = (uint32_t)(take(input) | take(input) << 8) % VALUE_MAX;
    if ((kind & RECORD_KIND_MASK) == RECORD_TOUCH)
        value_len = 8;
    else if (!is_item(kind)) /* nothing else is ever large */
        value_len %= NOTE_MAX;
    uint64_t version = ((uint64_t)take(input) << 8 | (ordinal & 0xff)) << 6;
    uint32_t expiry_s = take(input) * 8U;
    size_t at = (image->len + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
    if ((kind & RECORD_KIND_MASK) == 0 || record_size_for(2, value_len) > FILE_ROOM - at)
        return;
    struct record *record = (struct record *)(void *)(image->bytes + at);
    memset(image->bytes + image->len, 0, at - image->len);
    memset(record, 0, record_size_for(2, value_len));
    record->kind = kind;
    record->key_len = (kind & RECORD_KIND_MASK) >= RECORD_FLUSH && !is_item(kind) ? 0 : 2;
    record->value_len = value_len;
    record->expiry_s = expiry_s;
    record->flags = ordinal;
    record_set_version(record, version);
    memcpy(record->bytes, (char[]){'k', (char)('0' + key)}, record->key_len);
    memset(record->bytes + record->key_len, 'a' + (int)(ordinal % 26), value_len);
    if ((kind & RECORD_KIND_MASK) == RECORD_TOUCH)
        memcpy(record->bytes + record->key_len, &(uint64_t){version - (1U << 6)}, sizeof version);
    record->check = record_check(record, SEED);
    image->len = at + record_size(record);
}

static void begin_file(struct image *image, uint64_t serial, uint8_t how)
{
    struct segment_head head = {
        .shard = 0, .class = how & 1, .large = (how >> 1) & 1, .serial = serial, .size = SEGMENT_SIZE};
    memcpy(head.magic, SEGMENT_MAGIC, sizeof head.magic);
    const char *rest = (const char *)&head + offsetof(struct segment_head, shard);
    size_t rest_len = sizeof head - offsetof(struct segment_head, shard);
    head.check = (uint32_t)hash_bytes((struct bytes){.p = rest, .len = rest_len}, SEED);
    head.check ^= (how >> 2) & 1;
    memcpy(image->bytes, &head, sizeof head);
    image->len = sizeof head;
}

static void write_file(struct disk *disk, const struct image *image, uint64_t serial)
{
    char name[DIR_NAME_MAX];
    dir_segment_name(0, serial, name);
    int file = disk->ops->open(disk, name, DISK_CREATE);
    CHECK(file >= 0);
    CHECK(disk->ops->write(disk, file, image->bytes, image->len, 0) == 0);
    disk->ops->close(disk, file);
}

static void write_files(struct disk *disk, struct input *input)
{
    static struct image image;
    uint8_t how = take(input);
    uint64_t serial = 1;
    begin_file(&image, serial, how);
    for (uint32_t ordinal = 1; input->left > 0; ordinal++) {
        uint8_t op = take(input);
        if ((op & 2) != 0 && serial == 1) {
            write_file(disk, &image, serial++);
            begin_file(&image, serial, how >> 3);
        }
        if ((op & 1) != 0)
            add_record(input, &image, ordinal);
        else
            add_raw(input, &image);
    }
    write_file(disk, &image, serial);
}

static struct store *start(struct disk *disk)
{
    struct store_config config = {.limit_bytes = 4 << 20,
                                  .value_max = 1 << 20,
                                  .seed = SEED,
                                  .nshards = 1,
                                  .segment_bytes = SEGMENT_SIZE,
                                  .disk = disk,
                                  .sync = STORE_SYNC_NONE,
                                  .boot_id = "boot",
                                  .clock = &clock_stopped};
    char problem[STORE_PROBLEM_MAX] = "";
    config.problem = problem;
    struct store *store = NULL;
    enum err err = store_new(&config, &store);
    if (err != ERR_NONE)
        fprintf(stderr, "store_new: %s: %s\n", err_text(err), problem);
    CHECK(err == ERR_NONE);
    return store;
}

static void end(struct store *store)
{
    uint64_t ticket;
    CHECK(store_commit(store, 1, &ticket) == STORE_COMMIT_DONE);
    store_free(&store);
}

/* What is there: a hash of each key's value, flags and version; 0: a miss. */
static void read_keys(struct store *store, uint64_t hashes[NKEYS])
{
    for (unsigned i = 0; i < NKEYS; i++) {
        char key[] = {'k', (char)('0' + i), '\0'};
        struct store_entry entry;
        store_lock(store, bytes_of(key), NOW, &entry);
        hashes[i] = entry.found ? hash_bytes(entry.item.value, entry.item.version ^ entry.item.flags) : 0;
        store_unlock(&entry);
    }
}

static void tidy(struct store *store)
{
    for (unsigned i = 0; i < TIDIES && store_tidy(store, NOW) < 500; i++) {
        CHECK(store_sync(store) == ERR_NONE);
    }
}

static void remove_name(void *arg, const char *name)
{
    struct disk *disk = arg;
    if (strcmp(name, "store") != 0 && strcmp(name, "lock") != 0)
        (void)disk->ops->remove(disk, name);
}

static struct disk *open_folder(void)
{
    struct disk *disk;
    CHECK(disk_open(folder, false, &disk) == 0);
    return disk;
}

static void remove_folder(void)
{
    struct disk *disk = open_folder();
    (void)disk->ops->list(disk, remove_name, disk);
    (void)disk->ops->remove(disk, "store");
    (void)disk->ops->remove(disk, "lock");
    disk_close(&disk);
    (void)rmdir(folder);
}

/* A folder with a layout, once. */
static void prepare(void)
{
    const char *where = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/fuzz-recover-XXXXXX", where == NULL ? "/tmp" : where);
    CHECK(mkdtemp(folder) != NULL);
    atexit(remove_folder);
    struct disk *disk = open_folder();
    end(start(disk));
    disk_close(&disk);
}

static void look(struct disk *disk, bool repair)
{
    struct check_report report;
    char problem[STORE_PROBLEM_MAX];
    CHECK(check_run(disk, repair, &report, NULL, NULL, problem) == ERR_NONE);
    if (!repair)
        return;
    CHECK(report.repaired == report.damaged_runs + report.torn_ends);
    CHECK(check_run(disk, false, &report, NULL, NULL, problem) == ERR_NONE);
    CHECK(report.damaged_runs + report.torn_ends == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (folder[0] == '\0')
        prepare();
    struct disk *disk = open_folder();
    (void)disk->ops->list(disk, remove_name, disk);
    struct input input = {.p = data, .left = len};
    bool repair = (take(&input) & 1) != 0;
    write_files(disk, &input);
    look(disk, repair);
    uint64_t first[NKEYS];
    uint64_t then[NKEYS];
    struct store *store = start(disk);
    read_keys(store, first);
    tidy(store);
    read_keys(store, then);
    CHECK(memcmp(first, then, sizeof first) == 0);
    end(store);
    store = start(disk);
    read_keys(store, then);
    CHECK(memcmp(first, then, sizeof first) == 0);
    end(store);
    look(disk, true);
    disk_close(&disk);
    return 0;
}
