/*
 * attributes: what few records have beyond the rest, between their head and their key. Pure: bytes in, bytes out.
 *
 *      | u16: length of all, itself too | type | length | bytes … | type | length | bytes … |
 *
 *      type    1  cas: 8 bytes, little-endian: what a client has set in place of the version
 *              2  creation, 4 bytes; 3 absolute end, 4 bytes; both in store seconds
 *              4  revision of the writer, 8 bytes; 5 a tag, its text; 6 marks, 1 byte
 *              Who writes them knows what they mean: the engine.
 *
 * A type that is not known here says nothing; it is carried along wherever a record is copied whole. Of two of one
 * type, which only tags may be, attributes_find() gives the first.
 *
 * Ownership: what is found lies in the bytes that were searched.
 * Limits: 255 bytes for each, RECORD_ATTRIBUTES_MAX for all.
 * Failure: bytes that make no sense hold nothing; nothing is read beyond them.
 */
#ifndef CLOAKROOM_STORE_ATTRIBUTES_H
#define CLOAKROOM_STORE_ATTRIBUTES_H

#include "base/bytes.h"

enum attribute_type {
    ATTRIBUTE_CAS = 1,
    ATTRIBUTE_CREATION = 2,
    ATTRIBUTE_END = 3,
    ATTRIBUTE_REVISION = 4,
    ATTRIBUTE_TAG = 5,
    ATTRIBUTE_MARKS = 6,
};

struct attribute {
    enum attribute_type type;
    struct bytes value;
};

/* How many bytes `n` of them take, without padding; 0 for none. */
size_t attributes_len(const struct attribute *attributes, size_t n);
/* Writes them, attributes_len() bytes. */
void attributes_write(char *to, const struct attribute *attributes, size_t n);
/* The value of the first of a type in what attributes_write() wrote; false: there is none. */
bool attributes_find(struct bytes all, enum attribute_type type, struct bytes *ret);
/* The next of them; *at is 0 to begin. False: that was all. */
bool attributes_next(struct bytes all, size_t *at, struct attribute *ret);

#endif
