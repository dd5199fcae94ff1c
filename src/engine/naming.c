/* Names of sessions and locks, see naming.h. */
#include "engine/naming.h"
#include "base/hash.h"
#include "engine/local_private.h"
#include "engine/traits.h"

void naming_session(const struct local *local, struct bytes application, struct bytes id, struct name *ret)
{
    ret->application = application;
    ret->id = id;
    handle_session(&local->maker, application, id, &ret->session);
}

static void name_bare(const struct local *local, struct bytes id, struct name *ret)
{
    naming_session(local, (struct bytes){0}, id, ret);
}

static bool has_plain(struct local *local, struct bytes key, uint32_t now_s)
{
    struct store_entry entry;
    store_lock(local->store, key, now_s, &entry);
    store_unlock(&entry);
    return entry.found;
}

/* From before ids were hashed. */
static bool has_plain_session(struct local *local, struct bytes id, uint32_t now_s)
{
    struct store_entry entry;
    store_lock(local->store, id, now_s, &entry);
    store_unlock(&entry);
    return entry.found && entry.item.class == STORE_SESSION;
}

/* Is there such a session; with one of the marks? 0: whatever it is marked with. */
static bool has_session(struct local *local, const struct handle_session *session, uint32_t now_s,
                        unsigned marks)
{
    struct store_entry entry;
    store_lock_hashed(local->store, handle_session_key(session), now_s, &entry);
    bool has = entry.found && entry.item.class == STORE_SESSION;
    if (has && marks != 0)
        has = (traits_marks(entry.item.attributes) & marks) != 0;
    store_unlock(&entry);
    return has;
}

/*
 * php-memcache takes the lock of session <id> by incr <id>.lock 1, add <id>.lock with the integer 1 (flags
 * 768) and get <id>, one after the other, in one packet or in three; in its binary protocol the incr brings
 * the initial value along. Remembers the incr.
 */
enum { PHP_MEMCACHE_INTEGER = 768 };

static bool is_asked_for(const struct op *op, uint64_t asked)
{
    uint64_t key = hash_bytes(op->key, 0);
    if (op->kind == OP_ADD)
        return asked == key && op->flags == PHP_MEMCACHE_INTEGER && bytes_equal(op->value, bytes_of("1"));
    if (op->kind != OP_INCR || op->delta != 1)
        return false;
    op->client->lock_asked = key;
    return op->create && op->initial == 1;
}

/* Where all that looks like an id is to be one. */
static bool is_bare_by_name(const struct local *local, struct bytes key)
{
    return local->config.keyclass.has_bare && keyclass_looks_like_id(key);
}

static bool is_suffixed_lock(struct local *local, const struct op *op, uint64_t asked, struct name *ret)
{
    bool is_first_contact = is_asked_for(op, asked);
    name_bare(local, keyclass_locked_id(op->key), ret);
    if (is_bare_by_name(local, ret->id))
        return true;
    if (op->is_late) /* it has waited for it; and a look would give on what is over, past it (L3) */
        return true;
    return lock_is_held(&local->locks, handle_session_key(&ret->session), op->now_s) ||
           has_session(local, &ret->session, op->now_s, 0) ||
           (local->has_plain && has_plain_session(local, ret->id, op->now_s)) ||
           (is_first_contact && !has_plain(local, op->key, op->now_s));
}

static bool is_bare_session(struct local *local, const struct op *op, struct name *ret)
{
    if (is_bare_by_name(local, op->key)) {
        name_bare(local, op->key, ret);
        return true;
    }
    bool may_be_locked = lock_has_suffixed(&local->locks);
    bool may_be_known = census_bare(&local->census) > 0;
    if ((!may_be_locked && !may_be_known && !local->has_plain) || !keyclass_may_be_id(op->key))
        return false;
    name_bare(local, op->key, ret);
    if (local->has_plain && has_plain_session(local, op->key, op->now_s))
        return true;
    if (may_be_known && has_session(local, &ret->session, op->now_s, MARK_BARE))
        return true;
    return may_be_locked &&
           lock_is_held_suffixed(&local->locks, handle_session_key(&ret->session), op->now_s) &&
           !has_plain(local, op->key, op->now_s);
}

/* Ids differ at their ends. */
static size_t memo_place(struct bytes key)
{
    unsigned last = (unsigned char)key.p[key.len - 1];
    unsigned before = key.len > 1 ? (unsigned char)key.p[key.len - 2] : 0U;
    return (last * 7 + before) % ENGINE_MEMO_KEYS;
}

/* The hash that a look ahead has made already. */
static bool recall(const struct engine_memo *memo, struct bytes key, struct bytes application,
                   struct bytes id, struct name *ret)
{
    if (memo == NULL)
        return false;
    size_t at = memo_place(key);
    const struct bytes known = {.p = memo->list[at].key, .len = memo->list[at].key_len};
    if (!bytes_equal(known, key))
        return false;
    ret->application = application;
    ret->id = id;
    ret->session = memo->list[at].session;
    return true;
}

void naming_find(struct local *local, const struct op *op, struct name *ret)
{
    struct bytes application;
    struct bytes id;
    uint64_t asked = op->client->lock_asked;
    op->client->lock_asked = 0;
    ret->is_bare = false;
    ret->kind = keyclass_split(&local->config.keyclass, op->key, &application, &id);
    if (ret->kind != KEYCLASS_PLAIN) {
        if (!recall(op->memo, op->key, application, id, ret))
            naming_session(local, application, id, ret);
        return;
    }
    if (keyclass_has_lock_suffix(op->key))
        ret->kind = is_suffixed_lock(local, op, asked, ret) ? KEYCLASS_LOCK : KEYCLASS_PLAIN;
    else if (is_bare_session(local, op, ret))
        ret->kind = KEYCLASS_SESSION;
    ret->is_bare = ret->kind != KEYCLASS_PLAIN;
}

/* By name alone. */
static void split(const struct local *local, struct bytes key, struct name *ret)
{
    struct bytes application;
    struct bytes id;
    ret->is_bare = false;
    ret->kind = keyclass_split(&local->config.keyclass, key, &application, &id);
    if (ret->kind != KEYCLASS_PLAIN)
        naming_session(local, application, id, ret);
}

bool naming_guess(const struct local *local, struct engine_memo *memo, struct bytes key, struct name *ret)
{
    split(local, key, ret);
    if (ret->kind == KEYCLASS_PLAIN)
        return false;
    if (key.len <= ENGINE_MEMO_KEY_MAX) {
        size_t at = memo_place(key);
        memo->list[at].key_len = (uint8_t)key.len;
        memcpy(memo->list[at].key, key.p, key.len);
        memo->list[at].session = ret->session;
    }
    return true;
}

void naming_show(const struct local *local, struct bytes key, bool is_session, struct name *ret)
{
    split(local, key, ret);
    if (ret->kind != KEYCLASS_PLAIN)
        return;
    if (is_session || is_bare_by_name(local, key)) {
        ret->kind = KEYCLASS_SESSION;
        name_bare(local, key, ret);
    } else if (keyclass_has_lock_suffix(key)) {
        ret->kind = KEYCLASS_LOCK;
        name_bare(local, keyclass_locked_id(key), ret);
    }
}
