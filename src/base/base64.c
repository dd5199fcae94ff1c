/* RFC 4648, see base64.h. */
#include "base/base64.h"

enum { NO_DIGIT = 64 };

static uint32_t digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : NO_DIGIT;
}

static size_t padding_of(struct bytes text)
{
    if (text.p[text.len - 1] != '=')
        return 0;
    return text.p[text.len - 2] == '=' ? 2 : 1;
}

/* Four digits, the last `padding` of which stand for nothing. Returns how many bytes they make; 0: no base64. */
static size_t decode_group(const char *digits, size_t padding, char *ret)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t digit = i < 4 - padding ? digit_of(digits[i]) : 0;
        if (digit == NO_DIGIT)
            return 0;
        bits = bits << 6 | digit;
    }
    if ((bits & ((1U << 8 * padding) - 1)) != 0)
        return 0;
    for (size_t i = 0; i < 3 - padding; i++)
        ret[i] = (char)(bits >> (16 - 8 * i));
    return 3 - padding;
}

bool base64_decode(struct bytes text, char *ret, size_t *ret_len)
{
    if (text.len == 0 || text.len % 4 != 0)
        return false;
    size_t len = 0;
    for (size_t at = 0; at < text.len; at += 4) {
        size_t n = decode_group(text.p + at, at + 4 == text.len ? padding_of(text) : 0, ret + len);
        if (n == 0)
            return false;
        len += n;
    }
    *ret_len = len;
    return true;
}
