/*
 * fuzz_scan: any bytes as a segment, scanned to their end. All that is returned lies inside, each step goes on from
 * where the last one ended, and a record's key and value lie in the record. A first byte with bit 0 set has the checks
 * of the input's records made good, as far as they can be found, so that what lies behind a check is reached, too.
 */
#include "base/check.h"
#include "store/scan.h"
#include "store/segment.h"

#include <stdlib.h>

enum { SEED = 42, LEN_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Takes each 8 bytes that may be a head for one, without a look at what good_size() looks at. */
static void mend_checks(char *p, size_t len)
{
    size_t at = SEGMENT_HEAD;
    while (at < len && len - at >= RECORD_HEAD + RECORD_ALIGN) {
        struct record *record = (struct record *)(void *)(p + at);
        record->value_len %= 4096;
        size_t size = record_size(record);
        if (size > len - at) {
            at += RECORD_ALIGN;
            continue;
        }
        record->check = record_check(record, SEED);
        at += size;
    }
}

static void look_into(const char *p, size_t at, size_t len)
{
    const struct record *record = (const struct record *)(const void *)(p + at);
    struct bytes key = record_key(record);
    struct bytes value = record_value(record);
    CHECK(len == record_size(record) && len >= RECORD_HEAD && len % RECORD_ALIGN == 0);
    CHECK(record->check == record_check(record, SEED) && record_kind(record) != 0);
    CHECK(key.p >= record->bytes && key.p + key.len == value.p && value.p + value.len <= p + at + len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1 + SEGMENT_HEAD || len > LEN_MAX)
        return 0;
    bool is_mended = (data[0] & 1) != 0;
    len--;
    char *p = malloc(len); /* 16-aligned, and its exact length, for the sanitizer */
    CHECK(p != NULL);
    memcpy(p, data + 1, len);
    if (is_mended)
        mend_checks(p, len);
    struct scan scan = {.p = p, .len = len, .at = SEGMENT_HEAD, .head = RECORD_HEAD, .seed = SEED};
    size_t expected = SEGMENT_HEAD;
    enum scan_kind last = SCAN_END;
    size_t at;
    size_t n;
    enum scan_kind kind;
    while ((kind = scan_next(&scan, &at, &n)) != SCAN_END) {
        CHECK(at == expected && n > 0 && n <= len - at && scan.at == at + n);
        CHECK(kind != SCAN_DAMAGED || last != SCAN_DAMAGED || expected == SEGMENT_HEAD);
        if (kind == SCAN_RECORD)
            look_into(p, at, n);
        expected += n;
        last = kind;
    }
    CHECK(at == expected && last != SCAN_DAMAGED && (n == 0 || n == len - at));
    free(p);
    return 0;
}
