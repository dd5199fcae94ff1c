/* XXH3 behind one name, see hash.h; header-only inclusion lets short keys be hashed without a call. */
#include "base/hash.h"
#include "base/check.h"

#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_bytes(struct bytes b, uint64_t seed)
{
    return XXH3_64bits_withSeed(b.p, b.len, seed);
}

uint64_t hash_random_seed(void)
{
    uint64_t seed;
    CHECK(getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed);
    return seed;
}
