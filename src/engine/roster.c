/* Who is here, see roster.h. */
#include "engine/roster.h"
#include "base/check.h"
#include "engine/local_private.h"

#include <stdlib.h>

enum { SLICE = 32 };

struct handles {
    uint64_t list[STORE_LIST_MAX];
    size_t n;
};

static bool is_of(const struct engine_filter *filter, struct bytes session_key, const struct traits *traits)
{
    if (filter->has_application && !bytes_equal(handle_application(session_key), filter->application))
        return false;
    return !filter->has_tag || traits_have_tag(traits, filter->tag);
}

static void fill_tags(const struct traits *traits, struct engine_session *ret)
{
    size_t at = 0;
    ret->ntags = traits->ntags;
    for (size_t i = 0; i < traits->ntags; i++) {
        memcpy(ret->tag_text + at, traits->tags[i].p, traits->tags[i].len);
        ret->tag_lens[i] = (uint8_t)traits->tags[i].len;
        at += traits->tags[i].len;
    }
}

static void fill(struct local *local, const struct store_entry *entry, const struct traits *traits,
                 uint32_t now_s, struct engine_session *ret)
{
    const struct store_item *item = &entry->item;
    struct bytes application = handle_application(entry->key);
    memcpy(ret->handle, entry->key.p, HANDLE_BYTES);
    ret->application_len = (uint8_t)application.len;
    memcpy(ret->application, application.p, application.len);
    uint32_t since_s = store_from_kept_s(local->store, traits->creation_s);
    ret->age_s = since_s != 0 && now_s > since_s ? now_s - since_s : 0;
    ret->idle_s = now_s > item->seen_s ? now_s - item->seen_s : 0;
    ret->ttl_s = item->expiry_s == 0 ? -1 : (int64_t)item->expiry_s - now_s;
    ret->size = store_item_size(entry);
    fill_tags(traits, ret);
}

enum found { FOUND, FOUND_OTHER, FOUND_NONE };

/* Of one handle; OTHER: it is not asked for, or cannot be shown yet; NONE: no session of it is stored. */
static enum found describe(struct local *local, const struct engine_filter *filter, uint64_t handle,
                           uint32_t now_s, struct engine_session *ret, uint64_t *ret_unwritten)
{
    unsigned char lead[STORE_LEAD_BYTES];
    struct store_entry entry;
    struct traits traits;
    struct handle_session session;
    bytes_put_be64(lead, handle);
    store_lock_lead(local->store, lead, now_s, &entry);
    bool is_it = entry.found && entry.item.class == STORE_SESSION;
    bool is_none = !is_it;
    if (is_it) {
        traits_read(entry.item.attributes, &traits);
        is_none = traits_are_killed(&traits);
        is_it = !is_none && !entry.is_unsafe && is_of(filter, entry.key, &traits);
    }
    if (is_it) {
        fill(local, &entry, &traits, now_s, ret);
        session.len = (uint8_t)entry.key.len;
        memcpy(session.bytes, entry.key.p, entry.key.len);
    }
    store_unlock(&entry);
    *ret_unwritten |= entry.unwritten;
    ret->is_held = is_it && lock_describe(&local->locks, handle_session_key(&session), &ret->lease);
    if (is_none && !entry.is_unsafe)
        return FOUND_NONE;
    return is_it && (ret->is_held || !filter->is_held) ? FOUND : FOUND_OTHER;
}

/* One that is held before it is stored for the first time: its lease is all there is of it. */
static bool describe_unstored(struct local *local, const struct engine_filter *filter, uint32_t bucket,
                              uint64_t handle, struct engine_session *ret)
{
    static const struct traits none;
    struct handle_session session;
    *ret = (struct engine_session){.is_held = true};
    if (!lock_describe_handle(&local->locks, bucket, handle, &session, &ret->lease))
        return false;
    struct bytes application = handle_application(handle_session_key(&session));
    memcpy(ret->handle, session.bytes, HANDLE_BYTES);
    ret->application_len = (uint8_t)application.len;
    memcpy(ret->application, application.p, application.len);
    return is_of(filter, handle_session_key(&session), &none);
}

static void see(void *arg, struct bytes key, const struct store_item *item)
{
    struct handles *handles = arg;
    CHECK(handles->n < STORE_LIST_MAX);
    if (item->is_hashed && item->class == STORE_SESSION)
        handles->list[handles->n++] = census_handle(key);
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* By their order, since those that were told may have gone. */
static void drop_told(const struct engine_cursor *cursor, struct handles *handles)
{
    size_t n = 0;
    qsort(handles->list, handles->n, sizeof handles->list[0], compare);
    for (size_t i = 0; i < handles->n; i++) {
        if (!cursor->has_handle || handles->list[i] > cursor->handle)
            handles->list[n++] = handles->list[i];
    }
    handles->n = n;
}

/* Those at one place of the store, in the order of their handles. Where the index has grown all are told anew: what was
 * told may lie elsewhere now. */
static bool handles_there(struct local *local, struct engine_cursor *cursor, uint32_t now_s,
                          struct handles *ret, struct store_cursor *ret_next, uint64_t *ret_unwritten)
{
    uint32_t depth = cursor->at.depth;
    bool has_more = store_each(local->store, &cursor->at, now_s, see, ret, ret_next, ret_unwritten);
    if (cursor->at.depth != depth)
        cursor->has_handle = false;
    drop_told(cursor, ret);
    return has_more;
}

/* Those that are held: a place is a bucket of the table of leases, with the last that was told of it. */
static bool held_there(struct local *local, struct engine_cursor *cursor, struct handles *ret)
{
    uint32_t bucket = cursor->at.bucket;
    bool has_more = lock_list(&local->locks, &cursor->at.bucket, cursor->has_handle ? &cursor->handle : NULL,
                              ret->list, SLICE, &ret->n);
    if (cursor->at.bucket != bucket)
        cursor->has_handle = false;
    return has_more;
}

/* The next ones. False: there are none behind them. */
static bool next_handles(struct local *local, const struct engine_filter *filter,
                         struct engine_cursor *cursor, uint32_t now_s, struct handles *ret,
                         struct store_cursor *ret_next, uint64_t *ret_unwritten)
{
    *ret = (struct handles){.list = {filter->handle}, .n = 1};
    if (filter->has_handle)
        return false;
    if (filter->is_held)
        return held_there(local, cursor, ret);
    ret->n = 0;
    if (!filter->has_tag)
        return handles_there(local, cursor, now_s, ret, ret_next, ret_unwritten);
    ret->n = census_tagged(&local->census, filter->application, filter->tag,
                           cursor->has_handle ? &cursor->handle : NULL, ret->list, SLICE);
    return ret->n == SLICE;
}

bool roster_list(struct local *local, const struct engine_filter *filter, struct engine_cursor *cursor,
                 uint32_t now_s, struct engine_session *ret, size_t max, size_t *ret_n,
                 uint64_t *ret_unwritten)
{
    struct handles handles;
    struct store_cursor next = cursor->at;
    *ret_n = 0;
    if (!filter->is_held && !store_cursor_is_sound(local->store, &cursor->at))
        return false;
    bool has_more = next_handles(local, filter, cursor, now_s, &handles, &next, ret_unwritten);
    size_t i = 0;
    for (; i < handles.n && *ret_n < max; i++) {
        struct engine_session *one = &ret[*ret_n];
        enum found found = describe(local, filter, handles.list[i], now_s, one, ret_unwritten);
        if (found == FOUND_NONE && filter->is_held && !filter->has_handle)
            *ret_n += describe_unstored(local, filter, cursor->at.bucket, handles.list[i], one);
        *ret_n += found == FOUND;
        cursor->handle = handles.list[i];
        cursor->has_handle = true;
    }
    if (i < handles.n)
        return true;
    if (!filter->is_held && !filter->has_tag) {
        cursor->has_handle = false;
        cursor->at = next;
    }
    return has_more;
}

static bool kill_one(struct local *local, struct op *op, uint64_t handle)
{
    bytes_put_be64(op->session->handle, handle);
    op->session->by_handle = true;
    uint64_t unwritten = op->unwritten;
    CHECK(session_submit(local, op) == SUBMIT_DONE);
    op->unwritten |= unwritten;
    return op->result == OP_OK;
}

bool roster_kill(struct local *local, const struct engine_filter *filter, struct engine_cursor *cursor,
                 struct op *op, uint64_t *ret_nkilled)
{
    struct handle_session except;
    struct engine_session found;
    struct handles handles = {0};
    CHECK(filter->has_tag);
    handles.n = census_tagged(&local->census, filter->application, filter->tag,
                              cursor->has_handle ? &cursor->handle : NULL, handles.list, SLICE);
    if (filter->has_except)
        handle_session(&local->maker, filter->application, filter->except, &except);
    for (size_t i = 0; i < handles.n; i++) {
        uint64_t handle = handles.list[i];
        cursor->handle = handle;
        cursor->has_handle = true;
        if (filter->has_except && handle == census_handle(handle_session_key(&except)))
            continue;
        if (describe(local, filter, handle, op->now_s, &found, &op->unwritten) == FOUND)
            *ret_nkilled += kill_one(local, op, handle);
        if (op->result != OP_OK && op->result != OP_MISS)
            return false;
    }
    return handles.n == SLICE;
}
