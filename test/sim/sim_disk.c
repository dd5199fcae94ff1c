/* The simulated disk, see sim_disk.h. */
#include "sim/sim_disk.h"
#include "base/check.h"
#include "sim/dice.h"
#include "sim/sim_names.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { OPEN_MAX_FILES = 4096 };

struct opened {
    struct sim_file *file; /* NULL: closed */
    bool may_write;
};

struct sim_disk {
    struct disk disk;
    pthread_mutex_t mutex;
    uint64_t seed;
    struct sim_file *files;
    struct sim_names names;
    struct opened opened[OPEN_MAX_FILES];
    int base; /* the number of opened[0]: what an earlier process opened is below */
    uint64_t limit_bytes;
    uint64_t ncalls;
    uint64_t fail_in; /* 0: none will; 1: the next */
    unsigned fail_calls;
    int fail_error;
    bool has_failed;
    uint64_t dies_in;
    bool is_dead;
    void (*meanwhile)(void *arg);
    void *meanwhile_arg;
};

enum fate { FATE_DO, FATE_FAIL, FATE_DIE, FATE_DEAD };

static struct sim_disk *lock(struct disk *disk)
{
    struct sim_disk *sim = (struct sim_disk *)(void *)disk;
    pthread_mutex_lock(&sim->mutex);
    return sim;
}

static void let_others_run(struct disk *disk)
{
    struct sim_disk *sim = (struct sim_disk *)(void *)disk;
    void (*meanwhile)(void *arg) = sim->meanwhile;
    if (meanwhile == NULL)
        return;
    sim->meanwhile = NULL;
    meanwhile(sim->meanwhile_arg);
    sim->meanwhile = meanwhile;
}

static int done(struct sim_disk *sim, int result)
{
    pthread_mutex_unlock(&sim->mutex);
    return result;
}

static enum fate next_fate(struct sim_disk *sim, enum sim_call call)
{
    sim->ncalls++;
    if (sim->is_dead)
        return FATE_DEAD;
    if (sim->dies_in > 0 && --sim->dies_in == 0) {
        sim->is_dead = true;
        return FATE_DIE;
    }
    if (sim->fail_in > 0 && (sim->fail_calls & call) != 0 && --sim->fail_in == 0) {
        sim->has_failed = true;
        return FATE_FAIL;
    }
    return FATE_DO;
}

static int error_of(const struct sim_disk *sim, enum fate fate)
{
    return fate == FATE_FAIL ? -sim->fail_error : -EIO;
}

/* For what either happens or does not: does it, and what does the caller see? */
static bool happens(struct sim_disk *sim, enum sim_call call, int *ret_result)
{
    enum fate fate = next_fate(sim, call);
    *ret_result = fate == FATE_DO ? 0 : error_of(sim, fate);
    return fate == FATE_DO || (fate == FATE_DIE && dice_once_in(&sim->seed, 2));
}

static struct opened *opened_of(struct sim_disk *sim, int number)
{
    int at = number - sim->base;
    CHECK(at >= 0 && at < OPEN_MAX_FILES && sim->opened[at].file != NULL);
    return &sim->opened[at];
}

/* Frees the files that nothing refers to. */
static void collect(struct sim_disk *sim)
{
    sim_names_mark(&sim->names);
    for (int i = 0; i < OPEN_MAX_FILES; i++) {
        if (sim->opened[i].file != NULL)
            sim->opened[i].file->is_used = true;
    }
    struct sim_file **link = &sim->files;
    while (*link != NULL) {
        struct sim_file *file = *link;
        if (file->is_used) {
            file->is_used = false;
            link = &file->next;
        } else {
            *link = file->next;
            sim_file_free(&file);
        }
    }
}

static bool has_room(struct sim_disk *sim, const struct sim_file *file, uint64_t end)
{
    if (sim->limit_bytes == 0)
        return true;
    collect(sim);
    uint64_t used = 0;
    for (const struct sim_file *other = sim->files; other != NULL; other = other->next) {
        uint64_t bytes = other->now.len > other->allocated ? other->now.len : other->allocated;
        used += other == file && bytes < end ? end : bytes;
    }
    uint64_t old = file->now.len > file->allocated ? file->now.len : file->allocated;
    return end <= old || used <= sim->limit_bytes;
}

static struct sim_file *create(struct sim_disk *sim, const char *name)
{
    struct sim_file *file = sim_file_new();
    file->next = sim->files;
    sim->files = file;
    sim_names_create(&sim->names, name, file);
    return file;
}

static int open_file(struct sim_disk *sim, const char *name, enum disk_mode mode)
{
    struct sim_file *file = sim_names_find(&sim->names, name);
    int result;
    bool can = (file == NULL) == (mode == DISK_CREATE);
    if (!happens(sim, SIM_OPEN, &result) || !can)
        return result != 0 ? result : file == NULL ? -ENOENT : -EEXIST;
    if (mode == DISK_CREATE)
        file = create(sim, name);
    if (result != 0)
        return result;
    int at = 0;
    while (at < OPEN_MAX_FILES && sim->opened[at].file != NULL)
        at++;
    if (at == OPEN_MAX_FILES)
        return -EMFILE;
    sim->opened[at] = (struct opened){.file = file, .may_write = mode != DISK_READ};
    return sim->base + at;
}

static int sim_open(struct disk *disk, const char *name, enum disk_mode mode)
{
    struct sim_disk *sim = lock(disk);
    return done(sim, open_file(sim, name, mode));
}

/* Of a process that is gone, the files are closed already. */
static void sim_close(struct disk *disk, int file)
{
    struct sim_disk *sim = lock(disk);
    if (file >= sim->base)
        opened_of(sim, file)->file = NULL;
    done(sim, 0);
}

static int64_t sim_size(struct disk *disk, int file)
{
    struct sim_disk *sim = lock(disk);
    int64_t size = sim->is_dead ? -EIO : (int64_t)opened_of(sim, file)->file->now.len;
    done(sim, 0);
    return size;
}

static int sim_mode(struct disk *disk, int file)
{
    (void)disk;
    (void)file;
    return 0600;
}

static int64_t sim_read(struct disk *disk, int number, void *to, size_t len, uint64_t at)
{
    struct sim_disk *sim = lock(disk);
    const struct sim_content *now = &opened_of(sim, number)->file->now;
    enum fate fate = next_fate(sim, SIM_READ);
    int64_t result = error_of(sim, fate);
    if (fate == FATE_DO) {
        size_t n = at >= now->len ? 0 : now->len - at < len ? now->len - at : len;
        if (n > 0)
            memcpy(to, now->p + at, n);
        result = (int64_t)n;
    }
    done(sim, 0);
    return result;
}

static int write_file(struct sim_disk *sim, struct sim_file *file, const void *from, size_t len, uint64_t at)
{
    enum fate fate = next_fate(sim, SIM_WRITE);
    if (fate == FATE_DEAD)
        return -EIO;
    bool fits = has_room(sim, file, at + len);
    int result = fate != FATE_DO ? error_of(sim, fate) : fits ? 0 : -ENOSPC;
    if (result == 0)
        sim_file_write(file, from, len, at);
    else if (fits)
        sim_file_write(file, from, dice_roll(&sim->seed, (uint32_t)len + 1), at);
    return result;
}

static int sim_write(struct disk *disk, int number, const void *from, size_t len, uint64_t at)
{
    struct sim_disk *sim = lock(disk);
    struct opened *opened = opened_of(sim, number);
    CHECK(opened->may_write);
    return done(sim, write_file(sim, opened->file, from, len, at));
}

static int sim_allocate(struct disk *disk, int number, uint64_t len)
{
    struct sim_disk *sim = lock(disk);
    struct sim_file *file = opened_of(sim, number)->file;
    int result;
    if (happens(sim, SIM_ALLOCATE, &result)) {
        if (!has_room(sim, file, len))
            result = -ENOSPC;
        else if (len > file->allocated)
            file->allocated = len;
    }
    return done(sim, result);
}

static int sim_truncate(struct disk *disk, int number, uint64_t len)
{
    struct sim_disk *sim = lock(disk);
    struct opened *opened = opened_of(sim, number);
    CHECK(opened->may_write);
    int result;
    if (happens(sim, SIM_TRUNCATE, &result)) {
        if (has_room(sim, opened->file, len))
            sim_file_truncate(opened->file, len);
        else
            result = -ENOSPC;
    }
    return done(sim, result);
}

static int sim_sync(struct disk *disk, int number)
{
    let_others_run(disk);
    struct sim_disk *sim = lock(disk);
    struct sim_file *file = opened_of(sim, number)->file;
    enum fate fate = next_fate(sim, SIM_SYNC);
    if (fate == FATE_DO)
        sim_file_sync(file);
    else if (fate == FATE_FAIL)
        sim_file_fail_sync(file);
    return done(sim, fate == FATE_DO ? 0 : error_of(sim, fate));
}

static int sim_sync_dir(struct disk *disk)
{
    let_others_run(disk);
    struct sim_disk *sim = lock(disk);
    enum fate fate = next_fate(sim, SIM_SYNC_DIR);
    if (fate == FATE_DO)
        sim_names_sync(&sim->names);
    return done(sim, fate == FATE_DO ? 0 : error_of(sim, fate));
}

static int sim_remove(struct disk *disk, const char *name)
{
    let_others_run(disk);
    struct sim_disk *sim = lock(disk);
    int result;
    bool can = sim_names_find(&sim->names, name) != NULL;
    if (happens(sim, SIM_REMOVE, &result) && can)
        sim_names_remove(&sim->names, name);
    return done(sim, result == 0 && !can ? -ENOENT : result);
}

static int sim_rename(struct disk *disk, const char *from, const char *to)
{
    struct sim_disk *sim = lock(disk);
    int result;
    bool can = sim_names_find(&sim->names, from) != NULL;
    if (happens(sim, SIM_RENAME, &result) && can)
        sim_names_rename(&sim->names, from, to);
    return done(sim, result == 0 && !can ? -ENOENT : result);
}

static int sim_is_named(struct disk *disk, int number, const char *name)
{
    struct sim_disk *sim = lock(disk);
    return done(sim, opened_of(sim, number)->file == sim_names_find(&sim->names, name));
}

/* On a copy, so that `each` may call the disk. */
static int sim_list(struct disk *disk, void (*each)(void *arg, const char *name), void *arg)
{
    struct sim_disk *sim = lock(disk);
    size_t n = sim->is_dead ? 0 : sim->names.now.n;
    struct sim_name *copy = calloc(n + 1, sizeof *copy);
    CHECK(copy != NULL);
    if (n > 0)
        memcpy(copy, sim->names.now.p, n * sizeof *copy);
    int result = done(sim, sim->is_dead ? -EIO : 0);
    for (size_t i = 0; i < n; i++)
        each(arg, copy[i].text);
    free(copy);
    return result;
}

/* There is but one process. */
static int sim_lock(struct disk *disk, const char *name)
{
    struct sim_disk *sim = lock(disk);
    if (!sim->is_dead && sim_names_find(&sim->names, name) == NULL)
        create(sim, name);
    return done(sim, sim->is_dead ? -EIO : 0);
}

static int sim_check(struct disk *disk)
{
    struct sim_disk *sim = lock(disk);
    return done(sim, sim->is_dead ? -EIO : 0);
}

static void sim_free(struct disk *disk)
{
    struct sim_disk *sim = (struct sim_disk *)(void *)disk;
    sim_disk_free(&sim);
}

static const struct disk_ops sim_ops = {
    .open = sim_open,
    .close = sim_close,
    .size = sim_size,
    .mode = sim_mode,
    .read = sim_read,
    .write = sim_write,
    .allocate = sim_allocate,
    .truncate = sim_truncate,
    .sync = sim_sync,
    .sync_dir = sim_sync_dir,
    .remove = sim_remove,
    .rename = sim_rename,
    .is_named = sim_is_named,
    .list = sim_list,
    .lock = sim_lock,
    .check = sim_check,
    .free = sim_free,
};

struct sim_disk *sim_disk_new(uint64_t seed)
{
    struct sim_disk *sim = calloc(1, sizeof *sim);
    CHECK(sim != NULL && pthread_mutex_init(&sim->mutex, NULL) == 0);
    sim->disk.ops = &sim_ops;
    sim->seed = seed;
    return sim;
}

void sim_disk_free(struct sim_disk **sim_ptr)
{
    struct sim_disk *sim = *sim_ptr;
    *sim_ptr = NULL;
    if (sim == NULL)
        return;
    while (sim->files != NULL) {
        struct sim_file *file = sim->files;
        sim->files = file->next;
        sim_file_free(&file);
    }
    sim_names_fini(&sim->names);
    pthread_mutex_destroy(&sim->mutex);
    free(sim);
}

struct disk *sim_disk_as_disk(struct sim_disk *sim)
{
    return &sim->disk;
}

void sim_disk_kill(struct sim_disk *sim)
{
    memset(sim->opened, 0, sizeof sim->opened);
    sim->base += OPEN_MAX_FILES;
    sim->is_dead = false;
    sim->dies_in = sim->fail_in = 0;
    sim->has_failed = false;
    collect(sim);
}

void sim_disk_cut(struct sim_disk *sim, uint64_t *seed)
{
    for (struct sim_file *file = sim->files; file != NULL; file = file->next)
        sim_file_cut(file, seed);
    sim_names_cut(&sim->names, seed);
    sim_disk_kill(sim);
}

void sim_disk_fail_at(struct sim_disk *sim, uint64_t n, int error, unsigned calls)
{
    sim->fail_in = n;
    sim->fail_error = error;
    sim->fail_calls = calls;
    sim->has_failed = false;
}

void sim_disk_cut_at(struct sim_disk *sim, uint64_t n)
{
    sim->dies_in = n;
}

bool sim_disk_is_dead(const struct sim_disk *sim)
{
    return sim->is_dead;
}

bool sim_disk_has_failed(const struct sim_disk *sim)
{
    return sim->has_failed;
}

void sim_disk_meanwhile(struct sim_disk *sim, void (*meanwhile)(void *arg), void *arg)
{
    sim->meanwhile = meanwhile;
    sim->meanwhile_arg = arg;
}

void sim_disk_limit(struct sim_disk *sim, uint64_t bytes)
{
    sim->limit_bytes = bytes;
}

uint64_t sim_disk_calls(const struct sim_disk *sim)
{
    return sim->ncalls;
}

void sim_disk_damage(struct sim_disk *sim, const char *name, uint64_t at, unsigned bit)
{
    struct sim_file *file = sim_names_find(&sim->names, name);
    CHECK(file != NULL && at < file->now.len);
    char flip = (char)(1U << bit % 8);
    file->now.p[at] = (char)(file->now.p[at] ^ flip);
    if (at < file->durable.len)
        file->durable.p[at] = (char)(file->durable.p[at] ^ flip);
}

void sim_disk_each(struct sim_disk *sim, void (*each)(void *arg, const char *name, uint64_t len), void *arg)
{
    for (size_t i = 0; i < sim->names.now.n; i++)
        each(arg, sim->names.now.p[i].text, sim->names.now.p[i].file->now.len);
}
