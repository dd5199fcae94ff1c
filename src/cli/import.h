/*
 * import: sessions of another store, one after the other, into a cloakroomd.
 *
 *      import_files, import_memcached, import_redis  ->  import_put()  ->  add memc.sess.key.ID ...
 *
 * Promise: a session is stored as it is, byte for byte (uncompressed where php-memcache has compressed it), with the life that it has left, under the key by which Debian's
 * handlers and the extension find it. One that is there already stays, unless --overwrite: so an import may be broken off and
 * run again, and one beside a site that has gone on is no harm. What is no session (locks, empty records, other keys) is left out.
 * No id is shown: a failure is told by its reason and how often it was met.
 * Ownership: the struct is command_import.c's; the sources borrow it.
 * Failure: of one session: counted, and the next one is taken. Of a server: complained about, and the outcome.
 */
#ifndef CLOAKROOM_CLI_IMPORT_H
#define CLOAKROOM_CLI_IMPORT_H

#include "cli/command.h"
#include "cli/progress.h"

enum { IMPORT_VALUE_MAX = 64 << 20, IMPORT_ID_MAX = 230, IMPORT_REASONS_MAX = 16, IMPORT_REASON_MAX = 128 };

/* A life without end. */
#define IMPORT_FOR_EVER INT64_MAX

struct import {
    const struct call *call;
    struct client target;
    struct progress progress;

    uint64_t read;
    uint64_t stored; /* in a dry run: would be */
    uint64_t skipped;
    uint64_t expired;
    uint64_t empty;
    uint64_t failed;
    struct import_reason {
        char text[IMPORT_REASON_MAX];
        uint64_t n;
    } reasons[IMPORT_REASONS_MAX];
    size_t nreasons;
};

/* One session that was read; `left_s` is what its life has left, 0 or less: it is over. The target's failure is the outcome. */
enum outcome import_put(struct import *import, struct bytes id, struct bytes value, uint32_t flags,
                        int64_t left_s);

/* One that could not be read. */
void import_fail(struct import *import, const char *reason);

/* Is it an id that PHP makes: letters, digits, `-` and `,`, not too long? */
bool import_is_id(struct bytes id);

/* What follows `prefix` in a key, if it is an id; false: the key is something else. */
bool import_cut_id(struct bytes key, const char *prefix, struct bytes *ret_id);

/* Is it cloakroomd that has this version? */
bool import_is_cloakroomd(struct bytes version);

/* The sources. */
enum outcome import_files(struct import *import, const char *directory);
enum outcome import_memcached(struct import *import, const char *address);
enum outcome import_redis(struct import *import, const char *address);

#endif
