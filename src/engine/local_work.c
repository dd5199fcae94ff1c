/* An op that is no lock's, carried out on the store. See local.h. */
#include "base/check.h"
#include "engine/decide.h"
#include "engine/local_private.h"

#include <stdlib.h>

enum { RECLAIM_TRIES = 8, NOTE_BYTES = 512 /* a tombstone or a touch, at most */ };

/* How an attempt at an op under the shard's lock ended. */
enum attempt { ATTEMPT_DONE, ATTEMPT_NO_ROOM, ATTEMPT_STAGE };

static bool is_killed(const struct work *work)
{
    return work->has_was && traits_are_killed(&work->was);
}

static enum store_class class_of(const struct work *work, const struct store_entry *entry)
{
    if (work->op->session != NULL || work->adopted != NULL || (work->has_was && !is_killed(work)))
        return STORE_SESSION;
    if (work->name.is_bare && !(work->op->kind == OP_GET && work->op->create))
        return STORE_SESSION;
    if (entry->found && entry->item.class == STORE_SESSION && !work->has_was)
        return STORE_SESSION; /* under its plain name, from before ids were hashed */
    /* An empty add is php-memcached asking whether an id is free; it leaves such records behind, often
     * without an end of life. There is nothing in them to lose, nor in what a get makes. */
    if ((work->op->kind == OP_ADD && work->op->value.len == 0) || work->op->kind == OP_GET)
        return STORE_CACHE;
    return work->name.kind == KEYCLASS_SESSION ? STORE_SESSION : STORE_CACHE;
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

static void put_down(const struct work *work, enum journal_kind kind)
{
    journal_put(&work->local->journal, kind, work_key(work));
}

/* What was there is not any more. */
static void settle_removed(struct work *work)
{
    if (!work->has_was)
        return;
    census_settle(&work->local->census, work_key(work), &work->was, NULL);
    if (!is_killed(work))
        put_down(work, JOURNAL_DELETED);
}

static enum err remove_item(struct work *work, struct store_entry *entry)
{
    enum err err = store_remove(entry);
    if (err == ERR_NONE)
        settle_removed(work);
    return err;
}

/* An item that is over as soon as it is stored: only the condition of the op matters, and what it replaces. Of cache an
 * empty one is stored: who asks for it next finds that it is over, and that is counted, as with memcached. */
static bool put_expired(struct work *work, struct store_entry *entry, struct store_write *write,
                        enum err *ret)
{
    if (write->expiry_s == 0 || write->expiry_s > work->op->now_s)
        return false;
    if (work->name.kind == KEYCLASS_PLAIN) {
        write->head = write->tail = (struct bytes){0};
        return false;
    }
    work->is_rewrite = true;
    work->need = NOTE_BYTES;
    *ret = entry->found ? remove_item(work, entry) : ERR_NONE;
    work->op->result = OP_OK;
    work->op->hit.cas = write->cas != 0 ? write->cas : store_next_version(entry);
    return true;
}

static bool needs_old_value(const struct op *op)
{
    if (op->kind == OP_DELETE)
        return op->invalidate && !op->drop_value;
    if (op->kind == OP_CLOSE)
        return true;
    return op->kind == OP_APPEND || op->kind == OP_PREPEND;
}

/* What is staged goes with what a session had so far, too. */
static uint64_t old_version(const struct work *work, const struct store_entry *entry)
{
    return needs_old_value(work->op) || work->has_was ? entry->item.version : 0;
}

static bool is_session(const struct work *work)
{
    return work->name.kind == KEYCLASS_SESSION && work->op->class == STORE_SESSION;
}

/* With the session's own, if it is one. */
static enum err store_it(struct work *work, struct store_entry *entry, const struct store_write *write)
{
    struct census *census = &work->local->census;
    const struct traits *was = work->has_was ? &work->was : NULL;
    bool is_large = store_is_large(work->local->store, work_key(work).len, write->head.len + write->tail.len);
    if (is_session(work) && !census_prepare(census, work_key(work), was, &work->is))
        return ERR_FULL;
    enum err err = is_large ? store_put_staged(entry, write, &work->staged) : store_put(entry, write);
    if (!is_session(work))
        return err;
    if (err != ERR_NONE) {
        census_abandon(census, work_key(work), was, &work->is);
        return err;
    }
    census_settle(census, work_key(work), was, &work->is);
    if (traits_are_killed(&work->is))
        put_down(work, work->op->session->succeeds ? JOURNAL_SUCCEEDED : JOURNAL_KILLED);
    else if ((was == NULL || traits_are_killed(was)) && work->adopted == NULL)
        put_down(work, JOURNAL_CREATED);
    return err;
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
    if (is_session(work)) {
        write->attributes = work->room.attributes;
        write->nattributes = traits_write(&work->is, &work->room);
        write->is_hashed = true;
        write->expiry_s = work_limit_life(work, write->expiry_s);
    }
    size_t value_len = write->head.len + write->tail.len;
    work->is_rewrite = entry->found && entry->item.class == STORE_SESSION;
    work->need = work_key(work).len + value_len;

    if (store_is_large(work->local->store, work_key(work).len, value_len) &&
        (work->staged == NULL || work->staged_for != old_version(work, entry)))
        return ATTEMPT_STAGE;
    err = store_it(work, entry, write);
    if (err != ERR_NONE)
        return judge(work, err);
    if (verdict->marks_won)
        store_mark_won(entry);
    if (verdict->marks_fetched)
        store_mark_fetched(entry);
    op->result = OP_OK;
    op->hit.cas = entry->item.cas;
    op->hit.version = entry->item.version;
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
    op->hit.version = entry->item.version;
    if (!op->unseen)
        store_mark_fetched(entry);
    if (op->without_value || !store_is_large(store, entry->key.len, op->hit.value_len)) {
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
    if (store_is_large(work->local->store, entry->key.len, old.len)) {
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
    work->staged_for = old_version(work, entry);
    bool held = hold_old_value(work, entry, &write, &old);
    unlock(work, entry);
    enum err err = ERR_FULL;
    if (held)
        err = store_stage(store, work_key(work), &write, work->is_rewrite, &work->staged);
    let_go_old_value(work, &old);
    return err == ERR_NONE ? ATTEMPT_STAGE : ATTEMPT_NO_ROOM;
}

static struct decide_item item_of(const struct work *work, const struct store_entry *entry)
{
    struct decide_item item = {.found = entry->found && !is_killed(work)};
    if (item.found) {
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
    if (!item->found)
        return;
    op->hit.idle_s = op->now_s > entry->item.seen_s ? op->now_s - entry->item.seen_s : 0;
    op->hit.was_fetched = entry->item.fetched;
    op->hit.size = store_item_size(entry);
}

/* As it is: a touch makes no one-hit visitor a visitor. */
static enum err touch(struct work *work, struct store_entry *entry, uint32_t expiry_s)
{
    if (!work->has_was)
        return store_touch(entry, expiry_s);
    traits_share(&work->was, &work->is);
    if (work->op->session != NULL && work->op->session->is_bot)
        work->is.marks |= MARK_BOT; /* for this life; a write says so for the next ones */
    if ((work->was.marks & MARK_SUCCEEDED) != 0)
        return ERR_NONE;
    return store_touch(entry, work_limit_life(work, expiry_s));
}

/* As it is from now on. */
static void tell_ttl(struct work *work, const struct store_entry *entry)
{
    int64_t left_s = (int64_t)entry->item.expiry_s - work->op->now_s;
    work->op->hit.ttl_s = entry->item.expiry_s == 0 ? -1 : left_s > 0 ? left_s : 0;
}

static enum attempt read_hit(struct work *work, struct store_entry *entry, const struct verdict *verdict)
{
    enum attempt result = ATTEMPT_DONE;
    if (work->op->touch)
        result = judge(work, touch(work, entry, verdict->expiry_s));
    if (work->op->touch && work->op->session != NULL)
        tell_ttl(work, entry);
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

/* No reader of cache is to be given what its writer meant to replace, as memcached has it; a session stays. */
static bool is_to_go(const struct work *work, const struct store_entry *entry)
{
    return work->op->replaces && work->op->class == STORE_CACHE && entry->found;
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
        if (verdict->result == OP_TOO_LARGE && is_to_go(work, entry))
            result = judge(work, remove_item(work, entry));
        if (op->result == OP_OK)
            op->result = verdict->result;
        break;
    case VERDICT_REMOVE:
        result = judge(work, remove_item(work, entry));
        break;
    case VERDICT_TOUCH:
        op->hit.flags = entry->item.flags;
        op->hit.cas = entry->item.cas;
        result = judge(work, touch(work, entry, verdict->expiry_s));
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

static void lock_entry(struct work *work, struct store_entry *ret)
{
    const struct op *op = work->op;
    if (work->name.kind == KEYCLASS_PLAIN) {
        store_lock(work->local->store, op->key, op->now_s, ret);
    } else if (op->session != NULL && op->session->by_handle) {
        store_lock_lead(work->local->store, op->session->handle, op->now_s, ret);
        work->name.session.len = (uint8_t)ret->key.len;
        memcpy(work->name.session.bytes, ret->key.p, ret->key.len);
    } else {
        store_lock_hashed(work->local->store, handle_session_key(&work->name.session), op->now_s, ret);
    }
}

/* A killed session stays so, but for who came after that (L5). */
static void keep_killed(const struct work *work, const struct store_entry *entry, struct verdict *verdict)
{
    struct op *op = work->op;
    if (op->kind == OP_GET && !op->create)
        op->client->saw_killed = entry->item.version;
    if ((verdict->kind != VERDICT_PUT && verdict->kind != VERDICT_MAKE) || work_may_begin(work, entry))
        return;
    verdict->kind = VERDICT_NOTHING;
    verdict->result = op->kind == OP_GET ? OP_MISS : OP_NOT_STORED;
}

static void decide_on(struct work *work, const struct store_entry *entry, const struct decide_item *item,
                      struct verdict *ret)
{
    struct op *op = work->op;
    if (op->session != NULL) {
        session_decide(work, entry, item, ret);
        return;
    }
    decide(op, item, &work->lives, work->local->config.store.value_max, ret);
    if (is_killed(work))
        keep_killed(work, entry, ret);
    else if ((work->was.marks & MARK_SUCCEEDED) != 0 && ret->kind == VERDICT_PUT) {
        ret->kind = VERDICT_NOTHING; /* it can be read for a while */
        ret->result = OP_NOT_STORED;
    }
}

static enum attempt attempt(struct work *work)
{
    struct op *op = work->op;
    struct store_entry entry;
    lock_entry(work, &entry);
    work_read_traits(work, &entry);
    if (!entry.found && op->miss == STORE_MISS_ABSENT) /* a second attempt does not find what was over */
        op->miss = entry.miss;
    op->class = class_of(work, &entry);
    struct decide_item item = item_of(work, &entry);
    op->was_found = item.found;
    op->found_len = item.found ? item.value.len : 0;
    if (!item.found && entry.found)
        op->miss = STORE_MISS_ABSENT;
    struct verdict verdict;
    decide_on(work, &entry, &item, &verdict);
    if (entry.is_unsafe) {
        store_unlock(&entry);
        return judge(work, ERR_READ_ONLY);
    }
    if (op->detailed || op->session != NULL)
        describe(work, &entry, &item, &verdict);
    work->is_rewrite = true; /* of notes about what is there; put() knows better */
    work->need = NOTE_BYTES;
    return carry_out(work, &entry, &verdict);
}

/* There was no room. */
static void drop_unreplaced(struct work *work)
{
    struct store_entry entry;
    if (!work->op->replaces || work->op->class != STORE_CACHE)
        return;
    lock_entry(work, &entry);
    if (entry.found && entry.item.class == STORE_CACHE && store_remove(&entry) != ERR_NONE)
        __atomic_fetch_add(&work->local->refused_disk, 1, __ATOMIC_RELAXED); /* then it stays */
    unlock(work, &entry);
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
            drop_unreplaced(work);
            /* A get that finds no room to make what is not there: it is not there. */
            work->op->result = work->op->kind == OP_GET && work->op->hit.is_created ? OP_MISS : OP_FULL;
            __atomic_fetch_add(&local->refused_full[work->op->class], 1, __ATOMIC_RELAXED);
            if (work->name.kind == KEYCLASS_SESSION && work->op->class == STORE_SESSION)
                put_down(work, JOURNAL_REFUSED);
            break;
        }
    }
    store_unstage(local->store, &work->staged);
}
