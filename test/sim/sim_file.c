/* A file of the simulated disk, see sim_file.h. */
#include "sim/sim_file.h"
#include "base/check.h"
#include "sim/dice.h"

#include <stdlib.h>
#include <string.h>

struct sim_file *sim_file_new(void)
{
    struct sim_file *file = calloc(1, sizeof *file);
    CHECK(file != NULL);
    return file;
}

static void forget_changes(struct sim_file *file)
{
    for (size_t i = 0; i < file->nchanges; i++)
        free(file->changes[i].data);
    file->nchanges = 0;
}

void sim_file_free(struct sim_file **file_ptr)
{
    struct sim_file *file = *file_ptr;
    *file_ptr = NULL;
    if (file == NULL)
        return;
    forget_changes(file);
    free(file->changes);
    free(file->now.p);
    free(file->durable.p);
    free(file);
}

/* What is new reads as zeros. */
static void resize(struct sim_content *content, uint64_t len)
{
    if (len > content->room) {
        content->room = len * 2;
        content->p = realloc(content->p, content->room);
        CHECK(content->p != NULL);
    }
    if (len > content->len)
        memset(content->p + content->len, 0, len - content->len);
    content->len = len;
}

static void put(struct sim_content *content, const char *from, size_t len, uint64_t at)
{
    if (len == 0)
        return;
    if (at + len > content->len)
        resize(content, at + len);
    memcpy(content->p + at, from, len);
}

static void note_change(struct sim_file *file, struct sim_change change)
{
    if (file->nchanges == file->changes_room) {
        file->changes_room = file->changes_room * 2 + 8;
        file->changes = realloc(file->changes, file->changes_room * sizeof *file->changes);
        CHECK(file->changes != NULL);
    }
    file->changes[file->nchanges++] = change;
}

void sim_file_write(struct sim_file *file, const void *from, size_t len, uint64_t at)
{
    if (len == 0)
        return;
    put(&file->now, from, len, at);
    char *copy = malloc(len);
    CHECK(copy != NULL);
    memcpy(copy, from, len);
    note_change(file, (struct sim_change){.data = copy, .len = len, .at = at});
}

void sim_file_truncate(struct sim_file *file, uint64_t len)
{
    resize(&file->now, len);
    if (file->allocated > len)
        file->allocated = len;
    note_change(file, (struct sim_change){.at = len});
}

static void apply(struct sim_content *content, const struct sim_change *change)
{
    if (change->data == NULL)
        resize(content, change->at);
    else
        put(content, change->data, change->len, change->at);
}

/* Not a copy of `now`: what a failed sync lost is in there, and stays lost. */
void sim_file_sync(struct sim_file *file)
{
    for (size_t i = 0; i < file->nchanges; i++)
        apply(&file->durable, &file->changes[i]);
    forget_changes(file);
}

void sim_file_fail_sync(struct sim_file *file)
{
    forget_changes(file);
}

/* Some of the sectors that a write touched got to the disk, and maybe the size, as if all of them had. */
static void tear(struct sim_content *content, const struct sim_change *change, uint64_t *seed)
{
    uint64_t sector = dice_once_in(seed, 2) ? 512 : 4096;
    uint64_t end = change->at + change->len;
    bool is_prefix = dice_once_in(seed, 3);
    for (uint64_t at = change->at; at < end;) {
        uint64_t next = (at / sector + 1) * sector;
        if (next > end)
            next = end;
        bool is_kept = dice_once_in(seed, 2);
        if (is_kept)
            put(content, change->data + (at - change->at), next - at, at);
        else if (is_prefix)
            break;
        at = next;
    }
    if (content->len < end && dice_once_in(seed, 2))
        resize(content, end);
}

void sim_file_cut(struct sim_file *file, uint64_t *seed)
{
    struct sim_content *left = &file->durable;
    uint32_t favour = dice_roll(seed, 5); /* of 4: cuts that keep all or nothing are of interest too */
    for (size_t i = 0; i < file->nchanges; i++) {
        const struct sim_change *change = &file->changes[i];
        if (change->data != NULL && dice_once_in(seed, 4))
            tear(left, change, seed);
        else if (dice_roll(seed, 4) < favour)
            apply(left, change);
        else if (change->data != NULL && change->at + change->len > left->len && dice_once_in(seed, 4))
            resize(left, change->at + change->len);
    }
    forget_changes(file);
    file->now.len = 0;
    put(&file->now, left->p, left->len, 0);
    file->allocated = left->len;
}
