/* Files of segments, and the one write for each shard and turn: see log.h. */
#include "store/log.h"
#include "base/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { JOBS = 16 };

bool log_is_broken(const struct log *log)
{
    return __atomic_load_n(&log->error, __ATOMIC_ACQUIRE) != 0;
}

const char *log_error(const struct log *log)
{
    return log_is_broken(log) ? log->error_text : NULL;
}

void log_break(struct log *log, const char *what, int error)
{
    pthread_mutex_lock(&log->error_lock);
    if (!log_is_broken(log)) {
        snprintf(log->error_text, sizeof log->error_text, "%s: %s", what, strerror(-error));
        __atomic_store_n(&log->error, error, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&log->error_lock);
}

/* Its number, or a negative errno. */
static int open_new(struct log *log, const char *name)
{
    if (__atomic_add_fetch(&log->nopen, 1, __ATOMIC_RELAXED) > STORE_FILES_MAX) {
        __atomic_fetch_sub(&log->nopen, 1, __ATOMIC_RELAXED);
        return -EMFILE;
    }
    int number = log->dir.disk->ops->open(log->dir.disk, name, DISK_CREATE);
    if (number < 0)
        __atomic_fetch_sub(&log->nopen, 1, __ATOMIC_RELAXED);
    return number;
}

void log_close_file(struct log *log, struct file *file)
{
    if (file->number < 0)
        return;
    log->dir.disk->ops->close(log->dir.disk, file->number);
    file->number = -1;
    __atomic_fetch_sub(&log->nopen, 1, __ATOMIC_RELAXED);
}

void log_free_file(struct log *log, struct file **file)
{
    if (*file != NULL) {
        log_close_file(log, *file);
        free((*file)->tags);
    }
    free(*file);
    *file = NULL;
}

static void fill_head(struct shard *shard, struct segment *segment)
{
    struct segment_head head = {.shard = (uint16_t)shard->number,
                                .class = segment->class,
                                .large = segment->large,
                                .serial = segment->opened,
                                .size = segment->size};
    segment_seal_head(&head, shard->seed);
    memcpy(segment->base, &head, sizeof head);
}

/* 0, or a negative errno after which there is no such file. */
static int make_file(struct log *log, uint32_t shard_number, uint64_t serial, uint64_t bytes,
                     struct file **ret)
{
    struct disk *disk = log->dir.disk;
    char name[DIR_NAME_MAX];
    struct file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return -ENOMEM;
    dir_segment_name(shard_number, serial, name);
    file->number = open_new(log, name);
    int error = file->number < 0 ? file->number : disk->ops->allocate(disk, file->number, bytes);
    if (error < 0) {
        if (file->number >= 0)
            (void)disk->ops->remove(disk, name);
        log_free_file(log, &file);
        return error;
    }
    file->serial = serial;
    file->bytes = bytes;
    __atomic_fetch_add(&log->disk_bytes, bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&log->has_new_names, true, __ATOMIC_RELEASE);
    *ret = file;
    return 0;
}

enum err log_create_file(struct shard *shard, struct segment *segment)
{
    struct log *log = shard->log;
    int error = 0;
    if (log_is_broken(log))
        return ERR_READ_ONLY;
    if (segment->file == NULL && shard->spare != NULL && !segment->large) {
        segment->file = shard->spare;
        shard->spare = NULL;
    }
    if (segment->file == NULL)
        error = make_file(log, shard->number, segment->opened, segment->size, &segment->file);
    if (error == -ENOMEM || error == -EMFILE || error == -ENFILE)
        return ERR_FULL;
    if (error == -ENOSPC || error == -EDQUOT)
        return ERR_DISK_FULL;
    if (error < 0) {
        log_break(log, "cannot make a segment's file", error);
        return ERR_READ_ONLY;
    }
    segment->opened = segment->file->serial;
    fill_head(shard, segment);
    return ERR_NONE;
}

/* An error is no matter here: who needs the file will meet it again. */
static struct file *make_file_ahead(struct shard *shard, uint64_t bytes)
{
    struct file *file = NULL;
    if (log_is_broken(shard->log))
        return NULL;
    pthread_mutex_lock(&shard->lock);
    uint64_t serial = ++shard->opened;
    shard_unlock(shard);
    return make_file(shard->log, shard->number, serial, bytes, &file) == 0 ? file : NULL;
}

void log_stage_file(struct shard *shard, struct segment *staged)
{
    staged->file = make_file_ahead(shard, staged->size);
}

void log_remove_unused(struct shard *shard, struct file **file)
{
    struct log *log = shard->log;
    char name[DIR_NAME_MAX];
    if (*file == NULL)
        return;
    dir_segment_name(shard->number, (*file)->serial, name);
    if (!log_is_broken(log))
        (void)log->dir.disk->ops->remove(log->dir.disk, name); /* if it stays, the next start does that */
    __atomic_fetch_sub(&log->disk_bytes, (*file)->bytes, __ATOMIC_RELAXED);
    log_free_file(log, file);
}

/* One at a time, under log_lock. */
static void make_spare(struct shard *shard)
{
    struct file *spare = make_file_ahead(shard, shard->arena->segment_bytes);
    pthread_mutex_lock(&shard->lock);
    shard->spare = spare;
    shard_unlock(shard);
}

static void put_last(struct shard *shard, struct segment *segment)
{
    segment->is_unwritten = true;
    segment->unwritten_since = shard->appended;
    segment->next_unwritten = NULL;
    *shard->unwritten_tail = segment;
    shard->unwritten_tail = &segment->next_unwritten;
}

static struct segment *take_first(struct shard *shard)
{
    struct segment *segment = shard->unwritten;
    shard->unwritten = segment->next_unwritten;
    if (shard->unwritten == NULL)
        shard->unwritten_tail = &shard->unwritten;
    return segment;
}

void log_note_appended(struct shard *shard, struct segment *segment)
{
    shard->appended++;
    if (!segment->is_unwritten)
        put_last(shard, segment);
}

static void note_unsynced(struct shard *shard, struct file *file)
{
    if (file->is_unsynced)
        return;
    file->is_unsynced = true;
    file->next_unsynced = shard->unsynced;
    shard->unsynced = file;
}

void log_note_sealed(struct shard *shard, struct segment *segment)
{
    if (segment->is_unwritten)
        return; /* when the rest is written */
    segment->file->is_complete = true;
    note_unsynced(shard, segment->file); /* to be closed */
}

struct job {
    struct segment *segment;
    uint32_t from;
    uint32_t to;
};

/* The first on the list that have been there since `until`. They stay marked, so their memory stays. */
static size_t take_jobs(struct shard *shard, uint64_t until, struct job *jobs)
{
    size_t n = 0;
    while (n < JOBS && shard->unwritten != NULL && shard->unwritten->unwritten_since <= until) {
        struct segment *segment = take_first(shard);
        jobs[n++] = (struct job){.segment = segment, .from = segment->written, .to = segment->used};
    }
    return n;
}

static bool write_jobs(struct log *log, const struct job *jobs, size_t n)
{
    struct disk *disk = log->dir.disk;
    for (size_t i = 0; i < n; i++) {
        const struct segment *segment = jobs[i].segment;
        uint32_t len = jobs[i].to - jobs[i].from;
        int error =
            disk->ops->write(disk, segment->file->number, segment->base + jobs[i].from, len, jobs[i].from);
        if (error < 0) {
            log_break(log, "cannot write to a segment", error);
            return false;
        }
        __atomic_fetch_add(&log->written_bytes, len, __ATOMIC_RELAXED);
    }
    return true;
}

static void note_written(struct shard *shard, const struct job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct segment *segment = jobs[i].segment;
        segment->written = jobs[i].to;
        segment->is_unwritten = false;
        note_unsynced(shard, segment->file);
        if (segment->used > segment->written)
            put_last(shard, segment);
        else
            segment->file->is_complete = segment->sealed;
    }
}

void log_note_durable(struct shard *shard, uint64_t appended, uint64_t version)
{
    __atomic_store_n(&shard->durable, appended, __ATOMIC_RELEASE);
    shard->durable_version = version;
}

bool log_commit(struct shard *shard)
{
    struct job jobs[JOBS];
    CHECK(shard->log != NULL);
    pthread_mutex_lock(&shard->log_lock);
    pthread_mutex_lock(&shard->lock);
    uint64_t until = shard->appended;
    uint64_t version = shard->version;
    size_t n;
    bool ok = !log_is_broken(shard->log);
    while (ok && (n = take_jobs(shard, until, jobs)) > 0) {
        pthread_mutex_unlock(&shard->lock);
        ok = write_jobs(shard->log, jobs, n);
        pthread_mutex_lock(&shard->lock);
        if (ok)
            note_written(shard, jobs, n);
    }
    bool has_spare = shard->spare != NULL;
    if (ok) {
        __atomic_store_n(&shard->written, until, __ATOMIC_RELEASE);
        shard->written_version = version;
        if (shard->log->sync != STORE_SYNC_ALWAYS)
            log_note_durable(shard, until, version);
    }
    shard_unlock(shard);
    if (ok && !has_spare)
        make_spare(shard);
    pthread_mutex_unlock(&shard->log_lock);
    return ok;
}
