/* Writing and finding attributes, see attributes.h. */
#include "store/attributes.h"
#include "base/check.h"

enum { LENGTH = sizeof(uint16_t), TAG = 2, VALUE_MAX = 255 };

size_t attributes_len(const struct attribute *attributes, size_t n)
{
    size_t len = n == 0 ? 0 : LENGTH;
    for (size_t i = 0; i < n; i++)
        len += TAG + attributes[i].value.len;
    return len;
}

void attributes_write(char *to, const struct attribute *attributes, size_t n)
{
    uint16_t len = (uint16_t)attributes_len(attributes, n);
    if (n == 0)
        return;
    memcpy(to, &len, sizeof len);
    to += LENGTH;
    for (size_t i = 0; i < n; i++) {
        struct bytes value = attributes[i].value;
        CHECK(value.len <= VALUE_MAX);
        *to++ = (char)attributes[i].type;
        *to++ = (char)value.len;
        memcpy(to, value.p, value.len);
        to += value.len;
    }
}

bool attributes_next(struct bytes all, size_t *at, struct attribute *ret)
{
    uint16_t len;
    if (all.len < LENGTH)
        return false;
    memcpy(&len, all.p, sizeof len);
    size_t end = len < all.len ? len : all.len;
    size_t from = *at == 0 ? LENGTH : *at;
    if (from + TAG > end)
        return false;
    size_t value_len = (unsigned char)all.p[from + 1];
    if (value_len > end - from - TAG)
        return false;
    ret->type = (enum attribute_type)(unsigned char)all.p[from];
    ret->value = (struct bytes){.p = all.p + from + TAG, .len = value_len};
    *at = from + TAG + value_len;
    return true;
}

bool attributes_find(struct bytes all, enum attribute_type type, struct bytes *ret)
{
    struct attribute attribute;
    for (size_t at = 0; attributes_next(all, &at, &attribute);) {
        if (attribute.type == type) {
            *ret = attribute.value;
            return true;
        }
    }
    return false;
}
