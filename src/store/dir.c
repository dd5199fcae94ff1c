/* The layout, the clock and the names of a data directory, see dir.h. */
#include "store/dir.h"
#include "base/clock.h"
#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct layout {
    char magic[8];
    uint32_t format;
    uint32_t nshards;
    uint32_t segment_bytes;
    uint32_t spare;
    uint64_t seed;
    uint64_t reserved[3];
    uint64_t check;
};

_Static_assert(sizeof(struct layout) == 64, "the layout has 64 bytes");

struct clock_note {
    uint64_t turn;
    uint64_t store_s;
    uint64_t steady_s;
    int64_t wall_s;
    uint64_t versions;
    char boot_id[48];
    uint64_t check;
};

enum { CLOCK_PLACE = 4096, NAMES_SHOWN = 64 };

#define VERSION_BLOCK ((uint64_t)1 << 26)

static enum err refuse(char *problem, enum err err, const char *format, const char *what)
{
    snprintf(problem, STORE_PROBLEM_MAX, format, what);
    return err;
}

static uint64_t check_of(const void *p, size_t len, uint64_t seed)
{
    return hash_bytes((struct bytes){.p = p, .len = len}, seed);
}

/* What lies in a directory that may become ours: nothing but what we left before the layout was there. */
struct survey {
    bool is_ours;
    bool is_foreign;
    char name[NAMES_SHOWN];
};

static void look_at(void *arg, const char *name)
{
    struct survey *survey = arg;
    static const char *const own[] = {"lock", "store.new", "clock", "lost+found"};
    survey->is_ours = survey->is_ours || strcmp(name, "store") == 0;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strcmp(name, own[i]) == 0)
            return;
    }
    survey->is_foreign = true;
    snprintf(survey->name, sizeof survey->name, "%s", name);
}

static int write_layout(struct dir *dir)
{
    struct layout layout = {.format = DIR_FORMAT,
                            .nshards = dir->nshards,
                            .segment_bytes = dir->segment_bytes,
                            .seed = dir->seed};
    memcpy(layout.magic, DIR_MAGIC, sizeof layout.magic);
    layout.check = check_of(&layout, offsetof(struct layout, check), 0);
    (void)dir->disk->ops->remove(dir->disk, "store.new");
    int file = dir->disk->ops->open(dir->disk, "store.new", DISK_CREATE);
    if (file < 0)
        return file;
    int error = dir->disk->ops->write(dir->disk, file, &layout, sizeof layout, 0);
    if (error == 0)
        error = dir->disk->ops->sync(dir->disk, file);
    dir->disk->ops->close(dir->disk, file);
    if (error == 0)
        error = dir->disk->ops->rename(dir->disk, "store.new", "store");
    return error == 0 ? dir->disk->ops->sync_dir(dir->disk) : error;
}

int dir_set_format(struct dir *dir)
{
    int error = write_layout(dir);
    dir->format = error == 0 ? DIR_FORMAT : dir->format;
    return error;
}

static enum err make(struct dir *dir, char *problem)
{
    int error = dir_set_format(dir);
    if (error < 0)
        return refuse(problem, ERR_SYSTEM, "cannot write there: %s; make it writable, or give another",
                      strerror(-error));
    return ERR_NONE;
}

static bool is_layout_sane(const struct layout *layout)
{
    uint32_t n = layout->nshards;
    uint32_t size = layout->segment_bytes;
    return n >= 1 && n <= 64 && (n & (n - 1)) == 0 && size >= (8 << 10) && size <= (1 << 20) &&
           (size & (size - 1)) == 0;
}

static enum err read_layout(struct dir *dir, int file, char *problem)
{
    struct layout layout = {0};
    int64_t n = dir->disk->ops->read(dir->disk, file, &layout, sizeof layout, 0);
    if (n < 0)
        return refuse(problem, ERR_SYSTEM, "cannot read the file `store` there: %s", strerror((int)-n));
    if (n < 12 || memcmp(layout.magic, DIR_MAGIC, sizeof layout.magic) != 0)
        return refuse(problem, ERR_USAGE, "the file `store` there is not ours%s; give another directory", "");
    if (layout.format > DIR_FORMAT)
        return refuse(
            problem, ERR_USAGE,
            "the directory was written by a newer version%s (its format is not known here); use that "
            "version, or another directory",
            "");
    if (n < (int64_t)sizeof layout || layout.check != check_of(&layout, offsetof(struct layout, check), 0) ||
        !is_layout_sane(&layout))
        return refuse(problem, ERR_USAGE, "the file `store` there is damaged%s; put it back from a backup",
                      "");
    dir->format = layout.format;
    dir->nshards = layout.nshards;
    dir->segment_bytes = layout.segment_bytes;
    dir->seed = layout.seed;
    return ERR_NONE;
}

enum err dir_read_layout(struct dir *dir, struct disk *disk, char *problem)
{
    *dir = (struct dir){.disk = disk, .clock_file = -1};
    int file = disk->ops->open(disk, "store", DISK_READ);
    dir->is_new = file == -ENOENT;
    if (file < 0)
        return refuse(problem, ERR_SYSTEM, "no file `store` can be read there: %s", strerror(-file));
    enum err err = read_layout(dir, file, problem);
    disk->ops->close(disk, file);
    return err;
}

/* May it become ours, or is it? Before anything is left there, the lock included. */
static enum err survey(struct disk *disk, char *problem)
{
    struct survey survey = {0};
    int error = disk->ops->list(disk, look_at, &survey);
    if (error < 0)
        return refuse(problem, ERR_SYSTEM, "cannot list it: %s", strerror(-error));
    if (survey.is_ours) {
        struct dir dir;
        return dir_read_layout(&dir, disk, problem);
    }
    if (survey.is_foreign)
        return refuse(problem, ERR_USAGE,
                      "the directory holds something else already (%s); give an empty or a new one",
                      survey.name);
    return ERR_NONE;
}

static uint64_t seconds_passed(const struct dir *dir, const struct clock_note *note, uint64_t now_s)
{
    if (strncmp(note->boot_id, dir->boot_id, sizeof note->boot_id - 1) == 0)
        return now_s > note->steady_s ? now_s - note->steady_s : 0;
    int64_t wall_s = clock_wall_s(dir->clock);
    return wall_s > note->wall_s ? (uint64_t)(wall_s - note->wall_s) : 0;
}

/* The newer of the two notes that are whole. None: a new directory, or one whose clock is lost; then time begins
 * anew, and nothing expires early. */
static int read_clock(struct dir *dir)
{
    struct clock_note best = {0};
    for (unsigned place = 0; place < 2; place++) {
        struct clock_note note;
        int64_t n = dir->disk->ops->read(dir->disk, dir->clock_file, &note, sizeof note, place * CLOCK_PLACE);
        if (n < 0)
            return (int)n;
        if (n == (int64_t)sizeof note && note.turn > best.turn &&
            note.check == check_of(&note, offsetof(struct clock_note, check), dir->seed))
            best = note;
    }
    dir->turn = best.turn;
    dir->reserved = best.versions;
    uint64_t now_s = clock_seconds(dir->clock);
    if (best.turn > 0)
        dir->offset_s = (int64_t)(best.store_s + seconds_passed(dir, &best, now_s)) - (int64_t)now_s;
    else if (!dir->is_new)
        dir->offset_s = 1 - (int64_t)now_s;
    return 0;
}

static int open_clock(struct dir *dir)
{
    dir->clock_file = dir->disk->ops->open(dir->disk, "clock", DISK_WRITE);
    if (dir->clock_file == -ENOENT)
        dir->clock_file = dir->disk->ops->open(dir->disk, "clock", DISK_CREATE);
    return dir->clock_file < 0 ? dir->clock_file : read_clock(dir);
}

enum err dir_open(struct dir *dir, const struct store_config *config, uint32_t nshards,
                  uint32_t segment_bytes, char *problem)
{
    struct disk *disk = config->disk;
    *dir = (struct dir){.disk = disk, .clock_file = -1};
    enum err err = survey(disk, problem);
    if (err != ERR_NONE)
        return err;
    int error = disk->ops->lock(disk, "lock");
    if (error == -EWOULDBLOCK)
        return refuse(problem, ERR_USAGE,
                      "another server has it open%s; stop that, or give another directory", "");
    if (error < 0)
        return refuse(problem, ERR_SYSTEM, "cannot write there: %s; make it writable, or give another",
                      strerror(-error));
    err = dir_read_layout(dir, disk, problem);
    if (dir->is_new) {
        dir->nshards = nshards;
        dir->segment_bytes = segment_bytes;
        dir->seed = config->seed;
        err = make(dir, problem);
    }
    if (err != ERR_NONE)
        return err;
    dir->clock = config->clock;
    dir->boot_id = config->boot_id == NULL ? "" : config->boot_id;
    error = open_clock(dir);
    if (error < 0)
        return refuse(problem, ERR_SYSTEM, "cannot read and write the file `clock` there: %s",
                      strerror(-error));
    return ERR_NONE;
}

void dir_close(struct dir *dir)
{
    if (dir->disk != NULL && dir->clock_file >= 0)
        dir->disk->ops->close(dir->disk, dir->clock_file);
    dir->clock_file = -1;
}

bool dir_is_short_of_versions(const struct dir *dir, uint64_t version)
{
    return version + VERSION_BLOCK / 2 > dir->reserved;
}

int dir_write_clock(struct dir *dir, uint64_t version, bool sync)
{
    uint64_t now_s = clock_seconds(dir->clock);
    struct clock_note note = {.turn = dir->turn + 1,
                              .store_s = (uint64_t)((int64_t)now_s + dir->offset_s),
                              .steady_s = now_s,
                              .wall_s = clock_wall_s(dir->clock),
                              .versions = dir->reserved};
    if (dir_is_short_of_versions(dir, version))
        note.versions = version + VERSION_BLOCK;
    snprintf(note.boot_id, sizeof note.boot_id, "%s", dir->boot_id);
    note.check = check_of(&note, offsetof(struct clock_note, check), dir->seed);
    int error =
        dir->disk->ops->write(dir->disk, dir->clock_file, &note, sizeof note, note.turn % 2 * CLOCK_PLACE);
    if (error == 0 && sync)
        error = dir->disk->ops->sync(dir->disk, dir->clock_file);
    if (error < 0)
        return error;
    dir->turn = note.turn;
    dir->reserved = note.versions;
    return 0;
}

void dir_segment_name(uint32_t shard, uint64_t serial, char name[DIR_NAME_MAX])
{
    snprintf(name, DIR_NAME_MAX, "%02u-%08llx.2.seg", shard, (unsigned long long)serial);
}

void dir_old_segment_name(uint32_t shard, uint64_t serial, char name[DIR_NAME_MAX])
{
    snprintf(name, DIR_NAME_MAX, "%02u-%08llx.seg", shard, (unsigned long long)serial);
}

/* It is one when it is what `print` makes of the numbers that it begins with. */
static bool parse(const char *name, void (*print)(uint32_t shard, uint64_t serial, char name[DIR_NAME_MAX]),
                  uint32_t *ret_shard, uint64_t *ret_serial)
{
    unsigned shard;
    unsigned long long serial;
    char again[DIR_NAME_MAX];
    if (sscanf(name, "%2u-%16llx.", &shard, &serial) != 2)
        return false;
    print(shard, serial, again);
    if (strcmp(name, again) != 0)
        return false;
    *ret_shard = shard;
    *ret_serial = serial;
    return true;
}

bool dir_parse_segment_name(const char *name, uint32_t *ret_shard, uint64_t *ret_serial)
{
    return parse(name, dir_segment_name, ret_shard, ret_serial);
}

bool dir_parse_old_segment_name(const char *name, uint32_t *ret_shard, uint64_t *ret_serial)
{
    return parse(name, dir_old_segment_name, ret_shard, ret_serial);
}
