/* What a session has beyond its value, and how long it lives: see local_private.h. */
#include "engine/local_private.h"

static uint32_t kept_now(const struct work *work)
{
    return store_to_kept_s(work->local->store, work->op->now_s);
}

/* php-memcached's empty add makes no session; so what it leaves is none. */
static bool is_session(const struct work *work, const struct store_entry *entry)
{
    return work->name.kind == KEYCLASS_SESSION && entry->found && entry->item.class == STORE_SESSION;
}

void work_read_traits(struct work *work, const struct store_entry *entry)
{
    work->has_was = is_session(work, entry);
    if (work->has_was) {
        traits_read(entry->item.attributes, &work->was);
        /* The record may be gone, its memory another's, by the time they are looked at again. */
        traits_copy(&work->was, &work->was, work->was_tags);
    } else {
        traits_clear(&work->was);
    }
    if (work->adopted != NULL) {
        traits_share(work->adopted, &work->is);
        work->is.marks |= work->name.is_bare ? MARK_BARE : 0U;
        return;
    }
    bool is_new = !work->has_was || traits_are_killed(&work->was);
    unsigned bare = work->name.is_bare ? MARK_BARE : 0U;
    if (is_new) {
        traits_clear(&work->is);
        work->is.creation_s = kept_now(work);
        work->is.marks = (work->was.marks & MARK_BARE) | bare;
        if (work->local->config.lives.first_s != 0)
            work->is.marks |= MARK_FIRST;
    } else {
        traits_share(&work->was, &work->is);
        work->is.revision = traits_next_revision(work->was.revision);
        work->is.marks = (work->was.marks & ~(unsigned)MARK_FIRST) | bare;
    }
}

static uint32_t earlier(uint32_t a, uint32_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static uint32_t plus(uint32_t s, uint32_t life_s)
{
    return life_s == 0 ? 0 : decide_later(s, life_s);
}

uint32_t work_limit_life(const struct work *work, uint32_t expiry_s)
{
    const struct local *local = work->local;
    const struct local_lives *lives = &local->config.lives;
    const struct traits *is = &work->is;
    uint32_t now_s = work->op->now_s;
    if (is->end_s != 0)
        expiry_s = earlier(expiry_s, store_from_kept_s(local->store, is->end_s));
    if (is->creation_s != 0)
        expiry_s =
            earlier(expiry_s, plus(store_from_kept_s(local->store, is->creation_s), lives->absolute_s));
    if ((is->marks & MARK_FIRST) != 0)
        expiry_s = earlier(expiry_s, plus(now_s, lives->first_s));
    if ((is->marks & MARK_BOT) != 0)
        expiry_s = earlier(expiry_s, plus(now_s, lives->bot_s));
    return expiry_s;
}

bool work_may_begin(const struct work *work, const struct store_entry *entry)
{
    return work->op->client->saw_killed == entry->item.version;
}
