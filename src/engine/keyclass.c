/* Sessions, locks and the rest, by name: see keyclass.h. */
#include "engine/keyclass.h"

static struct bytes behind(struct bytes b, size_t len)
{
    return (struct bytes){.p = b.p + len, .len = b.len - len};
}

enum keyclass keyclass_split(const struct keyclass_config *config, struct bytes key, struct bytes *ret_id)
{
    struct bytes lock = bytes_of("lock.");
    *ret_id = key;
    for (size_t i = 0; i < config->nprefixes; i++) {
        struct bytes prefix = bytes_of(config->prefixes[i]);
        if (!bytes_starts_with(key, prefix))
            continue;
        *ret_id = behind(key, prefix.len);
        if (!bytes_starts_with(*ret_id, lock))
            return KEYCLASS_SESSION;
        *ret_id = behind(*ret_id, lock.len);
        return KEYCLASS_LOCK;
    }
    return KEYCLASS_PLAIN;
}
