/*
 * crash: the store, crashed a great many times: killed, its power cut, its disk failing or damaged; and each time what it
 * then shows is held to a model (S1, S2, S4, S5).
 *
 *      crash [--seed S] --states N      N crashes, three to six in a row on each directory
 *      crash [--seed S] --fail-each N   N turns, again and again: each time the next call of the disk fails
 *      crash [--seed S] --damage N      N directories with some bits flipped
 *      crash [--seed S] --upgrade N     N directories of format 1, again and again: each time the next call of the upgrade
 *                                       fails, or the process ends there, or the power
 *      crash [--seed S] --backups N     N backups of stores in use, each restored; after each tenth, one with each call of
 *                                       the target failing
 *
 * A failing run prints its seed, and the count with which it is that run again.
 */
#include "sim/backups.h"
#include "sim/dice.h"
#include "sim/old_format.h"
#include "sim/play.h"
#include "store/dir.h"
#include "store/names.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tally {
    uint64_t passed;
    uint64_t failed;
};

/* What a bug that aborts would otherwise take with it: the signal's handler has nothing but this. */
static char current[128];

static void on_abort(int number)
{
    (void)number;
    ssize_t n = write(STDERR_FILENO, current, strlen(current));
    _exit(n < 0 ? 3 : 2);
}

static void announce(const char *mode, uint64_t seed)
{
    snprintf(current, sizeof current, "aborted in: crash --seed %llu --%s 1\n", (unsigned long long)seed,
             mode);
}

static void report(const struct play *play, const char *mode, uint64_t n, uint64_t seed, const char *more)
{
    static const char *const names[] = {"interval", "always", "none"};
    printf("crash --seed %llu --%s %llu (sync %s, %u shards%s): %s\n", (unsigned long long)seed, mode,
           (unsigned long long)n, names[play->config.sync], play->config.nshards, more, play->model.wrong);
}

/* Ends where the dice say: between two calls of the disk, or within one; and so may the opening after it. */
static uint64_t crash_and_open(struct play *play)
{
    uint64_t ncrashes = 0;
    bool is_open = false;
    while (!is_open && !play_is_wrong(play)) {
        play_crash(play, dice_once_in(&play->seed, 2));
        ncrashes++;
        if (dice_once_in(&play->seed, 5))
            old_format_make(sim_disk_as_disk(play->disk));
        if (dice_once_in(&play->seed, 6))
            sim_disk_cut_at(play->disk, 1 + dice_roll(&play->seed, 60));
        is_open = play_open(play);
        sim_disk_cut_at(play->disk, 0);
    }
    return ncrashes;
}

enum { FAILED_MAX = 10 }; /* after that many no more are looked for */

static struct play *new_play(uint64_t seed, bool is_plain)
{
    struct play *play = malloc(sizeof *play);
    if (play == NULL)
        abort();
    play_init(play, seed, is_plain);
    return play;
}

static void free_play(struct play *play)
{
    play_fini(play);
    free(play);
}

static void run_states(uint64_t seed, uint64_t nstates, struct tally *tally)
{
    for (uint64_t n = 0; n < nstates && tally->failed < FAILED_MAX; seed++) {
        announce("states", seed);
        struct play *play = new_play(seed, false);
        unsigned ngenerations = 3 + dice_roll(&play->seed, 4);
        uint64_t ncrashes = 0;
        if (dice_once_in(&play->seed, 8))
            sim_disk_cut_at(play->disk, 1 + dice_roll(&play->seed, 20));
        bool is_open = play_open(play);
        for (unsigned i = 0; i < ngenerations && !play_is_wrong(play); i++) {
            if (is_open) {
                play_turns(play, dice_roll(&play->seed, 40));
                if (dice_once_in(&play->seed, 2))
                    sim_disk_cut_at(play->disk, 1 + dice_roll(&play->seed, 30));
                play_turns(play, dice_roll(&play->seed, 12));
            }
            ncrashes += crash_and_open(play);
            is_open = true;
        }
        n += ncrashes;
        tally->passed += ncrashes - play_is_wrong(play);
        tally->failed += play_is_wrong(play);
        if (play_is_wrong(play))
            report(play, "states", 1, seed, "");
        free_play(play);
    }
}

/* One run in which the n-th call fails; false: there was no n-th. */
static bool fail_nth(uint64_t seed, unsigned nturns, uint64_t nth, struct tally *tally)
{
    struct play *play = new_play(seed, false);
    int error = nth % 2 == 0 ? ENOSPC : EIO;
    sim_disk_fail_at(play->disk, nth, error, SIM_ANY);
    bool is_cut = dice_once_in(&play->seed, 2);
    bool is_open = play_open(play);
    if (is_open)
        play_turns(play, nturns);
    bool was_hit = sim_disk_has_failed(play->disk);
    if (!play_is_wrong(play)) {
        play_crash(play, is_cut);
        play_open(play);
    }
    /* What a failed sync lost shows after a kill, as it does on a real disk, and no opening can know. */
    if (!play_is_wrong(play)) {
        play_turns(play, nturns / 4);
        play_crash(play, is_cut);
        play_open(play);
    }
    char more[64];
    snprintf(more, sizeof more, ", call %llu: %s, then a %s", (unsigned long long)nth, strerror(error),
             is_cut ? "cut" : "kill");
    if (play_is_wrong(play))
        report(play, "fail-each", nturns, seed, more);
    tally->passed += !play_is_wrong(play);
    tally->failed += play_is_wrong(play);
    free_play(play);
    return was_hit;
}

static void run_fail_each(uint64_t seed, unsigned nturns, struct tally *tally)
{
    announce("fail-each", seed);
    for (uint64_t nth = 1; tally->failed < FAILED_MAX && fail_nth(seed, nturns, nth, tally); nth++)
        ;
}

struct target {
    uint64_t skip; /* names before the one that is meant */
    char name[64];
    uint64_t len;
    bool may_be_clock;
};

/* Without the layout nothing can be read, which is said instead; and there is nothing in the lock. */
static void count_target(void *arg, const char *name, uint64_t len)
{
    struct target *target = arg;
    bool is_clock = strcmp(name, "clock") == 0;
    if (len == 0 || strcmp(name, "store") == 0 || (is_clock && !target->may_be_clock))
        return;
    if (target->skip-- == 0) {
        snprintf(target->name, sizeof target->name, "%s", name);
        target->len = len;
    }
}

static unsigned flip_bits(struct play *play)
{
    unsigned nflips = 1 + dice_roll(&play->seed, 4);
    for (unsigned i = 0; i < nflips; i++) {
        struct target all = {.skip = UINT64_MAX, .may_be_clock = nflips == 1};
        sim_disk_each(play->disk, count_target, &all);
        uint64_t n = UINT64_MAX - all.skip;
        if (n == 0)
            return 0;
        struct target target = {.skip = dice_roll(&play->seed, (uint32_t)n), .may_be_clock = nflips == 1};
        sim_disk_each(play->disk, count_target, &target);
        sim_disk_damage(play->disk, target.name, dice_roll(&play->seed, (uint32_t)target.len),
                        dice_roll(&play->seed, 8));
    }
    return nflips;
}

/* Is it a state that this key had, if not its last? */
static bool was_ever(const struct model_key *key, const struct model_view *view)
{
    for (size_t i = 0; i < key->n; i++) {
        if (view->found && key->states[i].number == view->number)
            return true;
    }
    return !view->found;
}

static void check_damaged(struct play *play, unsigned nflips)
{
    unsigned nlost = 0;
    for (unsigned i = 0; i < MODEL_KEYS && !play_is_wrong(play); i++) {
        struct model_view view;
        const struct model_state *last = model_last(&play->model, i);
        bool lives = last->number != 0 && (last->expiry_s == 0 || last->expiry_s > play_now_s(play));
        if (!play_look(play, i, &view) || !was_ever(&play->model.keys[i], &view))
            snprintf(play->model.wrong, sizeof play->model.wrong, "key %u shows what it never was", i);
        bool is_same = view.found ? lives && view.number == last->number && view.expiry_s == last->expiry_s
                                  : !lives || last->class == STORE_CACHE;
        nlost += !is_same;
    }
    if (nlost > nflips && !play_is_wrong(play))
        snprintf(play->model.wrong, sizeof play->model.wrong, "%u bits were flipped, and %u keys differ",
                 nflips, nlost);
}

static void run_damage(uint64_t seed, uint64_t n, struct tally *tally)
{
    for (; n > 0 && tally->failed < FAILED_MAX; n--, seed++) {
        announce("damage", seed);
        struct play *play = new_play(seed, true);
        if (play_open(play))
            play_turns(play, 10 + dice_roll(&play->seed, 60));
        if (!play_is_wrong(play)) {
            play_close(play);
            unsigned nflips = flip_bits(play);
            enum err err = store_new(&play->config, &play->store);
            if (err == ERR_NONE)
                check_damaged(play, nflips);
            else
                snprintf(play->model.wrong, sizeof play->model.wrong, "the damaged store does not open: %s",
                         play->config.problem);
        }
        if (play_is_wrong(play))
            report(play, "damage", 1, seed, "");
        tally->passed += !play_is_wrong(play);
        tally->failed += play_is_wrong(play);
        free_play(play);
    }
}

enum mishap { MISHAP_FULL, MISHAP_ERROR, MISHAP_KILL, MISHAP_CUT, NMISHAPS };

static void check_is_upgraded(struct play *play)
{
    struct disk *disk = sim_disk_as_disk(play->disk);
    char problem[STORE_PROBLEM_MAX];
    struct names old = {0};
    struct dir dir;
    if (dir_read_layout(&dir, disk, problem) != ERR_NONE || dir.format != DIR_FORMAT ||
        names_read(&old, disk, dir_parse_old_segment_name) != 0 || old.n > 0)
        snprintf(play->model.wrong, sizeof play->model.wrong, "of format %u, with %zu old segments",
                 (unsigned)dir.format, old.n);
    names_fini(&old);
}

/* One upgrade with a mishap in its n-th call; false: there was no n-th. */
static bool upgrade_nth(uint64_t seed, uint64_t nth, enum mishap mishap, struct tally *tally)
{
    static const char *const names[NMISHAPS] = {"a full disk", "an error", "a kill", "a power cut"};
    struct play *play = new_play(seed, false);
    if (play_open(play))
        play_turns(play, 10 + dice_roll(&play->seed, 40));
    play_close(play);
    if (!old_format_make(sim_disk_as_disk(play->disk)))
        abort();
    if (mishap == MISHAP_FULL || mishap == MISHAP_ERROR)
        sim_disk_fail_at(play->disk, nth, mishap == MISHAP_FULL ? ENOSPC : EIO, SIM_ANY);
    else
        sim_disk_cut_at(play->disk, nth);
    bool is_open = play_open(play);
    bool was_hit = sim_disk_has_failed(play->disk) || sim_disk_is_dead(play->disk);
    sim_disk_fail_at(play->disk, 0, 0, 0);
    sim_disk_cut_at(play->disk, 0);
    if (is_open && !play_is_wrong(play))
        check_is_upgraded(play);
    /* The start that ends it meets a power cut, too; and one more shows what has been made certain. */
    for (int i = 0; i < 3 && !play_is_wrong(play); i++) {
        play_crash(play, mishap == MISHAP_CUT || i > 0);
        sim_disk_cut_at(play->disk, i == 0 ? 1 + dice_roll(&play->seed, 60) : 0);
        if (play_open(play))
            check_is_upgraded(play);
    }
    char more[64];
    snprintf(more, sizeof more, ", %s in call %llu", names[mishap], (unsigned long long)nth);
    if (play_is_wrong(play))
        report(play, "upgrade", 1, seed, more);
    tally->passed += !play_is_wrong(play);
    tally->failed += play_is_wrong(play);
    free_play(play);
    return was_hit;
}

static void run_upgrade(uint64_t seed, uint64_t n, struct tally *tally)
{
    for (; n > 0; n--, seed++) {
        announce("upgrade", seed);
        for (int mishap = 0; mishap < NMISHAPS; mishap++) {
            for (uint64_t nth = 1;
                 tally->failed < FAILED_MAX && upgrade_nth(seed, nth, (enum mishap)mishap, tally); nth++)
                ;
        }
    }
}

static void run_backups(uint64_t seed, uint64_t n, struct tally *tally)
{
    for (; n > 0 && tally->failed < FAILED_MAX; n--, seed++) {
        announce("backups", seed);
        struct play *play = new_play(seed, false);
        if (play_open(play))
            play_turns(play, dice_roll(&play->seed, 200));
        if (!play_is_wrong(play))
            backups_try(play);
        if (seed % 10 == 0 && !play_is_wrong(play))
            backups_fail_each(play);
        if (play_is_wrong(play))
            report(play, "backups", 1, seed, "");
        tally->passed += !play_is_wrong(play);
        tally->failed += play_is_wrong(play);
        free_play(play);
    }
}

int main(int argc, char **argv)
{
    uint64_t seed = 1;
    const char *mode = NULL;
    uint64_t n = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t number = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seed") == 0) {
            seed = number;
        } else {
            mode = argv[i];
            n = number;
        }
    }
    struct tally tally = {0};
    signal(SIGABRT, on_abort);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (mode != NULL && strcmp(mode, "--states") == 0) {
        run_states(seed, n, &tally);
    } else if (mode != NULL && strcmp(mode, "--fail-each") == 0) {
        run_fail_each(seed, (unsigned)n, &tally);
    } else if (mode != NULL && strcmp(mode, "--damage") == 0) {
        run_damage(seed, n, &tally);
    } else if (mode != NULL && strcmp(mode, "--upgrade") == 0) {
        run_upgrade(seed, n, &tally);
    } else if (mode != NULL && strcmp(mode, "--backups") == 0) {
        run_backups(seed, n, &tally);
    } else {
        fprintf(
            stderr,
            "usage: crash [--seed S] --states N | --fail-each N | --damage N | --upgrade N | --backups N\n");
        return 2;
    }
    printf("%llu passed, %llu failed\n", (unsigned long long)tally.passed, (unsigned long long)tally.failed);
    return tally.failed > 0;
}
