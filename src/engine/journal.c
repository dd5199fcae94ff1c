/* A ring of events under one lock, see journal.h. */
#include "engine/journal.h"
#include "base/check.h"

#include <stdlib.h>

enum err journal_init(struct journal *journal, const struct clock *clock)
{
    *journal = (struct journal){.clock = clock};
    journal->events = calloc(JOURNAL_EVENTS, sizeof *journal->events);
    if (journal->events == NULL)
        return ERR_MEMORY;
    CHECK(pthread_mutex_init(&journal->mutex, NULL) == 0);
    return ERR_NONE;
}

void journal_fini(struct journal *journal)
{
    if (journal->events == NULL)
        return;
    free(journal->events);
    journal->events = NULL;
    pthread_mutex_destroy(&journal->mutex);
}

void journal_put(struct journal *journal, enum journal_kind kind, struct bytes session_key)
{
    int64_t wall_s = clock_wall_s(journal->clock);
    struct bytes application = handle_application(session_key);
    pthread_mutex_lock(&journal->mutex);
    uint64_t number = ++journal->last;
    struct journal_event *event = &journal->events[number % JOURNAL_EVENTS];
    *event = (struct journal_event){
        .number = number, .wall_s = wall_s, .kind = kind, .application_len = (uint8_t)application.len};
    memcpy(event->handle, session_key.p, HANDLE_BYTES);
    if (application.len > 0)
        memcpy(event->application, application.p, application.len);
    journal->counts[kind]++;
    pthread_mutex_unlock(&journal->mutex);
}

size_t journal_read(struct journal *journal, uint64_t after, struct journal_event *ret, size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&journal->mutex);
    uint64_t oldest = journal->last > JOURNAL_EVENTS ? journal->last - JOURNAL_EVENTS + 1 : 1;
    uint64_t number = after < oldest ? oldest : after + 1;
    for (; number <= journal->last && n < max; number++)
        ret[n++] = journal->events[number % JOURNAL_EVENTS];
    pthread_mutex_unlock(&journal->mutex);
    return n;
}

uint64_t journal_last(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    uint64_t last = journal->last;
    pthread_mutex_unlock(&journal->mutex);
    return last;
}

void journal_read_counts(struct journal *journal, uint64_t ret[JOURNAL_NKINDS])
{
    pthread_mutex_lock(&journal->mutex);
    memcpy(ret, journal->counts, sizeof journal->counts);
    pthread_mutex_unlock(&journal->mutex);
}

const char *journal_word(enum journal_kind kind)
{
    static const char *const words[] = {
        [JOURNAL_CREATED] = "created",     [JOURNAL_DELETED] = "deleted", [JOURNAL_EXPIRED] = "expired",
        [JOURNAL_KILLED] = "killed",       [JOURNAL_EVICTED] = "evicted", [JOURNAL_SUCCEEDED] = "succeeded",
        [JOURNAL_BROKEN] = "lease-broken", [JOURNAL_REFUSED] = "refused"};
    return words[kind];
}
