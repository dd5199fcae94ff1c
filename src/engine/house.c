/* A chore and its thread, see house.h. */
#include "engine/house.h"
#include "base/check.h"

#include <errno.h>
#include <time.h>

static struct timespec in_ms(uint32_t ms)
{
    struct timespec ts;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
    ts.tv_nsec += (long)(ms % 1000) * 1000000;
    ts.tv_sec += ms / 1000 + ts.tv_nsec / 1000000000;
    ts.tv_nsec %= 1000000000;
    return ts;
}

static void *run(void *arg)
{
    struct house *house = arg;
    pthread_mutex_lock(&house->lock);
    while (!house->stop) {
        house->hurry = false;
        pthread_mutex_unlock(&house->lock);
        struct timespec until = in_ms(house->chore(house->arg));
        pthread_mutex_lock(&house->lock);
        while (!house->stop && !house->hurry &&
               pthread_cond_timedwait(&house->cond, &house->lock, &until) != ETIMEDOUT)
            continue;
    }
    pthread_mutex_unlock(&house->lock);
    return NULL;
}

enum err house_start(struct house *house, uint32_t (*chore)(void *arg), void *arg)
{
    pthread_condattr_t attr;
    *house = (struct house){.chore = chore, .arg = arg};
    CHECK(pthread_condattr_init(&attr) == 0);
    CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&house->cond, &attr) == 0);
    CHECK(pthread_condattr_destroy(&attr) == 0);
    CHECK(pthread_mutex_init(&house->lock, NULL) == 0);
    house->has_thread = pthread_create(&house->thread, NULL, run, house) == 0;
    return house->has_thread ? ERR_NONE : ERR_MEMORY;
}

void house_hurry(struct house *house)
{
    pthread_mutex_lock(&house->lock);
    house->hurry = true;
    pthread_cond_signal(&house->cond);
    pthread_mutex_unlock(&house->lock);
}

void house_stop(struct house *house)
{
    if (!house->has_thread)
        return;
    pthread_mutex_lock(&house->lock);
    house->stop = true;
    pthread_cond_signal(&house->cond);
    pthread_mutex_unlock(&house->lock);
    CHECK(pthread_join(house->thread, NULL) == 0);
    pthread_cond_destroy(&house->cond);
    pthread_mutex_destroy(&house->lock);
    house->has_thread = false;
}
