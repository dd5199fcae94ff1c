/* Names by their distance, see nearest.h. */
#include "cli/nearest.h"

#include <string.h>

static size_t min_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance: how many letters to insert, drop or change to make `b` of `a`. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NEAREST_NAME_MAX];
    size_t b_len = strlen(b);
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = min_of(changed, min_of(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_len];
}

void nearest_init(struct nearest *nearest, const char *written)
{
    size_t len = strlen(written);
    *nearest = (struct nearest){.written = written};
    if (len > 0 && len < NEAREST_NAME_MAX)
        nearest->best = 2 + len / 4; /* further away is no slip of the finger */
}

void nearest_offer(struct nearest *nearest, const char *known)
{
    size_t len = strlen(nearest->written);
    if (nearest->best == 0 || strlen(known) >= NEAREST_NAME_MAX)
        return;
    size_t far =
        len >= 2 && strncmp(known, nearest->written, len) == 0 ? 1 : distance(nearest->written, known);
    if (far < nearest->best) {
        nearest->best = far;
        nearest->name = known;
    }
}
