/*
 * Promise of scan.h (S4): a record whose check fails is never returned, and what is lost is exactly what was harmed:
 * each byte of a segment is changed, and the segment is torn at each length.
 */
#include "unit.h"

#include "store/scan.h"
#include "store/segment.h"

#include <stdlib.h>

enum { NRECORDS = 5, ROOM = 4096, SEED = 42 };

struct image {
    _Alignas(8) char bytes[ROOM];
    size_t begins[NRECORDS + 1]; /* the last is the end */
};

static size_t add_record(char *to, enum record_kind kind, struct bytes key, struct bytes value,
                         uint64_t version)
{
    struct record *record = (struct record *)(void *)to;
    memset(record, 0, RECORD_HEAD);
    record->kind = (uint8_t)kind;
    record->key_len = (uint8_t)key.len;
    record->value_len = (uint32_t)value.len;
    record->expiry_s = 1000;
    record_set_version(record, version);
    memcpy(record->bytes, key.p, key.len);
    memcpy(record->bytes + key.len, value.p, value.len);
    record->check = record_check(record, SEED);
    return record_size(record);
}

static void fill(struct image *image)
{
    static const char *const values[NRECORDS] = {"", "four", "a value of some length, which is padded",
                                                 "12345678", "the last"};
    memset(image, 0, sizeof *image);
    size_t at = SEGMENT_HEAD;
    for (unsigned i = 0; i < NRECORDS; i++) {
        char key[] = "key-0";
        key[4] = (char)('0' + i);
        image->begins[i] = at;
        at += add_record(image->bytes + at, RECORD_ITEM, bytes_of(key), bytes_of(values[i]), i + 1);
    }
    image->begins[NRECORDS] = at;
}

/* What a scan has to say, in short. */
struct found {
    unsigned records; /* a bit for each that was returned */
    unsigned ndamaged;
    size_t damaged_at;
    size_t damaged_len;
    size_t end;
    size_t torn_len;
};

/* `p` is a heap copy of its exact length, so that the sanitizer sees a step beyond it. */
static struct found scan_all(const struct image *image, size_t len)
{
    struct found found = {0};
    char *copy = malloc(len);
    assert_non_null(copy);
    memcpy(copy, image->bytes, len);
    struct scan scan = {.p = copy, .len = len, .at = SEGMENT_HEAD, .head = RECORD_HEAD, .seed = SEED};
    size_t at;
    size_t n;
    enum scan_kind kind;
    while ((kind = scan_next(&scan, &at, &n)) != SCAN_END) {
        assert_true(n > 0 && at + n <= len && scan.at == at + n);
        if (kind == SCAN_DAMAGED) {
            found.ndamaged++;
            found.damaged_at = at;
            found.damaged_len = n;
            continue;
        }
        const struct record *record = (const struct record *)(const void *)(copy + at);
        uint64_t i = record_version(record) - 1;
        assert_true(i < NRECORDS && at == image->begins[i] && n == image->begins[i + 1] - at);
        assert_memory_equal(record->bytes, image->bytes + at + RECORD_HEAD, record_body_len(record));
        found.records |= 1U << i;
    }
    found.end = at;
    found.torn_len = n;
    free(copy);
    return found;
}

static void all_are_found(void **state)
{
    (void)state;
    struct image image;
    fill(&image);
    for (size_t beyond = 0; beyond < 64; beyond++) {
        struct found found = scan_all(&image, image.begins[NRECORDS] + beyond);
        assert_int_equal(found.records, (1U << NRECORDS) - 1);
        assert_int_equal(found.ndamaged, 0);
        assert_int_equal(found.end, image.begins[NRECORDS]);
        assert_int_equal(found.torn_len, 0);
    }
}

/* Memory's own bytes, `state` and `seen_s`, and those that only pad. */
static bool means_nothing(const struct image *image, unsigned i, size_t offset)
{
    const struct record *record = (const struct record *)(const void *)(image->bytes + image->begins[i]);
    size_t in_record = offset - image->begins[i];
    bool is_state = in_record >= offsetof(struct record, state) && in_record < RECORD_HEAD;
    return is_state || in_record >= RECORD_HEAD + record_body_len(record);
}

static void change(struct image *image, unsigned i, size_t offset, unsigned char by)
{
    bool is_nothing = means_nothing(image, i, offset);
    struct image good = *image;
    image->bytes[offset] = (char)(image->bytes[offset] ^ by);
    struct found found = scan_all(image, image->begins[NRECORDS]);
    *image = good;
    unsigned all = (1U << NRECORDS) - 1;
    assert_int_equal(found.records, is_nothing ? all : all & ~(1U << i));
    bool is_last = i == NRECORDS - 1;
    size_t len = image->begins[i + 1] - image->begins[i];
    assert_int_equal(found.ndamaged, is_nothing || is_last ? 0 : 1);
    if (found.ndamaged == 1) {
        assert_int_equal(found.damaged_at, image->begins[i]);
        assert_int_equal(found.damaged_len, len);
    }
    assert_int_equal(found.end, image->begins[is_last && !is_nothing ? i : NRECORDS]);
    assert_int_equal(found.torn_len, is_last && !is_nothing ? len : 0);
}

static void each_changed_byte_is_seen(void **state)
{
    (void)state;
    struct image image;
    fill(&image);
    for (unsigned i = 0; i < NRECORDS; i++) {
        for (size_t offset = image.begins[i]; offset < image.begins[i + 1]; offset++) {
            for (unsigned bit = 0; bit < 8; bit++)
                change(&image, i, offset, (unsigned char)(1U << bit));
            change(&image, i, offset, 0xff);
        }
    }
}

static void torn_at_each_length(void **state)
{
    (void)state;
    struct image image;
    fill(&image);
    unsigned nwhole = 0;
    for (size_t len = SEGMENT_HEAD; len <= image.begins[NRECORDS]; len++) {
        while (nwhole < NRECORDS && image.begins[nwhole + 1] <= len)
            nwhole++;
        struct found found = scan_all(&image, len);
        assert_int_equal(found.records, (1U << nwhole) - 1);
        assert_int_equal(found.ndamaged, 0);
        assert_int_equal(found.end, image.begins[nwhole]);
        assert_int_equal(found.torn_len, len - image.begins[nwhole]);
    }
}

/* Two that lie side by side are one run; and one with zeros in place of its bytes is damage, too. */
static void a_blank_in_the_middle_is_damage(void **state)
{
    (void)state;
    struct image image;
    fill(&image);
    size_t len = image.begins[3] - image.begins[1];
    memset(image.bytes + image.begins[1], 0, len);
    struct found found = scan_all(&image, image.begins[NRECORDS]);
    assert_int_equal(found.records, 0x19);
    assert_int_equal(found.ndamaged, 1);
    assert_int_equal(found.damaged_at, image.begins[1]);
    assert_int_equal(found.damaged_len, len);
}

/* A damaged record whose value looks like a record to who does not know the seed. */
static void a_value_cannot_pose(void **state)
{
    (void)state;
    struct image image;
    fill(&image);
    _Alignas(8) char inner[64] = {0};
    size_t inner_len = add_record(inner, RECORD_ITEM, bytes_of("k"), bytes_of("posing"), 1);
    struct record *posing = (struct record *)(void *)inner;
    posing->check = record_check(posing, SEED + 1);
    size_t at = image.begins[NRECORDS];
    struct bytes value = {.p = inner, .len = inner_len};
    /* a key of 4 bytes: the value begins where a record may */
    size_t n = add_record(image.bytes + at, RECORD_ITEM, bytes_of("fits"), value, 1);
    image.bytes[at] = (char)(image.bytes[at] ^ 1);
    struct found found = scan_all(&image, at + n);
    assert_int_equal(found.records, (1U << NRECORDS) - 1);
    assert_int_equal(found.end, at);
    assert_int_equal(found.torn_len, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_found),       cmocka_unit_test(each_changed_byte_is_seen),
        cmocka_unit_test(torn_at_each_length), cmocka_unit_test(a_blank_in_the_middle_is_damage),
        cmocka_unit_test(a_value_cannot_pose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
