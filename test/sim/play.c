/* A store played with at random, see play.h. */
#include "sim/play.h"
#include "base/check.h"
#include "sim/dice.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 2 << 20, SEGMENT = 8 << 10, SECOND_NS = 1000000000, FUZZ_S = 2, PUT_TRIES = 8, TURN_MAX = 8 };

/* One turn's requests: which keys were written or shown, to be answered together. */
struct turn {
    uint64_t unwritten;
    unsigned keys[TURN_MAX];
    unsigned n;
    bool has_flush;
};

static uint64_t steady_ns(const struct clock *clock)
{
    return ((const struct play *)(const void *)clock)->steady_ns;
}

static int64_t wall_s(const struct clock *clock)
{
    return ((const struct play *)(const void *)clock)->wall_s;
}

__attribute__((format(printf, 2, 3))) static void complain(struct play *play, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (play->model.wrong[0] == '\0')
        vsnprintf(play->model.wrong, sizeof play->model.wrong, format, args);
    va_end(args);
}

static void boot(struct play *play)
{
    play->steady_ns = dice_roll(&play->seed, 100) * (uint64_t)SECOND_NS + dice_roll(&play->seed, SECOND_NS);
    snprintf(play->boot_id, sizeof play->boot_id, "boot-%llu", (unsigned long long)++play->boots);
}

void play_init(struct play *play, uint64_t seed, bool is_plain)
{
    static const enum store_sync syncs[] = {STORE_SYNC_ALWAYS, STORE_SYNC_INTERVAL, STORE_SYNC_NONE};
    *play = (struct play){.clock = {.steady_ns = steady_ns, .wall_s = wall_s},
                          .wall_s = 1700000000,
                          .seed = seed,
                          .has_flushes = !is_plain};
    boot(play);
    play->disk = sim_disk_new(dice_next(&play->seed));
    play->config = (struct store_config){.limit_bytes = LIMIT,
                                         .value_max = PLAY_VALUE_MAX,
                                         .seed = dice_next(&play->seed),
                                         .nshards = 1 + dice_roll(&play->seed, 2),
                                         .segment_bytes = SEGMENT,
                                         .disk = sim_disk_as_disk(play->disk),
                                         .sync = syncs[dice_roll(&play->seed, 5) % 3],
                                         .clock = &play->clock,
                                         .boot_id = play->boot_id,
                                         .problem = play->problem};
    model_init(&play->model, play->config.sync);
}

void play_fini(struct play *play)
{
    store_abandon(&play->store);
    model_fini(&play->model);
    sim_disk_free(&play->disk);
}

uint32_t play_now_s(const struct play *play)
{
    return clock_seconds(&play->clock);
}

bool play_is_wrong(const struct play *play)
{
    return play->model.wrong[0] != '\0';
}

static struct bytes key_of(unsigned key, char text[16])
{
    return (struct bytes){.p = text, .len = (size_t)snprintf(text, 16, "key-%u", key)};
}

/* The value of this key and number: it names both, and all its bytes and its length follow from them. */
static struct bytes value_of(char to[PLAY_VALUE_MAX], unsigned key, uint64_t number)
{
    uint64_t seed = number * MODEL_KEYS + key;
    size_t len = 24 + dice_roll(&seed, dice_once_in(&seed, 12) ? PLAY_VALUE_MAX - 32 : 900);
    memcpy(to, &number, sizeof number);
    for (size_t at = sizeof number; at < len; at += sizeof number) {
        uint64_t word = dice_next(&seed);
        memcpy(to + at, &word, sizeof word);
    }
    return (struct bytes){.p = to, .len = len};
}

/* Some are stale, and some have a cas that a client has set. */
static bool is_stale_of(uint64_t number)
{
    return number % 5 == 0;
}

static uint64_t cas_of(uint64_t number)
{
    return number % 4 == 1 ? number * 1000003 : 0;
}

static void view_entry(struct play *play, unsigned key, const struct store_entry *entry,
                       struct model_view *ret)
{
    *ret = (struct model_view){.found = entry->found};
    if (!entry->found)
        return;
    uint64_t number = 0;
    struct bytes value = entry->item.value;
    if (value.len >= sizeof number)
        memcpy(&number, value.p, sizeof number);
    uint64_t cas = cas_of(number) != 0 ? cas_of(number) : entry->item.version;
    bool is_right = bytes_equal(value, value_of(play->other, key, number)) &&
                    entry->item.flags == (uint32_t)number && entry->item.cas == cas &&
                    entry->item.is_stale == is_stale_of(number);
    ret->number = is_right ? number : UINT64_MAX;
    ret->version = entry->item.version;
    ret->expiry_s = entry->item.expiry_s;
    ret->class = entry->item.class;
}

bool play_look(struct play *play, unsigned key, struct model_view *ret)
{
    char text[16];
    struct store_entry entry;
    store_lock(play->store, key_of(key, text), play_now_s(play), &entry);
    bool is_safe = !entry.is_unsafe;
    view_entry(play, key, &entry, ret);
    store_unlock(&entry);
    return is_safe;
}

static void note(struct turn *turn, unsigned key, struct store_entry *entry)
{
    store_unlock(entry);
    turn->unwritten |= entry->unwritten;
    turn->keys[turn->n++] = key;
}

/* What is found must be what the model says, whatever is done next. */
static void lock(struct play *play, unsigned key, struct bytes name, struct store_entry *entry)
{
    struct model_view view;
    store_lock(play->store, name, play_now_s(play), entry);
    view_entry(play, key, entry, &view);
    if (sim_disk_is_dead(play->disk))
        return; /* nobody is there to be told */
    if (!entry->is_unsafe)
        model_check(&play->model, key, &view, play_now_s(play), play->is_broken);
    else if (entry->found && model_is_answered(&play->model, key)) /* nothing to be seen may be a removal */
        complain(play, "with a failed disk, key %u is not shown, though it was answered", key);
}

static uint32_t roll_expiry(struct play *play)
{
    return dice_once_in(&play->seed, 2) ? 0 : play_now_s(play) + 1 + dice_roll(&play->seed, 40);
}

static enum err put_once(struct play *play, unsigned key, const struct store_write *write, struct turn *turn,
                         bool *ret_is_rewrite, uint64_t *ret_version)
{
    char text[16];
    struct bytes name = key_of(key, text);
    struct store_entry entry;
    struct segment *staged = NULL;
    enum err err = ERR_NONE;
    bool is_large = store_is_large(play->store, name.len, write->head.len);
    if (is_large)
        err = store_stage(play->store, name, write, *ret_is_rewrite, &staged);
    lock(play, key, name, &entry);
    *ret_is_rewrite = entry.found && entry.item.class == STORE_SESSION;
    if (err == ERR_NONE)
        err = is_large ? store_put_staged(&entry, write, &staged) : store_put(&entry, write);
    *ret_version = entry.item.version;
    if (err == ERR_NONE)
        note(turn, key, &entry);
    else
        store_unlock(&entry);
    store_unstage(play->store, &staged);
    return err;
}

/* A refusal is all right when the disk has failed, or is full; memory there is enough of. */
static void check_refusal(struct play *play, enum err err)
{
    bool is_excused = sim_disk_is_dead(play->disk) || sim_disk_has_failed(play->disk);
    if (err == ERR_READ_ONLY && is_excused)
        play->is_broken = true;
    else if (err != ERR_FULL && !(err == ERR_DISK_FULL && is_excused))
        complain(play, "a write was refused: %s", err_text(err));
}

static void put(struct play *play, unsigned key, struct turn *turn)
{
    struct model_state state = {.number = ++play->number,
                                .class = key % 3 == 0 || (key % 3 == 1 && dice_once_in(&play->seed, 2))
                                             ? STORE_CACHE
                                             : STORE_SESSION};
    uint32_t expiry_s = roll_expiry(play);
    struct store_write write = {.head = value_of(play->value, key, state.number),
                                .cas = cas_of(state.number),
                                .flags = (uint32_t)state.number,
                                .expiry_s = expiry_s,
                                .is_stale = is_stale_of(state.number),
                                .class = state.class};
    state.expiry_s = expiry_s;
    bool is_rewrite = false;
    enum err err = ERR_FULL;
    for (int tries = 0; tries < PUT_TRIES && err == ERR_FULL; tries++) {
        if (tries > 0 && !store_reclaim(play->store, write.head.len + 300, is_rewrite, play_now_s(play)))
            break;
        err = put_once(play, key, &write, turn, &is_rewrite, &state.version);
    }
    if (err != ERR_NONE) {
        check_refusal(play, err);
        return;
    }
    if (state.version <= play->model.versions[state.version % MODEL_SHARDS])
        complain(play, "key %u got version %llu, not above one that was given before", key,
                 (unsigned long long)state.version);
    model_submit(&play->model, key, &state);
}

static void remove_key(struct play *play, unsigned key, struct turn *turn)
{
    char text[16];
    struct store_entry entry;
    lock(play, key, key_of(key, text), &entry);
    enum err err = ERR_NONE;
    if (entry.found) {
        err = store_remove(&entry);
        if (err == ERR_NONE)
            model_submit(&play->model, key, &(struct model_state){0});
        else
            check_refusal(play, err);
    }
    if (err == ERR_NONE && !entry.is_unsafe)
        note(turn, key, &entry);
    else
        store_unlock(&entry);
}

static void touch(struct play *play, unsigned key, struct turn *turn)
{
    char text[16];
    struct store_entry entry;
    lock(play, key, key_of(key, text), &entry);
    enum err err = ERR_NONE;
    if (entry.found && !entry.is_unsafe) {
        uint32_t expiry_s = roll_expiry(play);
        struct model_view view;
        view_entry(play, key, &entry, &view);
        struct model_state state = {
            .number = view.number, .version = view.version, .expiry_s = expiry_s, .class = view.class};
        err = store_touch(&entry, expiry_s);
        if (err == ERR_NONE)
            model_submit(&play->model, key, &state);
        else if (err != ERR_NONE)
            check_refusal(play, err);
    }
    if (err == ERR_NONE && !entry.is_unsafe)
        note(turn, key, &entry);
    else
        store_unlock(&entry);
}

static void look(struct play *play, unsigned key, struct turn *turn)
{
    char text[16];
    struct store_entry entry;
    lock(play, key, key_of(key, text), &entry);
    if (!entry.is_unsafe)
        note(turn, key, &entry);
    else
        store_unlock(&entry);
}

static void flush(struct play *play, struct turn *turn)
{
    uint32_t now_s = play_now_s(play);
    uint32_t at_s = now_s + (dice_once_in(&play->seed, 3) ? 0 : dice_roll(&play->seed, 20));
    enum err err = store_flush(play->store, now_s, at_s, &turn->unwritten);
    if (err == ERR_NONE) {
        model_submit_flush(&play->model, now_s, at_s);
        turn->has_flush = true;
        return;
    }
    /* Some shards may have it: it is as if it had been submitted and never answered, so what shows is open. */
    check_refusal(play, err);
    model_submit_flush(&play->model, now_s, at_s);
    play->is_broken = true;
}

static void finish(struct play *play, struct turn *turn)
{
    uint64_t ticket = 0;
    enum store_commit result = store_commit(play->store, turn->unwritten, &ticket);
    if (result == STORE_COMMIT_FAILED) {
        if (!sim_disk_is_dead(play->disk) && !sim_disk_has_failed(play->disk))
            complain(play, "a commit failed on a sound disk: %s", store_disk_error(play->store));
        play->is_broken = true;
        return;
    }
    if (sim_disk_is_dead(play->disk))
        return;
    if (result == STORE_COMMIT_DONE)
        ticket = 0;
    else if (ticket == 0)
        complain(play, "a ticket of 0");
    for (unsigned i = 0; i < turn->n && !play->is_broken; i++)
        model_answer(&play->model, turn->keys[i], ticket);
    if (turn->has_flush && !play->is_broken)
        model_answer_flush(&play->model, ticket);
}

static void run_turn(struct play *play)
{
    struct turn turn = {0};
    unsigned n = 1 + dice_roll(&play->seed, TURN_MAX - 1);
    for (unsigned i = 0; i < n; i++) {
        /* A part of the keys is in use at a time: some are written often, and many lie still. */
        unsigned key = dice_once_in(&play->seed, 3)
                           ? dice_roll(&play->seed, MODEL_KEYS)
                           : (unsigned)(play->boots * 7 + dice_roll(&play->seed, 12)) % MODEL_KEYS;
        uint32_t what = dice_roll(&play->seed, 100);
        if (what < 45)
            put(play, key, &turn);
        else if (what < 58)
            remove_key(play, key, &turn);
        else if (what < 70)
            touch(play, key, &turn);
        else
            look(play, key, &turn);
    }
    if (play->has_flushes && dice_once_in(&play->seed, 60))
        flush(play, &turn);
    finish(play, &turn);
}

/* What the threads of the server do while another waits for the disk. */
static void do_meanwhile(void *arg)
{
    struct play *play = arg;
    if (play_is_wrong(play) || sim_disk_is_dead(play->disk))
        return;
    if (dice_once_in(&play->seed, 3))
        run_turn(play);
    if (dice_once_in(&play->seed, 3))
        store_tidy(play->store, play_now_s(play));
}

static void sync(struct play *play)
{
    uint32_t now_s = play_now_s(play);
    model_mark(&play->model);
    sim_disk_meanwhile(play->disk, do_meanwhile, play);
    enum err err = store_sync(play->store);
    sim_disk_meanwhile(play->disk, NULL, NULL);
    model_synced(&play->model, store_synced(play->store));
    if (err != ERR_NONE) {
        if (!sim_disk_is_dead(play->disk) && !sim_disk_has_failed(play->disk))
            complain(play, "a sync failed on a sound disk: %s", store_disk_error(play->store));
        play->is_broken = true;
        return;
    }
    model_save(&play->model);
    if (play->config.sync != STORE_SYNC_NONE && now_s > play->jumped_s)
        play->has_jumped = false;
}

static void pass_time(struct play *play, uint32_t s)
{
    play->steady_ns += s * (uint64_t)SECOND_NS;
    play->wall_s += s;
}

static void jump(struct play *play)
{
    play->wall_s += (int64_t)dice_roll(&play->seed, 20000) - 10000;
    play->has_jumped = true;
    play->jumped_s = play_now_s(play);
}

void play_turns(struct play *play, unsigned n)
{
    for (unsigned i = 0; i < n && !play_is_wrong(play) && !sim_disk_is_dead(play->disk); i++) {
        run_turn(play);
        if (dice_once_in(&play->seed, 4))
            store_tidy(play->store, play_now_s(play));
        if (dice_once_in(&play->seed, 5))
            sync(play);
        if (dice_once_in(&play->seed, 6)) {
            pass_time(play, dice_once_in(&play->seed, 5) ? 20 : 1);
            model_pass_time(&play->model, play_now_s(play), play->is_broken);
        }
        if (play->has_flushes && dice_once_in(&play->seed, 80))
            jump(play);
    }
}

void play_crash(struct play *play, bool is_cut)
{
    store_abandon(&play->store);
    uint32_t down_s = dice_once_in(&play->seed, 2) ? 0 : dice_roll(&play->seed, 30);
    pass_time(play, down_s);
    /* Recovery may be cut short, and a kill then does not make up for a cut before it. */
    play->crash.is_cut = play->crash.is_cut || is_cut;
    if (is_cut) {
        int64_t before_s = play_now_s(play);
        sim_disk_cut(play->disk, &play->seed);
        boot(play);
        model_shift(&play->model, (int64_t)play_now_s(play) - before_s);
        play->crash.fuzz_s += FUZZ_S;
        play->crash.time_is_unknown = play->crash.time_is_unknown || play->has_jumped;
    } else {
        sim_disk_kill(play->disk);
    }
    model_crash(&play->model, play->crash.is_cut);
}

void play_close(struct play *play)
{
    store_free(&play->store);
    model_synced(&play->model, UINT64_MAX - 1);
    model_mark(&play->model);
    model_save(&play->model);
    sim_disk_kill(play->disk);
    model_crash(&play->model, false);
}

/* An unknown flush to come would make all that follows uncertain: one at once makes an end of it. */
static void settle_flush(struct play *play)
{
    uint64_t unwritten = 0;
    uint64_t ticket = 0;
    uint32_t now_s = play_now_s(play);
    enum err err = store_flush(play->store, now_s, now_s, &unwritten);
    if (err != ERR_NONE) {
        check_refusal(play, err);
        play->is_broken = true;
        return;
    }
    model_submit_flush(&play->model, now_s, now_s);
    if (store_commit(play->store, unwritten, &ticket) == STORE_COMMIT_DONE)
        model_answer_flush(&play->model, 0);
    sync(play);
}

bool play_open(struct play *play)
{
    enum err err = store_new(&play->config, &play->store);
    if (err != ERR_NONE) {
        if (!sim_disk_is_dead(play->disk) && !sim_disk_has_failed(play->disk))
            complain(play, "cannot open the store: %s: %s", err_text(err), play->problem);
        return false;
    }
    if (sim_disk_is_dead(play->disk))
        return false;
    sim_disk_cut_at(play->disk, 0);
    uint32_t now_s = play_now_s(play);
    play->is_broken = false;
    bool is_certain = model_reopen(&play->model, &play->crash, now_s);
    for (unsigned i = 0; i < MODEL_KEYS && !play_is_wrong(play); i++) {
        struct model_view view;
        if (play_look(play, i, &view))
            model_adopt(&play->model, i, &view, &play->crash, now_s);
        else
            complain(play, "key %u is not to be shown in a store just opened", i);
    }
    if (play->config.sync != STORE_SYNC_NONE || play->crash.is_cut)
        play->has_jumped = false;
    play->crash = (struct model_crash){0};
    if (!is_certain && !play_is_wrong(play))
        settle_flush(play);
    return !play_is_wrong(play);
}
