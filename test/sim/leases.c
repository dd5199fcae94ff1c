/*
 * leases: clients of every kind, leases, the clock and connections, played with from one seed in one thread, and held to a
 * model after each step (L1 to L5, L7).
 *
 *      leases [--from S] --seeds N      N runs
 *      leases --seed S                  one again, step by step
 *
 * A failing run prints its seed.
 */
#include "sim/dice.h"
#include "sim/lease_roles.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FAILED_MAX = 10, STEPS_LEAST = 40, STEPS_MORE = 400 };

/* What a bug that aborts would otherwise take with it: the signal's handler has nothing but this. */
static char current[64];

static void on_abort(int number)
{
    (void)number;
    ssize_t n = write(STDERR_FILENO, current, strlen(current));
    _exit(n < 0 ? 3 : 2);
}

static void pass_some_time(struct lease_play *play)
{
    uint64_t *dice = &play->seed;
    uint64_t ms = dice_roll(dice, 500);
    if (dice_once_in(dice, 3))
        ms = 1000 * (1 + dice_roll(dice, 12));
    if (dice_once_in(dice, 25))
        ms = 1000 * (30 + dice_roll(dice, 170));
    if (dice_once_in(dice, 400))
        ms = 3700000;
    lease_play_pass_time(play, ms);
    lease_play_trace(play, "%llu ms have passed", (unsigned long long)ms);
}

/* A wait that is over may be found so late, but never early. */
static void wait_on(struct lease_play *play, int client)
{
    struct lease_conn *conn = &play->conns[client];
    if (conn->nwoken > 0) {
        if (!dice_once_in(&play->seed, 3))
            lease_play_resume(play, client);
    } else if (play->steady_ns >= conn->until_ns) {
        lease_play_time_out(play, client);
    } else if (conn->op.kind == OP_OPEN && dice_once_in(&play->seed, 3)) {
        lease_play_look(play, client);
    } else if (dice_once_in(&play->seed, 6)) {
        lease_play_pass_time(play, (conn->until_ns - play->steady_ns) / 1000000);
        lease_play_trace(play, "time passes until client %d has waited long enough", client);
    }
}

static void step(struct lease_play *play, const enum lease_role *roles)
{
    uint64_t *dice = &play->seed;
    uint32_t what = dice_roll(dice, 1000);
    int client = (int)dice_roll(dice, play->nclients);
    if (what < 60)
        pass_some_time(play);
    else if (what < 85)
        lease_play_tidy(play);
    else if (what < 93)
        lease_play_restart(play, dice_once_in(dice, 2));
    else if (what < 130)
        lease_play_close(play, client);
    else if (play->conns[client].is_pending)
        wait_on(play, client);
    else
        lease_roles_act(play, client, roles[client]);
}

static bool run(uint64_t seed, bool is_traced)
{
    static struct lease_play play;
    enum lease_role roles[LEASE_CLIENTS] = {LEASE_BY_VERBS};
    snprintf(current, sizeof current, "aborted in: leases --seed %llu\n", (unsigned long long)seed);
    lease_play_init(&play, seed, is_traced);
    for (unsigned i = 1; i < play.nclients; i++)
        roles[i] = (enum lease_role)dice_roll(&play.seed, LEASE_NROLES);
    unsigned nsteps = STEPS_LEAST + dice_roll(&play.seed, STEPS_MORE);
    for (unsigned i = 0; i < nsteps && !lease_play_is_wrong(&play); i++) {
        play.nsteps++;
        step(&play, roles);
        if (!lease_play_is_wrong(&play))
            lease_play_check(&play);
    }
    if (!lease_play_is_wrong(&play))
        lease_play_end(&play);
    bool is_wrong = lease_play_is_wrong(&play);
    if (is_wrong)
        printf("leases --seed %llu, step %llu of %u: %s\n", (unsigned long long)seed,
               (unsigned long long)play.nsteps, nsteps, play.wrong);
    lease_play_fini(&play);
    return !is_wrong;
}

int main(int argc, char **argv)
{
    uint64_t from = 1;
    uint64_t n = 0;
    bool is_traced = false;
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t number = strtoull(argv[i + 1], NULL, 10);
        is_traced |= strcmp(argv[i], "--seed") == 0;
        *(strcmp(argv[i], "--seeds") == 0 ? &n : &from) = number;
    }
    n = is_traced ? 1 : n;
    if (n == 0) {
        fprintf(stderr, "usage: leases [--from S] --seeds N | --seed S\n");
        return 2;
    }
    uint64_t passed = 0;
    uint64_t failed = 0;
    signal(SIGABRT, on_abort);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (uint64_t seed = from; seed < from + n && failed < FAILED_MAX; seed++) {
        bool ok = run(seed, is_traced);
        passed += ok;
        failed += !ok;
    }
    printf("%llu passed, %llu failed\n", (unsigned long long)passed, (unsigned long long)failed);
    return failed > 0;
}
