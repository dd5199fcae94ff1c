/* The sync thread's round: what is written becomes durable, and files that nobody needs go. See log.h. */
#include "base/check.h"
#include "base/clock.h"
#include "store/log.h"

#include <errno.h>
#include <stdlib.h>

/* What one shard has for this round. */
struct batch {
    struct file *files; /* by next_unsynced; marked as on no list, so that a write puts them there again */
    uint64_t written;
    uint64_t version; /* of the shard when that was noted */
};

static struct batch take(struct shard *shard)
{
    pthread_mutex_lock(&shard->lock);
    struct batch batch = {.files = shard->unsynced,
                          .written = __atomic_load_n(&shard->written, __ATOMIC_ACQUIRE),
                          .version = shard->written_version};
    shard->unsynced = NULL;
    shard_unlock(shard);
    return batch;
}

static bool sync_file(struct log *log, struct file *file)
{
    struct disk *disk = log->dir.disk;
    if (log->sync == STORE_SYNC_NONE || file->number < 0)
        return true;
    int error = disk->ops->sync(disk, file->number);
    __atomic_fetch_add(&log->nsyncs, 1, __ATOMIC_RELAXED);
    if (error < 0)
        log_break(log, "cannot sync a segment", error);
    return error == 0;
}

/* Nothing will be written to it any more: its number goes back. */
static void close_complete(struct log *log, struct file *file)
{
    if (file->is_complete && !file->is_unsynced)
        log_close_file(log, file);
}

/* Files are on the shard's list while a write marks them meanwhile, so the next of the batch is noted first. */
static bool sync_batch(struct log *log, struct shard *shard, struct batch *batch)
{
    bool ok = true;
    while (batch->files != NULL) {
        struct file *file = batch->files;
        pthread_mutex_lock(&shard->lock);
        batch->files = file->next_unsynced;
        file->is_unsynced = false;
        /* All that came of it is in this round, too, after which it goes: nobody will ask for its bytes. One that
         * was retired since is not so: what was copied out of it is for the next round. */
        bool is_to_go = file->is_retired && file->after <= batch->written;
        shard_unlock(shard);
        ok = ok && (is_to_go || sync_file(log, file));
        pthread_mutex_lock(&shard->lock);
        close_complete(log, file);
        shard_unlock(shard);
    }
    return ok;
}

static bool sync_names(struct log *log)
{
    struct disk *disk = log->dir.disk;
    if (log->sync == STORE_SYNC_NONE || !__atomic_exchange_n(&log->has_new_names, false, __ATOMIC_ACQ_REL))
        return true;
    int error = disk->ops->sync_dir(disk);
    if (error < 0)
        log_break(log, "cannot sync the directory", error);
    return error == 0;
}

static struct file *take_retired(struct shard *shard, uint64_t durable)
{
    pthread_mutex_lock(&shard->lock);
    struct file *file = shard->retired;
    if (file != NULL && file->after <= durable && !file->is_unsynced) {
        shard->retired = file->next_retired;
        if (shard->retired == NULL)
            shard->retired_tail = &shard->retired;
    } else {
        file = NULL;
    }
    shard_unlock(shard);
    return file;
}

/* Removes what may go; the list of what has gone is in *ret_gone. */
static bool remove_retired(struct log *log, struct shard *shard, uint64_t durable, struct file **ret_gone)
{
    struct disk *disk = log->dir.disk;
    struct file *file;
    while ((file = take_retired(shard, durable)) != NULL) {
        char name[DIR_NAME_MAX];
        dir_segment_name(shard->number, file->serial, name);
        int error = disk->ops->remove(disk, name);
        file->next_retired = *ret_gone;
        *ret_gone = file;
        __atomic_fetch_sub(&log->disk_bytes, file->bytes, __ATOMIC_RELAXED);
        if (error < 0 && error != -ENOENT) {
            log_break(log, "cannot remove a dead segment", error);
            return false;
        }
    }
    return true;
}

/* They are gone for good: what was dead in them no longer counts. */
static void forget(struct log *log, struct shard *shard, struct file *gone)
{
    enum { AT_ONCE = 1024 }; /* S7 */
    while (gone != NULL) {
        struct file *file = gone;
        gone = file->next_retired;
        while (file->ntags > 0) {
            pthread_mutex_lock(&shard->lock);
            for (unsigned n = 0; n < AT_ONCE && file->ntags > 0; n++)
                older_drop(&shard->older, file->tags[--file->ntags]);
            shard_unlock(shard);
        }
        log_free_file(log, &file);
    }
}

static void free_all(struct log *log, struct file *gone)
{
    while (gone != NULL) {
        struct file *file = gone;
        gone = file->next_retired;
        log_free_file(log, &file);
    }
}

/* What `batches` took is durable now. */
static bool publish(struct log *log, struct shard *shards, uint32_t nshards, const struct batch *batches)
{
    bool ok = true;
    for (uint32_t i = 0; i < nshards && log->sync == STORE_SYNC_ALWAYS; i++) {
        pthread_mutex_lock(&shards[i].lock);
        log_note_durable(&shards[i], batches[i].written, batches[i].version);
        shard_unlock(&shards[i]);
    }
    for (uint32_t i = 0; i < nshards && ok; i++) {
        struct file *gone = NULL;
        ok = remove_retired(log, &shards[i], batches[i].written, &gone);
        if (gone != NULL)
            __atomic_store_n(&log->has_new_names, true,
                             __ATOMIC_RELEASE); /* removals want to be synced, too */
        ok = ok && (gone == NULL || sync_names(log));
        if (ok) {
            forget(log, &shards[i], gone);
            continue;
        }
        free_all(log, gone);
    }
    return ok;
}

static bool check_dir(struct log *log)
{
    int error = log->dir.disk->ops->check(log->dir.disk);
    if (error < 0)
        log_break(log, "the data directory has been removed", error);
    return error == 0;
}

/* Once a second, and when versions run short: more often would be a sync of its own for each group of answers. */
static bool note_clock(struct log *log, uint64_t version)
{
    uint32_t now_s = clock_seconds(log->dir.clock);
    if (now_s == log->clock_s && !dir_is_short_of_versions(&log->dir, version))
        return true;
    log->clock_s = now_s;
    int error = dir_write_clock(&log->dir, version, log->sync != STORE_SYNC_NONE);
    /* Where a file that is written over takes new room, a full disk refuses that. The note before holds until there is
     * room, as long as no version beyond it is given. */
    if ((error == -ENOSPC || error == -EDQUOT) && !dir_is_short_of_versions(&log->dir, version))
        return true;
    if (error < 0)
        log_break(log, "cannot write the clock", error);
    return error == 0;
}

enum err log_sync(struct log *log, struct shard *shards, uint32_t nshards, uint64_t version)
{
    struct batch batches[1 << VERSION_SHARD_BITS];
    CHECK(nshards <= sizeof batches / sizeof *batches);
    uint64_t ticket = __atomic_load_n(&log->asked, __ATOMIC_ACQUIRE);
    bool ok = !log_is_broken(log) && check_dir(log);
    for (uint32_t i = 0; i < nshards && ok; i++)
        ok = log_commit(&shards[i]); /* what housekeeping has copied */
    for (uint32_t i = 0; i < nshards; i++)
        batches[i] = take(&shards[i]);
    for (uint32_t i = 0; i < nshards; i++)
        ok = sync_batch(log, &shards[i], &batches[i]) && ok && !log_is_broken(log);
    ok = ok && sync_names(log) && note_clock(log, version) && publish(log, shards, nshards, batches);
    if (!ok)
        return ERR_READ_ONLY;
    __atomic_store_n(&log->synced, ticket, __ATOMIC_RELEASE);
    return ERR_NONE;
}
