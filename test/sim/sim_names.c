/* The directory of the simulated disk, see sim_names.h. */
#include "sim/sim_names.h"
#include "base/check.h"
#include "sim/dice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_names_fini(struct sim_names *names)
{
    free(names->now.p);
    free(names->durable.p);
    free(names->changes);
    *names = (struct sim_names){0};
}

static struct sim_name *find(const struct sim_name_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->p[i].text, name) == 0)
            return &list->p[i];
    }
    return NULL;
}

struct sim_file *sim_names_find(const struct sim_names *names, const char *name)
{
    const struct sim_name *found = find(&names->now, name);
    return found == NULL ? NULL : found->file;
}

static void *grow(void *p, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return p;
    *room = *room * 2 + 16;
    p = realloc(p, *room * size);
    CHECK(p != NULL);
    return p;
}

static void set(struct sim_name_list *list, const char *name, struct sim_file *file)
{
    struct sim_name *found = find(list, name);
    if (found == NULL) {
        list->p = grow(list->p, list->n, &list->room, sizeof *list->p);
        found = &list->p[list->n++];
        memcpy(found->text, name, SIM_NAME_MAX);
    }
    found->file = file;
}

static void drop(struct sim_name_list *list, const char *name)
{
    struct sim_name *found = find(list, name);
    if (found != NULL)
        *found = list->p[--list->n];
}

static void apply(struct sim_name_list *list, const struct sim_name_change *change)
{
    if (change->from[0] != '\0')
        drop(list, change->from);
    if (change->file != NULL)
        set(list, change->to, change->file);
}

static void change(struct sim_names *names, const char *from, const char *to, struct sim_file *file)
{
    struct sim_name_change new = {.file = file};
    CHECK(strlen(from) < SIM_NAME_MAX && strlen(to) < SIM_NAME_MAX);
    snprintf(new.from, sizeof new.from, "%s", from);
    snprintf(new.to, sizeof new.to, "%s", to);
    names->changes = grow(names->changes, names->nchanges, &names->changes_room, sizeof *names->changes);
    names->changes[names->nchanges++] = new;
    apply(&names->now, &new);
}

void sim_names_create(struct sim_names *names, const char *name, struct sim_file *file)
{
    change(names, "", name, file);
}

void sim_names_remove(struct sim_names *names, const char *name)
{
    change(names, name, "", NULL);
}

void sim_names_rename(struct sim_names *names, const char *from, const char *to)
{
    change(names, from, to, sim_names_find(names, from));
}

void sim_names_sync(struct sim_names *names)
{
    for (size_t i = 0; i < names->nchanges; i++)
        apply(&names->durable, &names->changes[i]);
    names->nchanges = 0;
}

void sim_names_cut(struct sim_names *names, uint64_t *seed)
{
    bool in_order = dice_once_in(seed, 2);
    size_t n = names->nchanges;
    if (in_order)
        n = dice_roll(seed, (uint32_t)n + 1);
    for (size_t i = 0; i < n; i++) {
        if (in_order || dice_once_in(seed, 2))
            apply(&names->durable, &names->changes[i]);
    }
    names->nchanges = 0;
    names->now.n = 0;
    for (size_t i = 0; i < names->durable.n; i++)
        set(&names->now, names->durable.p[i].text, names->durable.p[i].file);
}

static void mark(const struct sim_name_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        list->p[i].file->is_used = true;
}

void sim_names_mark(struct sim_names *names)
{
    mark(&names->now);
    mark(&names->durable);
    for (size_t i = 0; i < names->nchanges; i++) {
        if (names->changes[i].file != NULL)
            names->changes[i].file->is_used = true;
    }
}
