/* Packing and unpacking, see codec.h. */
#include "codec.h"

#include <zlib.h>

enum { RATIO_MAX = 1032, FIRST_RATIO = 8, ROOM_MIN = 64 };

zend_string *codec_pack(zend_string *value, zend_long least, uint32_t *ret_flags)
{
    *ret_flags = 0;
    uLong len = (uLong)ZSTR_LEN(value);
    if (least <= 0 || ZSTR_LEN(value) < (size_t)least || len == 0)
        return zend_string_copy(value);
    uLongf packed_len = compressBound(len);
    zend_string *packed = zend_string_alloc(packed_len, 0);
    int code = compress((Bytef *)ZSTR_VAL(packed), &packed_len, (const Bytef *)ZSTR_VAL(value), len);
    if (code != Z_OK || packed_len > len - len / 5) {
        zend_string_efree(packed);
        return zend_string_copy(value);
    }
    packed = zend_string_truncate(packed, packed_len, 0);
    ZSTR_VAL(packed)[packed_len] = '\0';
    *ret_flags = CODEC_ZLIB;
    return packed;
}

/* To `room` bytes; NULL and Z_BUF_ERROR: that is not enough. */
static zend_string *unpack_to(zend_string *packed, size_t room, int *ret_code)
{
    uLongf len = room;
    zend_string *value = zend_string_alloc(room, 0);
    *ret_code =
        uncompress((Bytef *)ZSTR_VAL(value), &len, (const Bytef *)ZSTR_VAL(packed), (uLong)ZSTR_LEN(packed));
    if (*ret_code != Z_OK) {
        zend_string_efree(value);
        return NULL;
    }
    value = zend_string_truncate(value, len, 0);
    ZSTR_VAL(value)[len] = '\0';
    return value;
}

zend_string *codec_unpack(zend_string *packed, uint64_t flags)
{
    if ((flags & CODEC_ZLIB) == 0)
        return zend_string_copy(packed);
    size_t most = ZSTR_LEN(packed) * RATIO_MAX + ROOM_MIN;
    for (size_t room = ZSTR_LEN(packed) * FIRST_RATIO + ROOM_MIN;; room *= FIRST_RATIO) {
        int code;
        zend_string *value = unpack_to(packed, room < most ? room : most, &code);
        if (value != NULL || code != Z_BUF_ERROR || room >= most)
            return value;
    }
}
