/* The check of a record, and its cas; see record.h. */
#include "store/record.h"
#include "base/hash.h"
#include "store/attributes.h"

uint64_t record_cas_set(const struct record *record)
{
    struct bytes found;
    uint64_t cas = record_version(record);
    if (attributes_find(record_attributes(record), ATTRIBUTE_CAS, &found) && found.len == sizeof cas)
        memcpy(&cas, found.p, sizeof cas);
    return cas;
}

uint64_t record_body_hash(const struct record *record, uint64_t seed)
{
    return hash_bytes((struct bytes){.p = record->bytes, .len = record_body_len(record)}, seed);
}

uint32_t record_check_for(const struct record *record, uint64_t body_hash)
{
    const char *head = (const char *)record + sizeof record->check;
    size_t len = offsetof(struct record, state) - sizeof record->check;
    return (uint32_t)hash_bytes((struct bytes){.p = head, .len = len}, body_hash);
}
