/* Decimal numbers: what the protocols read and write, see num.h. */
#include "base/num.h"

bool num_parse_u64(struct bytes text, uint64_t *ret)
{
    while (text.len > 1 && text.p[0] == '0') {
        text.p++;
        text.len--;
    }
    if (text.len == 0 || text.len > NUM_MAX)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.p[i] - '0';
        if (digit > 9)
            return false;
        /* Nineteen digits always fit; only the twentieth can overflow. */
        if (i == NUM_MAX - 1 && (value > UINT64_MAX / 10 || value * 10 > UINT64_MAX - digit))
            return false;
        value = value * 10 + digit;
    }
    *ret = value;
    return true;
}

bool num_parse_u32(struct bytes text, uint32_t *ret)
{
    uint64_t value;
    if (!num_parse_u64(text, &value) || value > UINT32_MAX)
        return false;
    *ret = (uint32_t)value;
    return true;
}

bool num_parse_i64(struct bytes text, int64_t *ret)
{
    bool negative = text.len > 0 && text.p[0] == '-';
    if (negative || (text.len > 0 && text.p[0] == '+')) {
        text.p++;
        text.len--;
    }
    uint64_t value;
    if (!num_parse_u64(text, &value) || value > (uint64_t)INT64_MAX)
        return false;
    *ret = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

bool num_parse_size(struct bytes text, uint64_t *ret)
{
    unsigned shift = 0;
    if (text.len > 1) {
        switch (text.p[text.len - 1] | 0x20) {
        case 'k':
            shift = 10;
            break;
        case 'm':
            shift = 20;
            break;
        case 'g':
            shift = 30;
            break;
        default:
            break;
        }
        if (shift > 0)
            text.len--;
    }
    uint64_t value;
    if (!num_parse_u64(text, &value) || value > UINT64_MAX >> shift)
        return false;
    *ret = value << shift;
    return true;
}

size_t num_format_u64(uint64_t value, char *ret)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    char digits[NUM_MAX];
    size_t at = NUM_MAX;
    while (value >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value > 0 || at == NUM_MAX)
        digits[--at] = (char)('0' + value);
    memcpy(ret, digits + at, NUM_MAX - at);
    return NUM_MAX - at;
}
