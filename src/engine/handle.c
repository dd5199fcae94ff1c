/*
 * A keyed hash and its first digits, see handle.h.
 *
 * OpenSSL's newer interface looks an algorithm up and allocates for each message, which is most of the time for one as
 * short as an id: 1 µs against 0.16. So the older one is used, which OpenSSL 3 still has and calls deprecated.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "engine/handle.h"
#include "base/check.h"

#include <sys/random.h>

enum { BLOCK = 64, INNER_PAD = 0x36, OUTER_PAD = 0x5c };

void handle_key_random(struct handle_key *ret)
{
    CHECK(getrandom(ret->bytes, sizeof ret->bytes, 0) == (ssize_t)sizeof ret->bytes);
}

static void begin(SHA256_CTX *context, const struct handle_key *key, unsigned pad)
{
    unsigned char block[BLOCK];
    for (size_t i = 0; i < BLOCK; i++)
        block[i] = (unsigned char)((i < sizeof key->bytes ? key->bytes[i] : 0U) ^ pad);
    CHECK(SHA256_Init(context) == 1 && SHA256_Update(context, block, sizeof block) == 1);
}

void handle_maker_init(struct handle_maker *maker, const struct handle_key *key)
{
    begin(&maker->inner, key, INNER_PAD);
    begin(&maker->outer, key, OUTER_PAD);
}

/* The length of the first part goes ahead, so that no other two parts are hashed as the same bytes. */
void handle_hash(const struct handle_maker *maker, struct bytes application, struct bytes id,
                 unsigned char ret[HANDLE_HASH_BYTES])
{
    unsigned char message[1 + 2 * HANDLE_PART_MAX];
    CHECK(application.len <= HANDLE_PART_MAX && id.len <= HANDLE_PART_MAX);
    message[0] = (unsigned char)application.len;
    if (application.len > 0)
        memcpy(message + 1, application.p, application.len);
    if (id.len > 0)
        memcpy(message + 1 + application.len, id.p, id.len);
    SHA256_CTX context = maker->inner;
    CHECK(SHA256_Update(&context, message, 1 + application.len + id.len) == 1);
    CHECK(SHA256_Final(ret, &context) == 1);
    context = maker->outer;
    CHECK(SHA256_Update(&context, ret, HANDLE_HASH_BYTES) == 1);
    CHECK(SHA256_Final(ret, &context) == 1);
}

void handle_session(const struct handle_maker *maker, struct bytes application, struct bytes id,
                    struct handle_session *ret)
{
    unsigned char hash[HANDLE_HASH_BYTES];
    CHECK(application.len <= HANDLE_SESSION_MAX - HANDLE_SESSION_HASH);
    handle_hash(maker, application, id, hash);
    memcpy(ret->bytes, hash, HANDLE_SESSION_HASH);
    if (application.len > 0)
        memcpy(ret->bytes + HANDLE_SESSION_HASH, application.p, application.len);
    ret->len = (uint8_t)(HANDLE_SESSION_HASH + application.len);
}

void handle_put(const void *bytes, char ret[HANDLE_DIGITS])
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    for (size_t i = 0; i < HANDLE_BYTES; i++) {
        ret[2 * i] = digits[from[i] >> 4];
        ret[2 * i + 1] = digits[from[i] & 15];
    }
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool handle_read(struct bytes digits, unsigned char ret[HANDLE_BYTES])
{
    if (digits.len != HANDLE_DIGITS)
        return false;
    for (size_t i = 0; i < HANDLE_BYTES; i++) {
        int high = digit_of(digits.p[2 * i]);
        int low = digit_of(digits.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}
