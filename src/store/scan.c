/* Good records among what a crash left, see scan.h. */
#include "store/scan.h"
#include "base/hash.h"

/* Its size, or 0 when no good record begins at `at`. Every length is checked before it is used. */
static size_t good_size(const struct scan *scan, size_t at)
{
    if (scan->len - at < scan->head)
        return 0;
    const struct record *record = (const struct record *)(const void *)(scan->p + at);
    const char *body = scan->p + at + scan->head;
    size_t left = scan->len - at - scan->head;
    if (record->value_len > RECORD_VALUE_MAX || record->key_len > RECORD_KEY_MAX)
        return 0;
    if ((record->kind & RECORD_HAS_ATTRIBUTES) != 0) {
        if (left < RECORD_ALIGN || record_attributes_len_in(record, body) > RECORD_ATTRIBUTES_MAX ||
            record_attributes_len_in(record, body) == 0)
            return 0;
    }
    size_t body_len = record_body_len_in(record, body);
    size_t size = record_pad(scan->head + body_len);
    if (size > scan->len - at || record_kind(record) == 0)
        return 0;
    uint64_t hash = hash_bytes((struct bytes){.p = body, .len = body_len}, scan->seed);
    return record_check_for(record, hash) == record->check ? size : 0;
}

static bool is_zero(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

enum scan_kind scan_next(struct scan *scan, size_t *ret_at, size_t *ret_len)
{
    size_t begin = scan->at;
    *ret_at = begin;
    for (size_t at = begin; at < scan->len; at += RECORD_ALIGN) {
        size_t size = good_size(scan, at);
        if (size == 0)
            continue;
        *ret_len = at == begin ? size : at - begin;
        scan->at = at == begin ? at + size : at;
        return at == begin ? SCAN_RECORD : SCAN_DAMAGED;
    }
    *ret_len = is_zero(scan->p + begin, scan->len - begin) ? 0 : scan->len - begin;
    return SCAN_END;
}
