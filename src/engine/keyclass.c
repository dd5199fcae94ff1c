/* Sessions, locks and the rest, by name: see keyclass.h. */
#include "engine/keyclass.h"

enum keyclass keyclass_of(const struct keyclass_config *config, struct bytes key)
{
    for (size_t i = 0; i < config->nprefixes; i++) {
        struct bytes prefix = bytes_of(config->prefixes[i]);
        if (!bytes_starts_with(key, prefix))
            continue;
        struct bytes rest = {.p = key.p + prefix.len, .len = key.len - prefix.len};
        return bytes_starts_with(rest, bytes_of("lock.")) ? KEYCLASS_LOCK : KEYCLASS_SESSION;
    }
    return KEYCLASS_PLAIN;
}
