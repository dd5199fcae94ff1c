/*
 * lease_play: an engine without threads on a simulated disk, under a clock that stands still, asked by six connections;
 * whatever it answers, and whom it wakes, is compared with the model at once.
 *
 *      lease_play_init ──> lease_play_ask, _resume, _time_out, _close, _pass_time, _restart, _tidy … ──> lease_play_end
 *                                                                                              ──> lease_play_fini
 *
 * Failure: what the engine did wrong is in `wrong`, from then on nothing counts.
 */
#ifndef CLOAKROOM_TEST_LEASE_PLAY_H
#define CLOAKROOM_TEST_LEASE_PLAY_H

#include "sim/lease_model.h"
#include "sim/sim_disk.h"

enum { LEASE_VALUE_MAX = 1024 };

/* What a client keeps of an open: as the model names it, and as the engine does. */
struct lease_kept {
    bool is_there;
    struct lease_token token;
    struct op_token real;
};

/* A connection. */
struct lease_conn {
    struct op op; /* first */
    struct op_session session;
    struct engine_client client;
    struct lease_ask ask; /* under way */
    unsigned nwoken;      /* since it was last pending */
    bool is_pending;
    uint64_t until_ns; /* when its wait is over */
    char key[64];
    char value[LEASE_VALUE_MAX];
    char place[LEASE_VALUE_MAX];
    struct lease_answer answer; /* the last */
    enum op_result result;      /* the same, of the engine */
};

struct lease_play {
    struct clock clock;
    uint64_t seed;
    uint64_t steady_ns;
    int64_t wall_s;
    bool is_traced;
    unsigned nclients;
    struct sim_disk *disk;
    struct local_config config;
    struct keyclass_prefix prefixes[2];
    struct engine *engine;
    uint64_t contents; /* the last one */
    uint64_t fence;    /* the highest that was given */
    unsigned char handles[LEASE_SESSIONS][HANDLE_BYTES];
    struct lease_conn conns[LEASE_CLIENTS];
    struct lease_kept kept[LEASE_CLIENTS]
                          [LEASE_SESSIONS]; /* stays with the person, whatever happens to the connection */
    struct lease_conn checker;
    struct lease_model model;
    char problem[STORE_PROBLEM_MAX];
    char wrong[256];
    uint64_t nsteps;
};

void lease_play_init(struct lease_play *play, uint64_t seed, bool is_traced);
void lease_play_fini(struct lease_play *play);
static inline bool lease_play_is_wrong(const struct lease_play *play)
{
    return play->wrong[0] != '\0';
}

/* ask->client is to have nothing under way. The real tokens go along with those of the model. */
void lease_play_ask(struct lease_play *play, const struct lease_ask *ask, const struct lease_kept *kept,
                    const struct lease_kept *predecessor);
/* All of a tag, but perhaps the session `except`; LEASE_NOBODY: none. */
void lease_play_kill_tagged(struct lease_play *play, int client, unsigned tag, int except);
/* One that has been woken, or whose wait is over. */
void lease_play_resume(struct lease_play *play, int client);
/* An open that waits is told its place, as it is each 250 ms: so it finds out what is over. */
void lease_play_look(struct lease_play *play, int client);
void lease_play_time_out(struct lease_play *play, int client);
void lease_play_close(struct lease_play *play, int client);
void lease_play_pass_time(struct lease_play *play, uint64_t ms);
void lease_play_tidy(struct lease_play *play);
/* The process is killed, or ends and is started again. */
void lease_play_restart(struct lease_play *play, bool is_killed);

/* All that can be seen from outside, after each step. */
void lease_play_check(struct lease_play *play);
/* Lists and counts. */
void lease_play_check_lists(struct lease_play *play);
/* Everybody leaves, one after the other: nobody is left waiting. Then all that is over is found to be so. */
void lease_play_end(struct lease_play *play);

const char *lease_play_id(unsigned session);
__attribute__((format(printf, 2, 3))) void lease_play_trace(const struct lease_play *play, const char *format,
                                                            ...);
__attribute__((format(printf, 2, 3))) void lease_play_complain(struct lease_play *play, const char *format,
                                                               ...);
/* lease_play.c, for lease_check.c: a request of nobody in the model. */
struct bytes lease_play_value_of(uint64_t content, char to[LEASE_VALUE_MAX]);
struct bytes lease_play_application_of(unsigned session);
struct bytes lease_play_tag(unsigned tag);

#endif
