/* Moving sessions to the key they are looked for under, see adopt.h. */
#include "engine/adopt.h"
#include "engine/local_private.h"

#include <stdlib.h>

enum { RECORD_NAME_MAX = 250 };

/* What a session is taken along with. */
struct luggage {
    char *value;
    size_t len;
    uint32_t flags;
    uint32_t expiry_s;
    struct traits traits;
    char tags[TRAITS_TAGS_MAX * TRAITS_TAG_MAX];
};

static void lock_at(struct local *local, struct bytes key, bool is_hashed, uint32_t now_s,
                    struct store_entry *ret)
{
    if (is_hashed)
        store_lock_hashed(local->store, key, now_s, ret);
    else
        store_lock(local->store, key, now_s, ret);
}

/* A copy of what lies there; false: there is no session, or no memory. */
static bool pack(struct local *local, struct bytes key, bool is_hashed, uint32_t now_s, struct luggage *ret)
{
    struct store_entry entry;
    lock_at(local, key, is_hashed, now_s, &entry);
    const struct store_item *item = &entry.item;
    bool is_there = entry.found && item->class == STORE_SESSION && !entry.is_unsafe;
    ret->value = is_there ? malloc(item->value.len + 1) : NULL;
    if (ret->value != NULL) {
        struct traits traits;
        traits_read(item->attributes, &traits);
        traits_copy(&traits, &ret->traits, ret->tags);
        memcpy(ret->value, item->value.p, item->value.len);
        ret->len = item->value.len;
        ret->flags = item->flags;
        ret->expiry_s = item->expiry_s;
    }
    store_unlock(&entry);
    return ret->value != NULL;
}

static bool unpack(struct local *local, struct op *op, const struct name *name, const struct luggage *luggage)
{
    struct op add = {.kind = OP_ADD,
                     .key = op->key,
                     .value = {.p = luggage->value, .len = luggage->len},
                     .flags = luggage->flags,
                     .now_s = op->now_s,
                     .client = op->client};
    struct work work;
    work_init(&work, local, &add);
    work.name = *name;
    work.lives = (struct decide_lives){.expiry_s = luggage->expiry_s};
    work.adopted = &luggage->traits;
    work_run(&work);
    op->unwritten |= add.unwritten;
    return add.result == OP_OK;
}

static void leave(struct local *local, struct op *op, struct bytes key, bool is_hashed)
{
    struct store_entry entry;
    struct traits was;
    lock_at(local, key, is_hashed, op->now_s, &entry);
    bool is_there = entry.found && entry.item.class == STORE_SESSION;
    if (is_there)
        traits_read(entry.item.attributes, &was);
    if (is_there && is_hashed)
        census_settle(&local->census, key, &was, NULL); /* its tags lie in what is removed next */
    if (is_there && store_remove(&entry) != ERR_NONE && is_hashed &&
        census_prepare(&local->census, key, NULL, &was))
        census_settle(&local->census, key, NULL, &was);
    store_unlock(&entry);
    op->unwritten |= entry.unwritten;
}

static bool move(struct local *local, struct op *op, const struct name *name, struct bytes key,
                 bool is_hashed)
{
    struct luggage luggage;
    if (!pack(local, key, is_hashed, op->now_s, &luggage))
        return false;
    bool ok = unpack(local, op, name, &luggage);
    free(luggage.value);
    if (ok)
        leave(local, op, key, is_hashed);
    return true;
}

static bool is_there_already(struct local *local, const struct name *name, uint32_t now_s)
{
    struct store_entry entry;
    store_lock_hashed(local->store, handle_session_key(&name->session), now_s, &entry);
    store_unlock(&entry);
    return entry.found;
}

static bool move_former(struct local *local, struct op *op, const struct name *name)
{
    struct handle_session former;
    if (!local->has_former)
        return false;
    handle_session(&local->former, name->application, name->id, &former);
    return move(local, op, name, handle_session_key(&former), true);
}

/* Under any of the names that stock handlers have for it. */
static void move_plain(struct local *local, struct op *op, const struct name *name)
{
    char key[RECORD_NAME_MAX];
    if (name->is_bare && move(local, op, name, name->id, false))
        return;
    for (size_t i = 0; i < local->config.keyclass.nprefixes; i++) {
        const struct keyclass_prefix *prefix = &local->config.keyclass.prefixes[i];
        struct bytes whole = {.p = key, .len = prefix->prefix.len + name->id.len};
        if (!bytes_equal(prefix->application, name->application) || whole.len > sizeof key)
            continue;
        memcpy(key, prefix->prefix.p, prefix->prefix.len);
        memcpy(key + prefix->prefix.len, name->id.p, name->id.len);
        if (move(local, op, name, whole, false))
            return;
    }
}

void adopt(struct local *local, struct op *op, const struct name *name)
{
    if ((!local->has_former && !local->has_plain) || is_there_already(local, name, op->now_s))
        return;
    if (!move_former(local, op, name) && local->has_plain)
        move_plain(local, op, name);
}
