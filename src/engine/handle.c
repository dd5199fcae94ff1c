/* A keyed hash and its first digits, see handle.h. */
#include "engine/handle.h"
#include "base/check.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

void handle_key_random(struct handle_key *ret)
{
    CHECK(getrandom(ret->bytes, sizeof ret->bytes, 0) == (ssize_t)sizeof ret->bytes);
}

/* The length of the first part goes ahead, so that no other two parts are hashed as the same bytes. */
void handle_hash(const struct handle_key *key, struct bytes application, struct bytes id,
                 unsigned char ret[HANDLE_HASH_BYTES])
{
    unsigned char message[1 + 2 * HANDLE_PART_MAX];
    unsigned len = 0;
    CHECK(application.len <= HANDLE_PART_MAX && id.len <= HANDLE_PART_MAX);
    message[0] = (unsigned char)application.len;
    if (application.len > 0)
        memcpy(message + 1, application.p, application.len);
    if (id.len > 0)
        memcpy(message + 1 + application.len, id.p, id.len);
    CHECK(HMAC(EVP_sha256(), key->bytes, sizeof key->bytes, message, 1 + application.len + id.len, ret,
               &len) != NULL);
    CHECK(len == HANDLE_HASH_BYTES);
}

void handle_put(const unsigned char hash[HANDLE_HASH_BYTES], char ret[HANDLE_DIGITS])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HANDLE_DIGITS / 2; i++) {
        ret[2 * i] = digits[hash[i] >> 4];
        ret[2 * i + 1] = digits[hash[i] & 15];
    }
}
