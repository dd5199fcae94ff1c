/* Names by their distance, see nearest.h. */
#include "base/nearest.h"

enum { BEGINNING_MIN = 2 }; /* so much of a name is meant as its beginning */

static size_t min_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance: the letters to insert, drop or change to make `a` of `b`, or of what stands before a
 * dash of `b` and one more. */
static size_t distance(struct bytes a, const char *b)
{
    size_t row[NEAREST_NAME_MAX]; /* the distances of a's first i letters to b's first j */
    size_t b_len = strlen(b);
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t changed = diagonal + (a.p[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = min_of(changed, min_of(row[j], row[j - 1]) + 1);
        }
    }
    size_t least = row[b_len];
    for (size_t j = 0; j < b_len; j++) {
        if (b[j] == '-')
            least = min_of(least, row[j] + 1);
    }
    return least;
}

void nearest_init(struct nearest *nearest, struct bytes written)
{
    *nearest = (struct nearest){.written = written};
    if (written.len > 0 && written.len < NEAREST_NAME_MAX)
        nearest->best = 2 + written.len / 4; /* further away is no slip of the finger */
}

void nearest_offer(struct nearest *nearest, const char *known)
{
    struct bytes written = nearest->written;
    if (nearest->best == 0 || strlen(known) >= NEAREST_NAME_MAX)
        return;
    bool is_beginning = written.len >= BEGINNING_MIN && bytes_starts_with(bytes_of(known), written);
    size_t far = is_beginning ? 1 : distance(written, known);
    if (far < nearest->best) {
        nearest->best = far;
        nearest->name = known;
    }
}
