/* What a store may show after a crash, see model.h. */
#include "sim/model.h"
#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static void complain(struct model *model, const char *format, ...)
{
    if (model->wrong[0] != '\0')
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(model->wrong, sizeof model->wrong, format, args);
    va_end(args);
}

static void add(struct model_key *key, const struct model_state *state)
{
    if (key->n == key->room) {
        key->room = key->room * 2 + 8;
        key->states = realloc(key->states, key->room * sizeof *key->states);
        CHECK(key->states != NULL);
    }
    key->states[key->n++] = *state;
}

static struct model_state *last(const struct model_key *key)
{
    return &key->states[key->n - 1];
}

void model_init(struct model *model, enum store_sync sync)
{
    static const struct model_state nothing = {0};
    *model = (struct model){.sync = sync};
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        add(&model->keys[i], &nothing);
    add(&model->flush, &nothing);
}

void model_fini(struct model *model)
{
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        free(model->keys[i].states);
    free(model->flush.states);
}

static void copy_key(struct model_key *to, const struct model_key *from)
{
    *to = *from;
    to->room = from->n;
    to->states = malloc(from->n * sizeof *to->states);
    CHECK(to->states != NULL);
    memcpy(to->states, from->states, from->n * sizeof *to->states);
}

void model_copy(struct model *to, const struct model *from)
{
    *to = *from;
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        copy_key(&to->keys[i], &from->keys[i]);
    copy_key(&to->flush, &from->flush);
}

static void turn_back_key(struct model_key *key, const struct model_key *before)
{
    key->answered = before->answered;
    key->saved = before->saved;
    key->marked = before->marked;
}

void model_turn_back(struct model *model, const struct model *before)
{
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        turn_back_key(&model->keys[i], &before->keys[i]);
    turn_back_key(&model->flush, &before->flush);
    memcpy(model->versions, before->versions, sizeof model->versions);
}

void model_submit(struct model *model, unsigned key, const struct model_state *state)
{
    struct model_state new = *state;
    new.ticket = UINT64_MAX;
    add(&model->keys[key], &new);
}

/* A flush at once also takes the place of one to come. */
void model_submit_flush(struct model *model, uint32_t now_s, uint32_t at_s)
{
    bool is_now = at_s <= now_s;
    add(&model->flush, &(struct model_state){.number = is_now ? 0 : at_s, .ticket = UINT64_MAX});
    for (unsigned i = 0; i < MODEL_KEYS && is_now; i++)
        add(&model->keys[i], &(struct model_state){.ticket = UINT64_MAX});
}

static void note_version(struct model *model, uint64_t version)
{
    uint64_t *highest = &model->versions[version % MODEL_SHARDS];
    *highest = version > *highest ? version : *highest;
}

static void answer_to(struct model *model, struct model_key *key, size_t at)
{
    for (; key->answered < at; key->answered++)
        note_version(model, key->states[key->answered + 1].version);
    if (model->sync == STORE_SYNC_ALWAYS && key->saved < at)
        key->saved = at;
}

static void answer(struct model *model, struct model_key *key, uint64_t ticket)
{
    struct model_state *state = last(key);
    if (ticket < state->ticket)
        state->ticket = ticket;
    if (state->ticket == 0)
        answer_to(model, key, key->n - 1);
}

void model_answer(struct model *model, unsigned key, uint64_t ticket)
{
    answer(model, &model->keys[key], ticket);
}

void model_answer_flush(struct model *model, uint64_t ticket)
{
    answer(model, &model->flush, ticket);
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        answer(model, &model->keys[i], ticket);
}

static void sync_key(struct model *model, struct model_key *key, uint64_t ticket)
{
    size_t known = key->saved < key->answered ? key->saved : key->answered;
    for (size_t i = key->n - 1; i > known; i--) {
        if (key->states[i].ticket <= ticket)
            answer_to(model, key, i);
    }
}

void model_synced(struct model *model, uint64_t ticket)
{
    sync_key(model, &model->flush, ticket);
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        sync_key(model, &model->keys[i], ticket);
}

void model_mark(struct model *model)
{
    model->flush.marked = model->flush.answered;
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        model->keys[i].marked = model->keys[i].answered;
}

static void save(struct model_key *key)
{
    if (key->saved < key->marked)
        key->saved = key->marked;
}

void model_save(struct model *model)
{
    if (model->sync == STORE_SYNC_NONE)
        return;
    save(&model->flush);
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        save(&model->keys[i]);
}

/* Nobody is told that it came to pass: it holds as much as the promise of it, as long as the time is known. So it is
 * not saved by itself, only by what is read then: that has the store write it down. */
static void come_true(struct model *model)
{
    struct model_key *flush = &model->flush;
    bool is_answered = flush->answered == flush->n - 1;
    add(flush, &(struct model_state){.has_come = true, .ticket = UINT64_MAX});
    for (unsigned i = 0; i <= MODEL_KEYS; i++) {
        struct model_key *key = i == MODEL_KEYS ? flush : &model->keys[i];
        if (i < MODEL_KEYS)
            add(key, &(struct model_state){.ticket = UINT64_MAX});
        key->come = key->n - 1;
        if (is_answered)
            key->answered = key->n - 1;
    }
}

void model_pass_time(struct model *model, uint32_t now_s, bool is_broken)
{
    uint64_t at_s = last(&model->flush)->number;
    if (at_s == 0 || at_s > now_s)
        return;
    if (!is_broken)
        come_true(model);
    for (unsigned i = 0; i < MODEL_KEYS && is_broken; i++)
        add(&model->keys[i], &(struct model_state){.ticket = UINT64_MAX});
}

const struct model_state *model_last(const struct model *model, unsigned key)
{
    return last(&model->keys[key]);
}

bool model_is_answered(const struct model *model, unsigned key)
{
    return model->keys[key].answered == model->keys[key].n - 1;
}

static bool shows(const struct model_state *state, const struct model_view *view,
                  const struct model_crash *how, int64_t now_s)
{
    int64_t expiry_s = state->expiry_s;
    if (!view->found) {
        if (state->number == 0 || state->class == STORE_CACHE)
            return true;
        return expiry_s != 0 && (how->time_is_unknown || expiry_s <= now_s + how->fuzz_s);
    }
    if (state->number != view->number || state->version != view->version || state->class != view->class ||
        (expiry_s == 0) != (view->expiry_s == 0))
        return false;
    if (expiry_s == 0 || how->time_is_unknown)
        return true;
    return expiry_s > now_s - how->fuzz_s && llabs(expiry_s - (int64_t)view->expiry_s) <= how->fuzz_s;
}

/* The newest state from `from` on that the store may be showing; false: it shows none of them. */
static bool find_newest(const struct model_key *key, size_t from, const struct model_view *view,
                        const struct model_crash *how, int64_t now_s, size_t *ret)
{
    for (size_t i = key->n; i-- > from;) {
        if (shows(&key->states[i], view, how, now_s)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* The oldest such. */
static bool find_oldest(const struct model_key *key, size_t from, const struct model_view *view,
                        const struct model_crash *how, int64_t now_s, size_t *ret)
{
    for (size_t i = from; i < key->n; i++) {
        if (shows(&key->states[i], view, how, now_s)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static void complain_about(struct model *model, const char *when, unsigned number, size_t from,
                           const struct model_view *view, uint32_t now_s)
{
    const struct model_key *key = &model->keys[number];
    const struct model_state *oldest = &key->states[from];
    const struct model_state *newest = last(key);
    char seen[80] = "nothing";
    if (view->found)
        snprintf(seen, sizeof seen, "value %lld version %llu expiry %u class %d", (long long)view->number,
                 (unsigned long long)view->version, view->expiry_s, (int)view->class);
    complain(model, "%s, key %u at %u shows %s; %zu states may be, value %llu (%lld, %d) to %llu (%lld, %d)",
             when, number, now_s, seen, key->n - from, (unsigned long long)oldest->number,
             (long long)oldest->expiry_s, (int)oldest->class, (unsigned long long)newest->number,
             (long long)newest->expiry_s, (int)newest->class);
}

/* A client has been shown this value (S1). How long it lives is not to be seen; and that a key is gone is no record,
 * so the miss after a removal that was refused does not count. */
static void tell(struct model *model, struct model_key *key, const struct model_view *view)
{
    size_t at = key->answered;
    while (key->states[at].number != view->number)
        at++;
    answer_to(model, key, at);
}

void model_check(struct model *model, unsigned number, const struct model_view *view, uint32_t now_s,
                 bool is_broken)
{
    static const struct model_crash exact = {0};
    struct model_key *key = &model->keys[number];
    size_t from = is_broken ? key->answered : key->n - 1;
    size_t at;
    if (!find_oldest(key, from, view, &exact, now_s, &at))
        complain_about(model, is_broken ? "with a failed disk" : "running", number, from, view, now_s);
    else if (is_broken && view->found)
        tell(model, key, view);
}

static void set_floor(struct model_key *key, bool is_cut)
{
    key->floor = is_cut ? key->saved : key->answered;
}

void model_crash(struct model *model, bool is_cut)
{
    set_floor(&model->flush, is_cut);
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        set_floor(&model->keys[i], is_cut);
}

void model_shift(struct model *model, int64_t by_s)
{
    for (size_t i = 0; i < model->flush.n; i++) {
        uint64_t *at_s = &model->flush.states[i].number;
        int64_t moved_s = (int64_t)*at_s + by_s;
        if (*at_s != 0)
            *at_s = moved_s < 1 ? 1 : (uint64_t)moved_s;
    }
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        for (size_t j = 0; j < model->keys[i].n; j++) {
            int64_t *expiry_s = &model->keys[i].states[j].expiry_s;
            if (*expiry_s != 0)
                *expiry_s += *expiry_s + by_s == 0 ? by_s + 1 : by_s; /* 0 would be never */
        }
    }
}

/* States before `from` cannot show any more, nor can those behind `to`. */
static void keep(struct model_key *key, size_t from, size_t to)
{
    memmove(key->states, key->states + from, (to + 1 - from) * sizeof *key->states);
    key->n = to + 1 - from;
    key->answered = key->n - 1;
    key->saved = key->saved > from ? key->saved - from : 0;
    if (key->saved > key->answered)
        key->saved = key->answered;
    key->come = key->come > from ? key->come - from : 0;
    key->floor = 0;
}

/* What is left of the flush register after a crash: are all its candidates due, or was one of them seen to come true? */
struct outlook {
    bool may_flush;
    bool must_flush; /* whatever is stored */
    bool must_have;  /* what was stored when it came true, if that was the only one */
    bool is_none;
};

static struct outlook look_out(const struct model_key *flush, const struct model_crash *crash, uint32_t now_s)
{
    struct outlook out = {.must_flush = true, .is_none = true};
    for (size_t i = flush->floor; i < flush->n; i++) {
        int64_t at_s = (int64_t)flush->states[i].number;
        bool may = at_s != 0 && (crash->time_is_unknown || at_s <= (int64_t)now_s + crash->fuzz_s);
        bool must = at_s != 0 && !crash->time_is_unknown && at_s <= (int64_t)now_s - crash->fuzz_s;
        out.may_flush = out.may_flush || may;
        out.must_flush = out.must_flush && must;
        out.must_have =
            out.must_have || (must && i + 2 == flush->n && i == flush->floor && last(flush)->has_come);
        out.is_none = out.is_none && at_s == 0;
    }
    return out;
}

bool model_reopen(struct model *model, const struct model_crash *crash, uint32_t now_s)
{
    struct model_key *flush = &model->flush;
    struct outlook out = look_out(flush, crash, now_s);
    bool is_known = flush->floor == flush->n - 1 && !crash->is_cut;
    bool has_come = last(flush)->has_come;
    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        struct model_key *key = &model->keys[i];
        if (out.may_flush && !has_come)
            add(key, &(struct model_state){.ticket = UINT64_MAX});
        if (out.must_flush)
            key->floor = key->n - 1;
        else if (out.must_have && key->floor < key->come)
            key->floor = key->come;
    }
    if (out.must_flush)
        add(flush, &(struct model_state){0});
    bool is_over = out.must_flush || out.is_none || (out.must_have && has_come);
    if (is_over)
        keep(flush, crash->is_cut ? flush->n - 1 : flush->saved, flush->n - 1);
    return is_known || is_over;
}

/* Versions, too, may be given again. */
static void adopt_any(struct model *model, unsigned number, const struct model_view *view)
{
    struct model_key *key = &model->keys[number];
    if (view->found && view->number == UINT64_MAX)
        complain(model, "after a power cut, key %u shows what was never stored there", number);
    key->states[0] = (struct model_state){.number = view->found ? view->number : 0,
                                          .version = view->version,
                                          .expiry_s = view->expiry_s,
                                          .class = view->class};
    keep(key, 0, 0);
    memset(model->versions, 0, sizeof model->versions);
}

void model_adopt(struct model *model, unsigned number, const struct model_view *view,
                 const struct model_crash *crash, uint32_t now_s)
{
    struct model_key *key = &model->keys[number];
    size_t at;
    if (crash->is_cut && model->sync == STORE_SYNC_NONE) {
        adopt_any(model, number, view);
        return;
    }
    if (!find_newest(key, key->floor, view, crash, now_s, &at)) {
        complain_about(model, crash->is_cut ? "after a power cut" : "after a kill", number, key->floor, view,
                       now_s);
        return;
    }
    struct model_state *state = &key->states[at];
    bool is_evicted = !view->found && state->number != 0 && state->class == STORE_CACHE;
    if (view->found)
        note_version(model, view->version);
    if (crash->is_cut) {
        state->expiry_s = view->found ? view->expiry_s : state->expiry_s;
        state->number = view->found || is_evicted ? state->number : 0;
        keep(key, is_evicted ? key->floor : at, at);
    } else {
        keep(key, key->saved < at ? key->saved : at, at);
        key->saved = model->sync == STORE_SYNC_ALWAYS ? key->answered : key->saved;
    }
}
