/*
 * manifest: the file that makes a directory a backup: what belongs to it, how long each is, and its check. Written last.
 *
 *      cloakroom backup 1
 *      taken 1764065000                       seconds since 1970
 *      store 64 8d969eef6ecad3c2              name, length, hash of the bytes; of keys, which are secrets, no hash
 *      00-00000001.2.seg 131072 4f8b42c22dd3729b
 *      check 2cf24dba5fb0a30e                 hash of all before
 *
 * Promise: names that are read are those of a data directory, and of no other file.
 * Ownership: manifest_fini() frees it; zeroed it is empty.
 * Threads: one at a time.
 * Failure: false: no memory, or no manifest.
 */
#ifndef CLOAKROOM_STORE_MANIFEST_H
#define CLOAKROOM_STORE_MANIFEST_H

#include "base/bytes.h"
#include "store/dir.h"

#define MANIFEST_NAME "backup"

enum { MANIFEST_BYTES_MAX = 64 << 20 };

struct manifest_row {
    char name[DIR_NAME_MAX];
    uint64_t len;
    uint64_t hash;
};

struct manifest {
    int64_t taken_s;
    struct manifest_row *rows;
    size_t n;
    size_t cap;
};

/* `bytes` are those of the file. False: no memory. */
bool manifest_add(struct manifest *manifest, const char *name, struct bytes bytes);
/* Are these the bytes that were added? */
bool manifest_agrees(const struct manifest_row *row, struct bytes bytes);
bool manifest_is_secret(const char *name);

/* Its text, which the caller frees; NULL: no memory. */
char *manifest_print(const struct manifest *manifest, size_t *ret_len);
/* False: it is none, or not as it was written. */
bool manifest_parse(struct manifest *manifest, struct bytes text);
void manifest_fini(struct manifest *manifest);

#endif
