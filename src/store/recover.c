/* The list of files, the threads, and what all shards share: see recover.h. */
#include "store/recover.h"
#include "base/check.h"
#include "base/clock.h"
#include "store/recover_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 4096, THREADS_MAX = 16 };

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

/* The list of segment files. */
struct lister {
    struct recovery *recovery;
    bool is_short_of_memory;
};

static void add_name(void *arg, const char *name)
{
    struct lister *lister = arg;
    struct recovery *recovery = lister->recovery;
    struct found found = {0};
    if (!dir_parse_segment_name(name, &found.shard, &found.serial))
        return;
    if (recovery->nfiles == recovery->files_cap) {
        size_t cap = recovery->files_cap == 0 ? 64 : recovery->files_cap * 2;
        struct found *files = realloc(recovery->files, cap * sizeof *files);
        if (files == NULL) {
            lister->is_short_of_memory = true;
            return;
        }
        recovery->files = files;
        recovery->files_cap = cap;
    }
    recovery->files[recovery->nfiles++] = found;
}

static int by_serial(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    if (x->shard != y->shard)
        return x->shard < y->shard ? -1 : 1;
    return x->serial < y->serial ? -1 : x->serial > y->serial;
}

static int64_t size_of(struct disk *disk, const struct found *found)
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
    struct lister lister = {.recovery = recovery};
    recovery->began_ns = clock_steady_ns(log->dir.clock);
    int error = disk->ops->list(disk, add_name, &lister);
    if (error < 0 || lister.is_short_of_memory) {
        snprintf(problem, STORE_PROBLEM_MAX, "cannot list it: %s", strerror(error < 0 ? -error : ENOMEM));
        return ERR_SYSTEM;
    }
    if (recovery->nfiles > 0)
        qsort(recovery->files, recovery->nfiles, sizeof *recovery->files, by_serial);
    for (size_t i = 0; i < recovery->nfiles; i++) {
        int64_t size = size_of(disk, &recovery->files[i]);
        if (size < 0) {
            snprintf(problem, STORE_PROBLEM_MAX, "cannot open a segment there: %s", strerror((int)-size));
            return ERR_SYSTEM;
        }
        recovery->file_bytes += (uint64_t)size > segment_bytes ? (uint64_t)size + PIECE : segment_bytes;
    }
    if (recovery->progress != NULL)
        __atomic_store_n(&recovery->progress->load_bytes, recovery->file_bytes, __ATOMIC_RELAXED);
    return ERR_NONE;
}

void recover_fini(struct recovery *recovery)
{
    free(recovery->files);
    recovery->files = NULL;
}
