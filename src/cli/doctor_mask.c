/* No password leaves doctor: what may be one becomes ***, see doctor_view.h. */
#include "cli/doctor_view.h"

#include <ctype.h>
#include <strings.h>

struct out {
    char *to;
    size_t size;
    size_t len;
};

static void put(struct out *out, const char *p, size_t len)
{
    for (size_t i = 0; i < len && out->len + 1 < out->size; i++)
        out->to[out->len++] = p[i];
    out->to[out->len] = '\0';
}

static bool is_secret_name(const char *name)
{
    return strcasestr(name, "password") != NULL || strcasestr(name, "auth") != NULL;
}

/* user:password@ behind a scheme's ://, its length; 0: there is none. */
static size_t login_len(const char *p)
{
    size_t len = strcspn(p, ", \t?;");
    while (len > 0 && p[len - 1] != '@')
        len--;
    return len;
}

/* auth=, auth[pass]=, password= in front of a value: the length up to and with the =; 0: none begins here. */
static size_t key_len(const char *from, const char *p)
{
    bool begins = p == from || !isalnum((unsigned char)p[-1]);
    if (!begins || (strncasecmp(p, "auth", 4) != 0 && strncasecmp(p, "pass", 4) != 0))
        return 0;
    size_t len = strcspn(p, "=&?, \t;/");
    return p[len] == '=' ? len + 1 : 0;
}

void doctor_view_mask(const char *name, const char *value, char *to, size_t size)
{
    struct out out = {.to = to, .size = size};
    to[0] = '\0';
    if (is_secret_name(name) && value[0] != '\0') {
        put(&out, "***", 3);
        return;
    }
    for (const char *p = value; *p != '\0';) {
        size_t key = key_len(value, p);
        size_t login = strncmp(p, "://", 3) == 0 ? login_len(p + 3) : 0;
        if (key > 0) {
            put(&out, p, key);
            put(&out, "***", 3);
            p += key + strcspn(p + key, "&, \t;\"'");
        } else if (login > 0) {
            put(&out, "://***@", 7);
            p += 3 + login;
        } else {
            put(&out, p++, 1);
        }
    }
}
