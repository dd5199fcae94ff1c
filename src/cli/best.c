/* Lines with a number each, largest first; see best.h. The worst one that is kept is the root of a heap. */
#include "cli/best.h"

#include <stdlib.h>

/* Negative: a comes before b. */
static int compare(const void *left, const void *right)
{
    const struct best_line *a = left;
    const struct best_line *b = right;
    size_t len = a->len < b->len ? a->len : b->len;
    if (a->key != b->key)
        return a->key > b->key ? -1 : 1;
    int by_bytes = memcmp(a->text, b->text, len);
    if (by_bytes != 0)
        return by_bytes;
    return a->len < b->len ? -1 : a->len > b->len;
}

static void swap(struct best_line *a, struct best_line *b)
{
    struct best_line was = *a;
    *a = *b;
    *b = was;
}

static void sift_up(struct best *best, size_t at)
{
    while (at > 0 && compare(&best->lines[at], &best->lines[(at - 1) / 2]) > 0) {
        swap(&best->lines[at], &best->lines[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct best *best)
{
    for (size_t at = 0;;) {
        size_t worst = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < best->n; child++)
            if (compare(&best->lines[child], &best->lines[worst]) > 0)
                worst = child;
        if (worst == at)
            return;
        swap(&best->lines[at], &best->lines[worst]);
        at = worst;
    }
}

static enum err make_room(struct best *best)
{
    if (best->n < best->cap)
        return ERR_NONE;
    size_t cap = best->cap == 0 ? 64 : 2 * best->cap;
    struct best_line *lines = reallocarray(best->lines, cap, sizeof *lines);
    if (lines == NULL)
        return ERR_MEMORY;
    best->lines = lines;
    best->cap = cap;
    return ERR_NONE;
}

enum err best_add(struct best *best, uint64_t key, struct bytes line)
{
    const struct best_line wanted = {.key = key, .len = line.len, .text = (char *)(uintptr_t)line.p};
    bool is_full = best->limit > 0 && best->n == best->limit;
    if (is_full && compare(&wanted, &best->lines[0]) >= 0)
        return ERR_NONE;
    char *text = malloc(line.len + 1);
    if (text == NULL || make_room(best) != ERR_NONE) {
        free(text);
        return ERR_MEMORY;
    }
    memcpy(text, line.p, line.len);
    text[line.len] = '\0';
    struct best_line copy = {.key = key, .len = line.len, .text = text};
    if (is_full) {
        free(best->lines[0].text);
        best->lines[0] = copy;
        sift_down(best);
    } else {
        best->lines[best->n++] = copy;
        if (best->limit > 0)
            sift_up(best, best->n - 1);
    }
    return ERR_NONE;
}

void best_sort(struct best *best)
{
    if (best->n > 0)
        qsort(best->lines, best->n, sizeof *best->lines, compare);
}

void best_fini(struct best *best)
{
    for (size_t i = 0; i < best->n; i++)
        free(best->lines[i].text);
    free(best->lines);
    *best = (struct best){.limit = best->limit};
}
