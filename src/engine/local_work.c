/* An op that is no lock's, carried out on the store. See local.h. */
#include "base/check.h"
#include "engine/decide.h"
#include "engine/local_private.h"

#include <stdlib.h>

enum { RECLAIM_TRIES = 8, NOTE_BYTES = 512 /* a tombstone or a touch, at most */ };

/* How an attempt at an op under the shard's lock ended. */
enum attempt { ATTEMPT_DONE, ATTEMPT_NO_ROOM, ATTEMPT_STAGE };

static enum store_class class_of(const struct work *work, const struct store_entry *entry)
{
    if (work->is_locked_session || (entry->found && entry->item.class == STORE_SESSION))
        return STORE_SESSION;
    /* An empty add is php-memcached asking whether an id is free; it leaves such records behind, often
     * without an end of life. There is nothing in them to lose, nor in what a get makes. */
    if ((work->op->kind == OP_ADD && work->op->value.len == 0) || work->op->kind == OP_GET)
        return STORE_CACHE;
    return work->keyclass == KEYCLASS_SESSION ? STORE_SESSION : STORE_CACHE;
}

/* What the store's answer to a write means for the attempt. */
static enum attempt judge(struct work *work, enum err err)
{
    switch (err) {
    case ERR_NONE:
        return ATTEMPT_DONE;
    case ERR_DISK_FULL:
        work->op->result = OP_DISK_FULL;
        break;
    case ERR_READ_ONLY:
        work->op->result = OP_READ_ONLY;
        break;
    default:
        return ATTEMPT_NO_ROOM;
    }
    __atomic_fetch_add(&work->local->refused_disk, 1, __ATOMIC_RELAXED);
    return ATTEMPT_DONE;
}

/* An item that is over as soon as it is stored: only the condition of the op matters, and what it replaces.
 */
static bool put_expired(struct work *work, struct store_entry *entry, const struct store_write *write,
                        enum err *ret)
{
    if (write->expiry_s == 0 || write->expiry_s > work->op->now_s)
        return false;
    work->is_rewrite = true;
    work->need = NOTE_BYTES;
    *ret = entry->found ? store_remove(entry) : ERR_NONE;
    work->op->result = OP_OK;
    work->op->hit.cas = write->cas != 0 ? write->cas : store_next_version(entry);
    return true;
}

static bool needs_old_value(const struct op *op)
{
    if (op->kind == OP_DELETE)
        return op->invalidate && !op->drop_value;
    return op->kind == OP_APPEND || op->kind == OP_PREPEND;
}

static uint64_t old_version(const struct op *op, const struct store_entry *entry)
{
    return needs_old_value(op) ? entry->item.version : 0;
}

static enum attempt put(struct work *work, struct store_entry *entry, struct verdict *verdict)
{
    struct op *op = work->op;
    op->number = verdict->number;
    op->hit.value_len = verdict->write.head.len + verdict->write.tail.len;
    enum err err;
    if (put_expired(work, entry, &verdict->write, &err))
        return judge(work, err);
    struct store_write *write = &verdict->write;
    write->class = op->class;
    size_t value_len = op->hit.value_len;
    work->is_rewrite = entry->found && entry->item.class == STORE_SESSION;
    work->need = op->key.len + value_len;

    if (!store_is_large(work->local->store, op->key.len, value_len))
        err = store_put(entry, write);
    else if (work->staged == NULL || work->staged_for != old_version(op, entry))
        return ATTEMPT_STAGE;
    else
        err = store_put_staged(entry, write, &work->staged);
    if (err != ERR_NONE)
        return judge(work, err);
    if (verdict->marks_won)
        store_mark_won(entry);
    if (verdict->marks_fetched)
        store_mark_fetched(entry);
    op->result = OP_OK;
    op->hit.cas = entry->item.cas;
    return ATTEMPT_DONE;
}

static void copy_hit(struct op *op, struct bytes value)
{
    char *to = op->place(op, &op->hit);
    if (to == NULL)
        op->result = OP_FULL;
    else if (!op->without_value && value.len > 0)
        memcpy(to, value.p, value.len);
}

/* What the entry saw or did is not to be answered before the turn's commit. */
static void unlock(struct work *work, struct store_entry *entry)
{
    store_unlock(entry);
    work->op->unwritten |= entry->unwritten;
}

/* Unlocks the entry itself: a large value is copied outside the lock. */
static void read_and_unlock(struct work *work, struct store_entry *entry)
{
    struct op *op = work->op;
    struct store *store = work->local->store;
    op->result = OP_OK;
    op->hit.value_len = entry->item.value.len;
    op->hit.flags = entry->item.flags;
    op->hit.cas = entry->item.cas;
    if (!op->unseen)
        store_mark_fetched(entry);
    if (op->without_value || !store_is_large(store, op->key.len, op->hit.value_len)) {
        copy_hit(op, entry->item.value);
        unlock(work, entry);
    } else {
        struct bytes value = entry->item.value;
        struct segment *pinned = store_pin(entry);
        unlock(work, entry);
        copy_hit(op, value);
        store_unpin(store, pinned);
    }
}

/* An append reads the old value while it copies, outside the lock: a large one is pinned for that, of any
 * other a copy is made. */
struct old_value {
    struct segment *pinned;
    char *copy;
};

static bool hold_old_value(struct work *work, struct store_entry *entry, struct store_write *write,
                           struct old_value *ret)
{
    struct bytes old = entry->item.value;
    *ret = (struct old_value){0};
    if (!needs_old_value(work->op) || old.len == 0)
        return true;
    if (store_is_large(work->local->store, work->op->key.len, old.len)) {
        ret->pinned = store_pin(entry);
        return true;
    }
    ret->copy = malloc(old.len);
    if (ret->copy == NULL)
        return false;
    memcpy(ret->copy, old.p, old.len);
    struct bytes *part = work->op->kind == OP_PREPEND ? &write->tail : &write->head;
    part->p = ret->copy;
    return true;
}

static void let_go_old_value(struct work *work, struct old_value *old)
{
    if (old->pinned != NULL)
        store_unpin(work->local->store, old->pinned);
    free(old->copy);
}

/* Copies a large value to a segment of its own, outside the lock of the shard (S7). The entry is locked on
 * arrival and unlocked on return. */
static enum attempt stage_and_unlock(struct work *work, struct store_entry *entry,
                                     const struct verdict *verdict)
{
    struct store *store = work->local->store;
    struct store_write write = verdict->write;
    struct old_value old;
    store_unstage(store, &work->staged);
    work->staged_for = old_version(work->op, entry);
    bool held = hold_old_value(work, entry, &write, &old);
    unlock(work, entry);
    enum err err = ERR_FULL;
    if (held)
        err = store_stage(store, work->op->key, &write, work->is_rewrite, &work->staged);
    let_go_old_value(work, &old);
    return err == ERR_NONE ? ATTEMPT_STAGE : ATTEMPT_NO_ROOM;
}

static struct decide_item item_of(const struct store_entry *entry)
{
    struct decide_item item = {.found = entry->found};
    if (entry->found) {
        item.value = entry->item.value;
        item.flags = entry->item.flags;
        item.expiry_s = entry->item.expiry_s;
        item.cas = entry->item.cas;
        item.is_stale = entry->item.is_stale;
        item.is_won = entry->item.is_won;
        item.is_fetched = entry->item.fetched;
    }
    return item;
}

/* Of the item as it was found, before anything is done to it. */
static void describe(const struct work *work, const struct store_entry *entry, const struct decide_item *item,
                     const struct verdict *verdict)
{
    struct op *op = work->op;
    decide_describe(op, item, &work->lives, verdict, &op->hit);
    if (!entry->found)
        return;
    op->hit.idle_s = op->now_s > entry->item.seen_s ? op->now_s - entry->item.seen_s : 0;
    op->hit.was_fetched = entry->item.fetched;
    op->hit.size = store_item_size(entry);
}

static enum attempt read_hit(struct work *work, struct store_entry *entry, const struct verdict *verdict)
{
    enum attempt result = ATTEMPT_DONE;
    if (work->op->touch)
        result = judge(work, store_touch(entry, verdict->expiry_s));
    if (result == ATTEMPT_DONE && work->op->result == OP_OK) {
        if (verdict->marks_won)
            store_mark_won(entry);
        read_and_unlock(work, entry);
    } else {
        unlock(work, entry);
    }
    return result;
}

/* What a get makes where nothing was is a hit, and as empty as it was made. */
static enum attempt put_and_read(struct work *work, struct store_entry *entry, struct verdict *verdict)
{
    enum attempt result = put(work, entry, verdict);
    CHECK(result != ATTEMPT_STAGE);
    if (result == ATTEMPT_DONE && work->op->result == OP_OK)
        copy_hit(work->op, (struct bytes){0});
    return result;
}

/* Carries out what has been decided. Unlocks the entry. */
static enum attempt carry_out(struct work *work, struct store_entry *entry, struct verdict *verdict)
{
    struct op *op = work->op;
    enum attempt result = ATTEMPT_DONE;
    switch (verdict->kind) {
    case VERDICT_READ:
        return read_hit(work, entry, verdict);
    case VERDICT_NOTHING:
        op->result = verdict->result;
        break;
    case VERDICT_REMOVE:
        result = judge(work, store_remove(entry));
        break;
    case VERDICT_TOUCH:
        op->hit.flags = entry->item.flags;
        op->hit.cas = entry->item.cas;
        result = judge(work, store_touch(entry, verdict->expiry_s));
        if (result == ATTEMPT_DONE && op->result == OP_OK)
            store_mark_fetched(entry);
        break;
    case VERDICT_MAKE:
        result = put_and_read(work, entry, verdict);
        break;
    case VERDICT_PUT:
        result = put(work, entry, verdict);
        if (result == ATTEMPT_STAGE)
            return stage_and_unlock(work, entry, verdict);
        break;
    }
    unlock(work, entry);
    return result;
}

static enum attempt attempt(struct work *work)
{
    struct op *op = work->op;
    struct store_entry entry;
    store_lock(work->local->store, op->key, op->now_s, &entry);
    op->miss = entry.miss;
    op->class = class_of(work, &entry);
    struct decide_item item = item_of(&entry);
    op->was_found = entry.found;
    op->found_len = entry.found ? entry.item.value.len : 0;
    struct verdict verdict;
    decide(op, &item, &work->lives, work->local->config.store.value_max, &verdict);
    if (entry.is_unsafe) {
        store_unlock(&entry);
        return judge(work, ERR_READ_ONLY);
    }
    if (op->detailed)
        describe(work, &entry, &item, &verdict);
    work->is_rewrite = true; /* of notes about what is there; put() knows better */
    work->need = NOTE_BYTES;
    return carry_out(work, &entry, &verdict);
}

static bool reclaim(struct work *work)
{
    struct local *local = work->local;
    bool ok = store_reclaim(local->store, work->need, work->is_rewrite, work->op->now_s);
    if (local->sync.has_thread && store_wants_sync(local->store))
        house_hurry(&local->sync); /* what was emptied is to leave the disk, too */
    return ok;
}

void work_run(struct work *work)
{
    struct local *local = work->local;
    for (int tries = 0; tries < RECLAIM_TRIES;) {
        work->op->result = OP_OK;
        enum attempt result = attempt(work);
        if (result == ATTEMPT_DONE)
            break;
        if (result == ATTEMPT_STAGE)
            continue; /* again, with the value at hand */
        tries++;
        if (tries == RECLAIM_TRIES || !reclaim(work)) {
            /* A get that finds no room to make what is not there: it is not there. */
            work->op->result = work->op->kind == OP_GET && work->op->hit.is_created ? OP_MISS : OP_FULL;
            __atomic_fetch_add(&local->refused_full[work->op->class], 1, __ATOMIC_RELAXED);
            break;
        }
    }
    store_unstage(local->store, &work->staged);
}
