/* Keys and handles as text, see show.h. */
#include "server/show.h"

static bool is_plain(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static size_t put_escaped(struct bytes key, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;
    for (size_t i = 0; i < key.len; i++) {
        unsigned char c = (unsigned char)key.p[i];
        if (is_plain(c)) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '%';
        out[n++] = digits[c >> 4];
        out[n++] = digits[c & 15];
    }
    return n;
}

static size_t put_handle(struct bytes word, const void *handle, char *out)
{
    memcpy(out, word.p, word.len);
    handle_put(handle, out + word.len);
    return word.len + HANDLE_DIGITS;
}

/* 0: the key is no secret. */
static size_t put_secret(const struct server *server, struct bytes key, bool is_session, char *out)
{
    unsigned char handle[HANDLE_BYTES];
    switch (engine_kind(server_engine(server), key, is_session, handle)) {
    case ENGINE_SESSION:
        return put_handle(bytes_of("session:"), handle, out);
    case ENGINE_LOCK:
        return put_handle(bytes_of("lock:"), handle, out);
    case ENGINE_PLAIN:
        break;
    }
    return 0;
}

size_t show_hashed(struct bytes key, char *out)
{
    return put_handle(bytes_of("session:"), key.p, out);
}

size_t show_key(const struct server *server, struct bytes key, bool is_session, char *out)
{
    size_t n = put_secret(server, key, is_session, out);
    return n > 0 ? n : put_escaped(key, out);
}

static bool is_fit_for_text(struct bytes key)
{
    for (size_t i = 0; i < key.len; i++) {
        unsigned char c = (unsigned char)key.p[i];
        if (c <= ' ' || c == 0x7f)
            return false;
    }
    return true;
}

static size_t put_base64(struct bytes key, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;
    for (size_t i = 0; i < key.len; i += 3) {
        size_t have = key.len - i < 3 ? key.len - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < have ? (unsigned char)key.p[i + k] : 0U);
        for (size_t k = 0; k < 4; k++)
            out[n++] = k <= have ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
    return n;
}

size_t show_bare_key(const struct server *server, struct bytes key, bool is_session, char *out)
{
    size_t n = put_secret(server, key, is_session, out);
    if (n > 0)
        return n;
    if (!is_fit_for_text(key))
        return put_escaped(key, out);
    memcpy(out, key.p, key.len);
    return key.len;
}

size_t show_meta_key(const struct server *server, struct bytes key, bool is_session, char *out)
{
    size_t n = put_secret(server, key, is_session, out);
    if (n > 0)
        return n;
    if (is_fit_for_text(key)) {
        memcpy(out, key.p, key.len);
        return key.len;
    }
    n = put_base64(key, out);
    memcpy(out + n, " b", 2);
    return n + 2;
}
