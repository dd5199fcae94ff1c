/* The list of files, the threads, and what all shards share: see recover.h. */
#include "store/recover.h"
#include "base/check.h"
#include "base/clock.h"
#include "store/recover_part.h"
#include "store/upgrade.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 4096, THREADS_MAX = 16, NOTICES_MAX = 20 };

void recover_tell(struct recovery *recovery, const char *format, ...)
{
    char line[STORE_PROBLEM_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (recovery->notice != NULL)
        recovery->notice(recovery->notice_arg, line);
}

void recover_tell_damage(struct recovery *recovery, const char *name, uint64_t at, uint64_t len)
{
    uint64_t n = __atomic_add_fetch(&recovery->ndamaged, 1, __ATOMIC_RELAXED);
    if (n <= NOTICES_MAX)
        recover_tell(recovery, "%s: %llu bytes from offset %llu on hold no good record; left out", name,
                     (unsigned long long)len, (unsigned long long)at);
    if (n == NOTICES_MAX)
        recover_tell(recovery, "more damage is only counted");
}

struct crew {
    struct part *parts;
    enum err *results;
    uint32_t nparts;
    _Atomic uint32_t next;
};

static void *work(void *arg)
{
    struct crew *crew = arg;
    uint32_t i;
    while ((i = __atomic_fetch_add(&crew->next, 1, __ATOMIC_RELAXED)) < crew->nparts)
        crew->results[i] = recover_load(&crew->parts[i]);
    return NULL;
}

static void run_crew(struct crew *crew)
{
    pthread_t threads[THREADS_MAX];
    long nprocessors = sysconf(_SC_NPROCESSORS_ONLN);
    long nthreads = 0;
    while (nthreads + 1 < nprocessors && nthreads + 1 < (long)crew->nparts && nthreads < THREADS_MAX &&
           pthread_create(&threads[nthreads], NULL, work, crew) == 0)
        nthreads++;
    work(crew);
    for (long i = 0; i < nthreads; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

/* Versions go on behind the highest that may have been given, told by the clock or by a record. */
static int reserve_versions(struct log *log, struct shard *shards, uint32_t nshards)
{
    uint64_t highest = log->dir.reserved;
    for (uint32_t i = 0; i < nshards; i++)
        highest = shards[i].version > highest ? shards[i].version : highest;
    for (uint32_t i = 0; i < nshards; i++)
        shards[i].version = shards[i].written_version = shards[i].durable_version = highest;
    int error = dir_write_clock(&log->dir, highest, log->sync != STORE_SYNC_NONE);
    return error == 0 ? log->dir.disk->ops->sync_dir(log->dir.disk)
                      : error; /* in any mode: `store` is a name, too */
}

enum err recover_run(struct recovery *recovery, struct log *log, struct shard *shards, uint32_t nshards,
                     char *problem)
{
    struct part parts[1 << VERSION_SHARD_BITS] = {0};
    enum err results[1 << VERSION_SHARD_BITS] = {ERR_NONE};
    struct crew crew = {.parts = parts, .results = results, .nparts = nshards};
    for (uint32_t i = 0; i < nshards; i++)
        parts[i] = (struct part){.recovery = recovery, .log = log, .shard = &shards[i]};
    run_crew(&crew);
    for (uint32_t i = 0; i < nshards; i++) {
        if (results[i] != ERR_NONE) {
            snprintf(problem, STORE_PROBLEM_MAX, "%s", parts[i].problem);
            return results[i];
        }
        for (int class = 0; class < STORE_NCLASSES; class ++)
            recovery->items[class] += shards[i].stats.items[class];
    }
    int error = reserve_versions(log, shards, nshards);
    if (error < 0) {
        snprintf(problem, STORE_PROBLEM_MAX, "cannot write the clock there: %s", strerror(-error));
        return ERR_SYSTEM;
    }
    recovery->took_ms = (clock_steady_ns(log->dir.clock) - recovery->began_ns) / 1000000U;
    return ERR_NONE;
}

static int64_t size_of(struct disk *disk, const struct name *found)
{
    char name[DIR_NAME_MAX];
    dir_segment_name(found->shard, found->serial, name);
    int number = disk->ops->open(disk, name, DISK_READ);
    if (number < 0)
        return number;
    int64_t size = disk->ops->size(disk, number);
    disk->ops->close(disk, number);
    return size;
}

enum err recover_list(struct recovery *recovery, struct log *log, uint32_t segment_bytes, char *problem)
{
    struct disk *disk = log->dir.disk;
    recovery->began_ns = clock_steady_ns(log->dir.clock);
    enum err err = upgrade_run(&log->dir, recovery, problem);
    if (err != ERR_NONE)
        return err;
    int error = names_read(&recovery->files, disk, dir_parse_segment_name);
    if (error < 0) {
        snprintf(problem, STORE_PROBLEM_MAX, "cannot list it: %s", strerror(-error));
        return ERR_SYSTEM;
    }
    for (size_t i = 0; i < recovery->files.n; i++) {
        int64_t size = size_of(disk, &recovery->files.list[i]);
        if (size < 0) {
            snprintf(problem, STORE_PROBLEM_MAX, "cannot open a segment there: %s", strerror((int)-size));
            return ERR_SYSTEM;
        }
        recovery->file_bytes += (uint64_t)size;
        recovery->room_bytes += (uint64_t)size > segment_bytes ? (uint64_t)size + PIECE : segment_bytes;
    }
    if (recovery->progress != NULL)
        __atomic_store_n(&recovery->progress->load_bytes, recovery->file_bytes, __ATOMIC_RELAXED);
    return ERR_NONE;
}

void recover_fini(struct recovery *recovery)
{
    names_fini(&recovery->files);
}
