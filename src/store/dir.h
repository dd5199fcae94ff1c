/*
 * dir: a data directory: whose it is, how it is laid out, and the time that passes between two starts.
 *
 *      store   64 bytes, written once for each format: magic, format version, shards, segment size, seed
 *      clock   two places of 4 KiB written in turn: store second, wall and boot time, boot id, reserved versions
 *      lock    held while a server has the directory
 *      key     see keyfile.h
 *      NN-SSSSSSSS.2.seg a segment: its shard in decimal, its serial in hex, the format; of format 1: NN-SSSSSSSS.seg
 *
 * Store seconds count on across restarts and never go back (S8): within one boot by the boot-time clock, across
 * boots by the wall clock. What expires is written in them.
 *
 * Versions are reserved in blocks on disk before they are given, so that none is given twice even when the last
 * records are lost in a power cut.
 *
 * Ownership: the disk is the caller's.
 * Threads: one at a time.
 * Failure: ERR_USAGE with the line to show in `problem`, or ERR_SYSTEM with the same.
 */
#ifndef CLOAKROOM_STORE_DIR_H
#define CLOAKROOM_STORE_DIR_H

#include "io/disk.h"
#include "store/store.h"

enum { DIR_FORMAT = 2, DIR_NAME_MAX = 32 };

#define DIR_MAGIC "CLOAKRM\n"

struct dir {
    struct disk *disk;
    const struct clock *clock;
    const char *boot_id;
    uint64_t seed;
    uint32_t format; /* as it was found, until dir_set_format() */
    uint32_t nshards;
    uint32_t segment_bytes;
    bool is_new;
    int clock_file;
    uint64_t turn;     /* of the clock: which place is next */
    int64_t offset_s;  /* store seconds minus the caller's steady ones */
    uint64_t reserved; /* versions below may be given (without the shard's bits) */
};

/* Opens the directory, or makes it with this layout when it is empty. */
enum err dir_open(struct dir *dir, const struct store_config *config, uint32_t nshards,
                  uint32_t segment_bytes, char *problem) ERR_MUST_CHECK;
void dir_close(struct dir *dir);

/* Reads the layout alone, for a look at the directory without a server. */
enum err dir_read_layout(struct dir *dir, struct disk *disk, char *problem) ERR_MUST_CHECK;

/* Makes it one of this format, durably. 0, or a negative errno: then it may be one or the other. */
int dir_set_format(struct dir *dir);

/* Notes what time it is, and that versions up to `version` plus a block may be given. 0, or a negative errno. */
int dir_write_clock(struct dir *dir, uint64_t version, bool sync);

/* Is there less than half a block left above `version`? Then the clock is due, synced. */
bool dir_is_short_of_versions(const struct dir *dir, uint64_t version);

/* The name of a segment's file, and back; false: it is none. */
void dir_segment_name(uint32_t shard, uint64_t serial, char name[DIR_NAME_MAX]);
bool dir_parse_segment_name(const char *name, uint32_t *ret_shard, uint64_t *ret_serial);
/* The same of format 1. */
void dir_old_segment_name(uint32_t shard, uint64_t serial, char name[DIR_NAME_MAX]);
bool dir_parse_old_segment_name(const char *name, uint32_t *ret_shard, uint64_t *ret_serial);

#endif
