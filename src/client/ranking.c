/* Scores and their order, see ranking.h. */
#include "client/ranking.h"
#include "base/hash.h"

#include <math.h>

uint64_t ranking_seed(struct bytes name)
{
    return hash_bytes(name, 0);
}

/* The upper 52 bits of the hash, each in the middle of its step, so that neither 0 nor 1 comes out. */
static double score_of(const struct ranked *server, struct bytes id)
{
    double u = ((double)(hash_bytes(id, server->seed) >> 12) + 0.5) * 0x1p-52;
    return (double)server->weight / -log(u);
}

size_t ranking_first(const struct ranked *all, size_t n, struct bytes id, size_t *ret, size_t most)
{
    size_t found = 0;
    for (size_t i = 0; i < n && most > 0; i++) {
        double score = score_of(&all[i], id);
        size_t at = found;
        while (at > 0 && score_of(&all[ret[at - 1]], id) < score)
            at--;
        if (at == most)
            continue;
        found = found < most ? found + 1 : most;
        memmove(&ret[at + 1], &ret[at], (found - at - 1) * sizeof *ret);
        ret[at] = i;
    }
    return found;
}
