/* Backups of a store that is played with meanwhile, see backups.h. */
#include "sim/backups.h"
#include "base/check.h"
#include "sim/dice.h"
#include "store/backup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The server's disk as the backup sees it: before each call the server may have done something. */
struct seen {
    struct disk disk;
    struct disk *inner;
    struct play *play;
};

static struct disk *let_run(struct disk *disk)
{
    struct seen *seen = (struct seen *)(void *)disk;
    struct play *play = seen->play;
    if (!play_is_wrong(play) && !sim_disk_is_dead(play->disk) && dice_once_in(&play->seed, 4))
        play_turns(play, 1 + dice_roll(&play->seed, dice_once_in(&play->seed, 8) ? 60 : 4));
    return seen->inner;
}

static int seen_open(struct disk *disk, const char *name, enum disk_mode mode)
{
    struct disk *inner = let_run(disk);
    CHECK(mode == DISK_READ);
    return inner->ops->open(inner, name, mode);
}

static void seen_close(struct disk *disk, int file)
{
    struct disk *inner = let_run(disk);
    inner->ops->close(inner, file);
}

static int64_t seen_size(struct disk *disk, int file)
{
    struct disk *inner = let_run(disk);
    return inner->ops->size(inner, file);
}

static int64_t seen_read(struct disk *disk, int file, void *to, size_t len, uint64_t at)
{
    struct disk *inner = let_run(disk);
    return inner->ops->read(inner, file, to, len, at);
}

static int seen_is_named(struct disk *disk, int file, const char *name)
{
    struct disk *inner = let_run(disk);
    return inner->ops->is_named(inner, file, name);
}

static int seen_list(struct disk *disk, void (*each)(void *arg, const char *name), void *arg)
{
    struct disk *inner = let_run(disk);
    struct play *play = ((struct seen *)(void *)disk)->play;
    if (!play_is_wrong(
            play)) /* so that what an earlier listing named has gone, and what hid its records, too */
        play_turns(play, dice_roll(&play->seed, 150));
    return inner->ops->list(inner, each, arg);
}

static const struct disk_ops seen_ops = {.open = seen_open,
                                         .close = seen_close,
                                         .size = seen_size,
                                         .read = seen_read,
                                         .is_named = seen_is_named,
                                         .list = seen_list};

__attribute__((format(printf, 2, 3))) static void complain(struct play *play, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!play_is_wrong(play))
        vsnprintf(play->model.wrong, sizeof play->model.wrong, format, args);
    va_end(args);
}

/* A play of its own on the restored disk: with all states of now, of which those count that had been answered at the
 * beginning of the backup, or came later. */
static struct play *fork_play(const struct play *play, const struct model *before, struct sim_disk *disk)
{
    struct play *restored = malloc(sizeof *restored);
    CHECK(restored != NULL);
    *restored = *play;
    model_copy(&restored->model, &play->model);
    model_turn_back(&restored->model, before);
    restored->disk = disk;
    restored->store = NULL;
    restored->config.disk = sim_disk_as_disk(disk);
    restored->config.clock = &restored->clock;
    restored->config.boot_id = restored->boot_id;
    restored->config.problem = restored->problem;
    model_crash(&restored->model, false);
    return restored;
}

static void look_at(struct play *play, const struct model *before, struct sim_disk *disk)
{
    struct play *restored = fork_play(play, before, disk);
    if (play_open(restored))
        play_turns(restored, 10);
    if (play_is_wrong(restored))
        complain(play, "restored: %.180s", restored->model.wrong);
    store_abandon(&restored->store);
    model_fini(&restored->model);
    free(restored);
}

static void restore(struct play *play, const struct model *before, struct sim_disk *backup, bool may_be_none)
{
    static const struct backup_ears deaf = {0};
    struct sim_disk *disk = sim_disk_new(dice_next(&play->seed));
    struct backup_report report = {0};
    struct check_report check = {0};
    char problem[STORE_PROBLEM_MAX] = "";
    enum err err =
        backup_restore(sim_disk_as_disk(backup), sim_disk_as_disk(disk), &deaf, &report, &check, problem);
    bool is_none = may_be_none && strncmp(problem, "backup: there is no such file", 29) == 0;
    if (err != ERR_NONE && !is_none)
        complain(play, "cannot restore: %s", problem);
    else if (err == ERR_NONE && (!check_is_clean(&check) || check.torn_ends > 0))
        complain(play, "the restored directory is not sound");
    sim_disk_cut(disk, &play->seed);
    if (err == ERR_NONE && !play_is_wrong(play))
        look_at(play, before, disk);
    sim_disk_free(&disk);
}

static enum err take(struct play *play, struct sim_disk *target, char *problem)
{
    static const struct backup_ears deaf = {0};
    struct seen seen = {.disk.ops = &seen_ops, .inner = sim_disk_as_disk(play->disk), .play = play};
    struct backup_report report = {0};
    return backup_take(&seen.disk, sim_disk_as_disk(target), true, &deaf, &report, problem);
}

/* The power may go while it is taken: then it is none, or it is whole. */
void backups_try(struct play *play)
{
    struct model before;
    char problem[STORE_PROBLEM_MAX] = "";
    struct sim_disk *target = sim_disk_new(dice_next(&play->seed));
    model_copy(&before, &play->model);
    if (dice_once_in(&play->seed, 3))
        sim_disk_cut_at(target, 1 + dice_roll(&play->seed, 200));
    enum err err = take(play, target, problem);
    bool is_dead = sim_disk_is_dead(target);
    if (err != ERR_NONE && !is_dead)
        complain(play, "no backup: %s", problem);
    sim_disk_cut(target, &play->seed);
    if (!play_is_wrong(play))
        restore(play, &before, target, is_dead);
    sim_disk_free(&target);
    model_fini(&before);
}

static void count_name(void *arg, const char *name)
{
    (void)name;
    ++*(unsigned *)arg;
}

void backups_fail_each(struct play *play)
{
    bool was_hit = true;
    for (uint64_t nth = 1; was_hit && !play_is_wrong(play); nth++) {
        char problem[STORE_PROBLEM_MAX] = "";
        unsigned nleft = 0;
        struct sim_disk *target = sim_disk_new(nth);
        struct disk *disk = sim_disk_as_disk(target);
        sim_disk_fail_at(target, nth, nth % 2 == 0 ? ENOSPC : EIO,
                         SIM_ANY & ~(unsigned)(SIM_REMOVE | SIM_READ));
        enum err err = take(play, target, problem);
        was_hit = sim_disk_has_failed(target);
        disk->ops->list(disk, count_name, &nleft);
        if (was_hit != (err != ERR_NONE) || (err != ERR_NONE && problem[0] == '\0'))
            complain(play, "call %llu of the target failed, the backup did not", (unsigned long long)nth);
        if (err != ERR_NONE && nleft > 0)
            complain(play, "call %llu of the target failed, and left %u files", (unsigned long long)nth,
                     nleft);
        sim_disk_free(&target);
    }
}
