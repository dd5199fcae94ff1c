/* Counts and tags, see census.h. */
#include "engine/census.h"
#include "base/check.h"
#include "base/hash.h"

#include <stdlib.h>

static void *take_page(void *arg)
{
    return store_take_page(arg);
}

static void give_page(void *arg, void *page)
{
    store_give_page(arg, page);
}

enum err census_init(struct census *census, struct store *store)
{
    *census = (struct census){0};
    census->applications = calloc(CENSUS_APPLICATIONS_MAX, sizeof *census->applications);
    if (census->applications == NULL)
        return ERR_MEMORY;
    census->napplications = 1; /* the default one, whose name is empty */
    pairs_init(&census->pairs, (struct pairs_memory){.take = take_page, .give = give_page, .arg = store});
    CHECK(pthread_mutex_init(&census->mutex, NULL) == 0);
    return ERR_NONE;
}

void census_fini(struct census *census)
{
    if (census->applications == NULL)
        return;
    pairs_fini(&census->pairs);
    free(census->applications);
    census->applications = NULL;
    pthread_mutex_destroy(&census->mutex);
}

static struct census_application *find(const struct census *census, struct bytes name)
{
    uint32_t n = __atomic_load_n(&census->napplications, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < n; i++) {
        struct census_application *application = &census->applications[i];
        if (bytes_equal((struct bytes){.p = application->name, .len = application->len}, name))
            return application;
    }
    return NULL;
}

/* Under the lock; NULL: there are too many. */
static struct census_application *find_or_make(struct census *census, struct bytes name)
{
    struct census_application *application = find(census, name);
    if (application != NULL || census->napplications == CENSUS_APPLICATIONS_MAX)
        return application;
    application = &census->applications[census->napplications];
    application->len = (uint8_t)name.len;
    memcpy(application->name, name.p, name.len);
    __atomic_fetch_add(&census->napplications, 1, __ATOMIC_RELEASE);
    return application;
}

static uint64_t hash_of(struct bytes application, struct bytes tag)
{
    return hash_bytes(tag, hash_bytes(application, 0));
}

/* What has been killed is remembered, but counts no more, nor is it found by its tags. */
static bool lives(const struct traits *traits)
{
    return traits != NULL && (traits->marks & MARK_KILLED) == 0;
}

static bool has_tags(const struct traits *traits)
{
    return lives(traits) && traits->ntags > 0;
}

static bool has(const struct traits *traits, struct bytes tag)
{
    return has_tags(traits) && traits_have_tag(traits, tag);
}

/* Takes out what `traits` have and `others` have not: the first `n` of them. */
static void drop_tags(struct census *census, struct bytes session_key, const struct traits *traits, size_t n,
                      const struct traits *others)
{
    for (size_t i = 0; i < n; i++) {
        if (!has(others, traits->tags[i]))
            pairs_remove(&census->pairs, hash_of(handle_application(session_key), traits->tags[i]),
                         census_handle(session_key));
    }
}

static bool add_tags(struct census *census, struct bytes session_key, const struct traits *traits,
                     const struct traits *others)
{
    for (size_t i = 0; i < traits->ntags; i++) {
        if (has(others, traits->tags[i]))
            continue;
        uint64_t tag = hash_of(handle_application(session_key), traits->tags[i]);
        if (pairs_add(&census->pairs, tag, census_handle(session_key)) == PAIRS_NO_ROOM) {
            drop_tags(census, session_key, traits, i, others);
            return false;
        }
    }
    return true;
}

static bool is_bare(const struct traits *traits)
{
    return traits != NULL && (traits->marks & MARK_BARE) != 0;
}

bool census_prepare(struct census *census, struct bytes session_key, const struct traits *was,
                    const struct traits *is)
{
    if (!has_tags(is) && find(census, handle_application(session_key)) != NULL)
        return true;
    pthread_mutex_lock(&census->mutex);
    bool ok = find_or_make(census, handle_application(session_key)) != NULL &&
              (!has_tags(is) || add_tags(census, session_key, is, was));
    pthread_mutex_unlock(&census->mutex);
    return ok;
}

void census_abandon(struct census *census, struct bytes session_key, const struct traits *was,
                    const struct traits *is)
{
    if (!has_tags(is))
        return;
    pthread_mutex_lock(&census->mutex);
    drop_tags(census, session_key, is, is->ntags, was);
    pthread_mutex_unlock(&census->mutex);
}

void census_settle(struct census *census, struct bytes session_key, const struct traits *was,
                   const struct traits *is)
{
    struct census_application *application = find(census, handle_application(session_key));
    CHECK(application != NULL);
    if (has_tags(was)) {
        pthread_mutex_lock(&census->mutex);
        drop_tags(census, session_key, was, was->ntags, is);
        pthread_mutex_unlock(&census->mutex);
    }
    if (!lives(was) && lives(is))
        __atomic_fetch_add(&application->nsessions, 1, __ATOMIC_RELAXED);
    if (lives(was) && !lives(is))
        __atomic_fetch_sub(&application->nsessions, 1, __ATOMIC_RELAXED);
    if (is_bare(is) && !is_bare(was))
        __atomic_fetch_add(&census->nbare, 1, __ATOMIC_RELAXED);
    if (is_bare(was) && !is_bare(is))
        __atomic_fetch_sub(&census->nbare, 1, __ATOMIC_RELAXED);
}

bool census_has_application(struct census *census, struct bytes session_key)
{
    if (find(census, handle_application(session_key)) != NULL)
        return true;
    return __atomic_load_n(&census->napplications, __ATOMIC_RELAXED) < CENSUS_APPLICATIONS_MAX;
}

bool census_application(const struct census *census, uint32_t n, struct bytes *ret_name,
                        uint64_t *ret_nsessions)
{
    if (n >= __atomic_load_n(&census->napplications, __ATOMIC_ACQUIRE))
        return false;
    const struct census_application *application = &census->applications[n];
    *ret_name = (struct bytes){.p = application->name, .len = application->len};
    *ret_nsessions = __atomic_load_n(&application->nsessions, __ATOMIC_RELAXED);
    return true;
}

uint64_t census_count(const struct census *census, const struct bytes *application)
{
    uint64_t sum = 0;
    if (application != NULL) {
        const struct census_application *one = find(census, *application);
        return one == NULL ? 0 : __atomic_load_n(&one->nsessions, __ATOMIC_RELAXED);
    }
    uint32_t n = __atomic_load_n(&census->napplications, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < n; i++)
        sum += __atomic_load_n(&census->applications[i].nsessions, __ATOMIC_RELAXED);
    return sum;
}

size_t census_tagged(struct census *census, struct bytes application, struct bytes tag, const uint64_t *after,
                     uint64_t *ret, size_t max)
{
    pthread_mutex_lock(&census->mutex);
    size_t n = pairs_after(&census->pairs, hash_of(application, tag), after == NULL ? 0 : *after,
                           after == NULL, ret, max);
    pthread_mutex_unlock(&census->mutex);
    return n;
}
