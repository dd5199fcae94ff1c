/*
 * A keyed hash and its first digits, see handle.h.
 *
 * OpenSSL's newer interface looks an algorithm up and allocates for each message, which is most of the time for one as
 * short as an id: 1 µs. So the older one is used, which OpenSSL 3 still has and calls deprecated: for what fits one block
 * its compression alone, 0.1 µs for both, else its hash.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "engine/handle.h"
#include "base/check.h"

#include <sys/random.h>

enum { BLOCK = 64, BLOCK_MESSAGE_MAX = BLOCK - 9, INNER_PAD = 0x36, OUTER_PAD = 0x5c };

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

/* What comes of one last block that holds all of the message, as FIPS 180-4 pads it; the key's pad stands before it. */
static void finish(const SHA256_CTX *begun, const unsigned char *message, size_t len,
                   unsigned char ret[HANDLE_HASH_BYTES])
{
    unsigned char block[BLOCK];
    SHA256_CTX context;
    memcpy(block, message, len);
    block[len] = 0x80;
    memset(block + len + 1, 0, BLOCK - len - 1);
    bytes_put_be64(block + BLOCK - sizeof(uint64_t), (uint64_t)(BLOCK + len) * 8);
    memcpy(context.h, begun->h, sizeof context.h);
    SHA256_Transform(&context, block);
    for (size_t i = 0; i < HANDLE_HASH_BYTES / 4; i++)
        bytes_put_be32(ret + 4 * i, context.h[i]);
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
    size_t len = 1 + application.len + id.len;
    if (len <= BLOCK_MESSAGE_MAX) {
        finish(&maker->inner, message, len, ret);
    } else {
        SHA256_CTX context = maker->inner;
        CHECK(SHA256_Update(&context, message, len) == 1);
        CHECK(SHA256_Final(ret, &context) == 1);
    }
    finish(&maker->outer, ret, HANDLE_HASH_BYTES, ret);
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
