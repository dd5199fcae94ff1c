/* Places in lists as text, see cursor.h. */
#include "engine/cursor.h"
#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>

enum { CURSOR_NUMBERS = 5 };

static bool has_place(const struct engine_filter *filter)
{
    return filter->is_held || !filter->has_tag;
}

/* Numbers with points between them, as cursor_put() writes them. */
static bool read_numbers(struct bytes text, uint64_t ret[CURSOR_NUMBERS], size_t *ret_n)
{
    size_t n = 0;
    while (n < CURSOR_NUMBERS) {
        const char *point = text.len > 0 ? memchr(text.p, '.', text.len) : NULL;
        struct bytes word = {text.p, point != NULL ? (size_t)(point - text.p) : text.len};
        if (!num_parse_u64(word, &ret[n++]))
            return false;
        if (point == NULL) {
            *ret_n = n;
            return true;
        }
        text = (struct bytes){point + 1, text.len - word.len - 1};
    }
    return false;
}

bool cursor_read(struct bytes text, const struct engine_filter *filter, struct engine_cursor *ret)
{
    uint64_t numbers[CURSOR_NUMBERS];
    size_t n = 0;
    *ret = (struct engine_cursor){0};
    if (text.len == 0)
        return true;
    size_t nplace = has_place(filter) ? CURSOR_NUMBERS - 1 : 0;
    if (!read_numbers(text, numbers, &n) || n < nplace || n > nplace + 1 || n == 0)
        return false;
    ret->has_handle = n > nplace;
    if (ret->has_handle)
        ret->handle = numbers[nplace];
    if (!has_place(filter))
        return true;
    if (numbers[0] > UINT32_MAX || numbers[1] > 32 || numbers[2] > UINT32_MAX)
        return false;
    ret->at = (struct store_cursor){.shard = (uint32_t)numbers[0],
                                    .depth = (uint32_t)numbers[1],
                                    .bucket = (uint32_t)numbers[2],
                                    .tag = numbers[3]};
    return true;
}

size_t cursor_put(const struct engine_cursor *cursor, const struct engine_filter *filter,
                  char ret[CURSOR_TEXT_MAX])
{
    if (!has_place(filter))
        return (size_t)snprintf(ret, CURSOR_TEXT_MAX, "%" PRIu64, cursor->handle);
    int len = snprintf(ret, CURSOR_TEXT_MAX, "%u.%u.%u.%" PRIu64, cursor->at.shard, cursor->at.depth,
                       cursor->at.bucket, cursor->at.tag);
    if (cursor->has_handle)
        len += snprintf(ret + len, (size_t)(CURSOR_TEXT_MAX - len), ".%" PRIu64, cursor->handle);
    return (size_t)len;
}
