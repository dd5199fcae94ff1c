/* A short list of legacies, see claims.h. */
#include "engine/claims.h"
#include "base/check.h"

#include <stdlib.h>

enum err claims_init(struct claims *claims)
{
    *claims = (struct claims){0};
    claims->list = calloc(CLAIMS_MAX, sizeof *claims->list);
    if (claims->list == NULL)
        return ERR_MEMORY;
    CHECK(pthread_mutex_init(&claims->mutex, NULL) == 0);
    return ERR_NONE;
}

void claims_fini(struct claims *claims)
{
    if (claims->list == NULL)
        return;
    free(claims->list);
    claims->list = NULL;
    pthread_mutex_destroy(&claims->mutex);
}

static struct claim *find(struct claims *claims, uint64_t fence, uint32_t now_s)
{
    if (fence == 0 || claims->like[fence % CLAIMS_MAX] == 0)
        return NULL;
    for (size_t i = 0; i < CLAIMS_MAX; i++) {
        if (claims->fences[i] == fence && claims->list[i].until_s > now_s)
            return &claims->list[i];
    }
    return NULL;
}

static void set_fence(struct claims *claims, const struct claim *claim, uint64_t fence)
{
    uint64_t *at = &claims->fences[claim - claims->list];
    if (*at != 0)
        claims->like[*at % CLAIMS_MAX]--;
    if (fence != 0)
        claims->like[fence % CLAIMS_MAX]++;
    *at = fence;
}

static struct claim *find_room(struct claims *claims, uint32_t now_s)
{
    struct claim *oldest = &claims->list[0];
    for (size_t i = 0; i < CLAIMS_MAX; i++) {
        struct claim *claim = &claims->list[i];
        if (claims->fences[i] == 0 || claim->until_s <= now_s)
            return claim;
        if (claim->age < oldest->age)
            oldest = claim;
    }
    return oldest;
}

void claims_leave(struct claims *claims, uint64_t fence, const struct traits *traits, uint32_t now_s)
{
    pthread_mutex_lock(&claims->mutex);
    struct claim *claim = find_room(claims, now_s);
    set_fence(claims, claim, fence);
    claim->until_s = now_s + CLAIMS_OPEN_S + 1; /* a whole one more than what is left of this */
    claim->age = ++claims->last_age;
    traits_copy(traits, &claim->traits, claim->tags);
    pthread_mutex_unlock(&claims->mutex);
}

bool claims_pass(struct claims *claims, uint64_t from_fence, uint64_t to_fence, uint32_t now_s)
{
    pthread_mutex_lock(&claims->mutex);
    struct claim *claim = find(claims, from_fence, now_s);
    if (claim != NULL) {
        set_fence(claims, claim, to_fence);
        claim->until_s = now_s + CLAIMS_PASSED_S;
    }
    pthread_mutex_unlock(&claims->mutex);
    return claim != NULL;
}

bool claims_find(struct claims *claims, uint64_t fence, uint32_t now_s, struct traits *ret, char *room)
{
    pthread_mutex_lock(&claims->mutex);
    const struct claim *claim = find(claims, fence, now_s);
    if (claim != NULL)
        traits_copy(&claim->traits, ret, room);
    pthread_mutex_unlock(&claims->mutex);
    return claim != NULL;
}

void claims_forget(struct claims *claims, uint64_t fence)
{
    pthread_mutex_lock(&claims->mutex);
    struct claim *claim = find(claims, fence, 0);
    if (claim != NULL)
        set_fence(claims, claim, 0);
    pthread_mutex_unlock(&claims->mutex);
}
