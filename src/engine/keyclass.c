/* Sessions, locks and the rest, by name: see keyclass.h. */
#include "engine/keyclass.h"

static struct bytes behind(struct bytes b, size_t len)
{
    return (struct bytes){.p = b.p + len, .len = b.len - len};
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_mark(char c)
{
    return c == '.' || c == '_' || c == '-' || c == ':';
}

bool keyclass_is_application(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_letter_or_digit(name.p[i]) && !is_mark(name.p[i]))
            return false;
    }
    return name.len <= KEYCLASS_APPLICATION_MAX;
}

bool keyclass_may_be_id(struct bytes key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (!is_letter_or_digit(key.p[i]) && key.p[i] != '-' && key.p[i] != ',')
            return false;
    }
    return key.len > 0;
}

/* "shop.sess." is that of shop.sess. */
static struct bytes without_end(struct bytes prefix)
{
    while (prefix.len > 0 && is_mark(prefix.p[prefix.len - 1]))
        prefix.len--;
    return prefix;
}

bool keyclass_read(const char *word, struct keyclass_prefix *ret)
{
    struct bytes all = bytes_of(word);
    const char *equals = memchr(all.p, '=', all.len);
    struct keyclass_prefix read = {.prefix = all};
    if (equals != NULL) {
        read.prefix.len = (size_t)(equals - all.p);
        read.application = behind(all, read.prefix.len + 1);
    } else if (!bytes_equal(all, bytes_of(KEYCLASS_DEFAULT_PREFIX))) {
        read.application = without_end(all);
    }
    if (read.prefix.len == 0 || !keyclass_is_application(read.application))
        return false;
    *ret = read;
    return true;
}

enum keyclass keyclass_split(const struct keyclass_config *config, struct bytes key,
                             struct bytes *ret_application, struct bytes *ret_id)
{
    struct bytes lock = bytes_of("lock.");
    *ret_application = (struct bytes){0};
    *ret_id = key;
    for (size_t i = 0; i < config->nprefixes; i++) {
        const struct keyclass_prefix *prefix = &config->prefixes[i];
        if (!bytes_starts_with(key, prefix->prefix))
            continue;
        *ret_application = prefix->application;
        *ret_id = behind(key, prefix->prefix.len);
        if (!bytes_starts_with(*ret_id, lock))
            return KEYCLASS_SESSION;
        *ret_id = behind(*ret_id, lock.len);
        return KEYCLASS_LOCK;
    }
    return KEYCLASS_PLAIN;
}
