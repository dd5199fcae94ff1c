/* What the request is for, see page.h. */
#include "page.h"
#include "php_cloakroom.h"

#include <SAPI.h>
#include <stdio.h>

/* Longer pieces of a path are not shown, as they may be secrets; a shorter one with a digit in it is a secret sooner. */
enum { PIECE_MAX = 20, PIECE_WITH_DIGIT_MAX = 12 };

static bool may_be_secret(const char *piece, size_t len)
{
    bool has_digit = strcspn(piece, "0123456789") < len;
    return len > (has_digit ? PIECE_WITH_DIGIT_MAX : PIECE_MAX);
}

static void tell_path(const char *path, char *to, size_t size)
{
    size_t used = 0;
    while (*path == '/' && used + 1 < size) {
        size_t len = strcspn(path + 1, "/?#;");
        bool hides = may_be_secret(path + 1, len);
        int n = snprintf(to + used, size - used, "/%.*s", hides ? 1 : (int)len, hides ? "*" : path + 1);
        used += (size_t)n < size - used ? (size_t)n : size - used - 1;
        path += 1 + len;
    }
}

static bool tell_request(char *to, size_t size)
{
    char *asked = sapi_getenv("REQUEST_URI", sizeof "REQUEST_URI" - 1); /* before any rewriting */
    const char *uri = asked != NULL ? asked : SG(request_info).request_uri;
    bool is_told = uri != NULL && *uri == '/'; /* with http:// before it there may be a password, too */
    if (is_told)
        tell_path(uri, to, size);
    if (asked != NULL)
        efree(asked);
    return is_told;
}

static void tell_script(char *to, size_t size)
{
    const char *script = SG(request_info).path_translated;
    const char *slash = script != NULL ? strrchr(script, '/') : NULL;
    snprintf(to, size, "%s", slash != NULL ? slash + 1 : (script != NULL ? script : sapi_module.name));
}

void page_tell(char *to, size_t size)
{
    if (!tell_request(to, size))
        tell_script(to, size);
}
