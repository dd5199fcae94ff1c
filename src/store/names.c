/* The list of segment files, see names.h. */
#include "store/names.h"

#include <errno.h>
#include <stdlib.h>

struct lister {
    struct names *names;
    bool (*parse)(const char *name, uint32_t *ret_shard, uint64_t *ret_serial);
    bool is_short_of_memory;
};

static void add(void *arg, const char *text)
{
    struct lister *lister = arg;
    struct names *names = lister->names;
    struct name name;
    if (lister->is_short_of_memory || !lister->parse(text, &name.shard, &name.serial))
        return;
    if (names->n == names->cap) {
        size_t cap = names->cap == 0 ? 64 : names->cap * 2;
        struct name *list = reallocarray(names->list, cap, sizeof *list);
        lister->is_short_of_memory = list == NULL;
        if (list == NULL)
            return;
        names->list = list;
        names->cap = cap;
    }
    names->list[names->n++] = name;
}

static int by_serial(const void *a, const void *b)
{
    const struct name *x = a;
    const struct name *y = b;
    if (x->shard != y->shard)
        return x->shard < y->shard ? -1 : 1;
    return x->serial < y->serial ? -1 : x->serial > y->serial;
}

int names_read(struct names *names, struct disk *disk,
               bool (*parse)(const char *name, uint32_t *ret_shard, uint64_t *ret_serial))
{
    struct lister lister = {.names = names, .parse = parse};
    names->n = 0;
    int error = disk->ops->list(disk, add, &lister);
    names->in_pieces = error == DISK_IN_PIECES;
    if (error < 0 || lister.is_short_of_memory)
        return error < 0 ? error : -ENOMEM;
    if (names->n > 0)
        qsort(names->list, names->n, sizeof *names->list, by_serial);
    return 0;
}

void names_fini(struct names *names)
{
    free(names->list);
    *names = (struct names){0};
}
