/*
 * Promises of store/keyfile.h: one key for a directory's life, safe on disk before it is used; refused when others can
 * read it or when it is damaged.
 */
#include "unit.h"

#include "sim/sim_disk.h"
#include "store/keyfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err read_or_make(struct disk *disk, unsigned char ret[KEYFILE_BYTES], char *problem)
{
    bool is_found;
    enum err err = keyfile_read(disk, KEYFILE_NAME, ret, &is_found, problem);
    return err == ERR_NONE && !is_found ? keyfile_make(disk, ret, problem) : err;
}

static void test_made_once(void **state)
{
    (void)state;
    struct sim_disk *sim = sim_disk_new(1);
    char problem[STORE_PROBLEM_MAX];
    unsigned char first[KEYFILE_BYTES] = {0};
    unsigned char again[KEYFILE_BYTES] = {0};
    unsigned char zeros[KEYFILE_BYTES] = {0};
    bool is_found = true;
    assert_int_equal(keyfile_read(sim_disk_as_disk(sim), KEYFILE_NAME, again, &is_found, problem), ERR_NONE);
    assert_false(is_found);
    assert_int_equal(read_or_make(sim_disk_as_disk(sim), first, problem), ERR_NONE);
    assert_memory_not_equal(first, zeros, sizeof first);
    uint64_t seed = 1;
    sim_disk_cut(sim, &seed);
    assert_int_equal(read_or_make(sim_disk_as_disk(sim), again, problem), ERR_NONE);
    assert_memory_equal(first, again, sizeof first);
    sim_disk_free(&sim);
}

/* Of a power cut while it is made: none, or a whole one. */
static void test_cut_while_made(void **state)
{
    (void)state;
    char problem[STORE_PROBLEM_MAX];
    unsigned char key[KEYFILE_BYTES];
    for (uint64_t seed = 1; seed <= 50; seed++) {
        for (uint64_t n = 1; n <= 12; n++) {
            struct sim_disk *sim = sim_disk_new(seed);
            uint64_t cut_seed = seed * 100 + n;
            sim_disk_cut_at(sim, n);
            (void)!read_or_make(sim_disk_as_disk(sim), key, problem);
            sim_disk_cut(sim, &cut_seed);
            assert_int_equal(read_or_make(sim_disk_as_disk(sim), key, problem), ERR_NONE);
            sim_disk_free(&sim);
        }
    }
}

struct folder {
    char path[64];
    char file[80];
    struct disk *disk;
};

static void enter(struct folder *folder)
{
    strcpy(folder->path, "/tmp/cloakroom-key-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->file, sizeof folder->file, "%s/key", folder->path);
    assert_int_equal(disk_open(folder->path, false, &folder->disk), 0);
}

static void leave(struct folder *folder)
{
    assert_int_equal(unlink(folder->file), 0);
    disk_close(&folder->disk);
    assert_int_equal(rmdir(folder->path), 0);
}

static void test_for_nobody_else(void **state)
{
    (void)state;
    struct folder folder;
    char problem[STORE_PROBLEM_MAX];
    unsigned char key[KEYFILE_BYTES];
    struct stat stat_of;
    enter(&folder);
    assert_int_equal(read_or_make(folder.disk, key, problem), ERR_NONE);
    assert_int_equal(stat(folder.file, &stat_of), 0);
    assert_int_equal(stat_of.st_mode & 07777, 0600);
    static const mode_t bad[] = {0640, 0604, 0620, 0601};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(chmod(folder.file, bad[i]), 0);
        assert_int_equal(read_or_make(folder.disk, key, problem), ERR_USAGE);
        assert_non_null(strstr(problem, "chmod 600"));
    }
    assert_int_equal(chmod(folder.file, 0400), 0);
    assert_int_equal(read_or_make(folder.disk, key, problem), ERR_NONE);
    leave(&folder);
}

static void write_text(const char *file, const char *text)
{
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    assert_int_equal(chmod(file, 0600), 0);
}

static void test_damaged(void **state)
{
    (void)state;
    struct folder folder;
    char problem[STORE_PROBLEM_MAX];
    unsigned char key[KEYFILE_BYTES];
    char text[128];
    enter(&folder);
    memset(text, 'a', sizeof text);
    strcpy(text + 64, "\n");
    write_text(folder.file, text);
    assert_int_equal(read_or_make(folder.disk, key, problem), ERR_NONE);
    assert_int_equal(key[31], 0xaa);
    strcpy(text + 64, "a\n");
    write_text(folder.file, text);
    assert_int_equal(read_or_make(folder.disk, key, problem), ERR_USAGE);
    strcpy(text + 63, "\n");
    write_text(folder.file, text);
    assert_int_equal(read_or_make(folder.disk, key, problem), ERR_USAGE);
    strcpy(text + 63, "g\n");
    write_text(folder.file, text);
    assert_int_equal(read_or_make(folder.disk, key, problem), ERR_USAGE);
    write_text(folder.file, "");
    assert_int_equal(read_or_make(folder.disk, key, problem), ERR_USAGE);
    assert_non_null(strstr(problem, "damaged"));
    leave(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_once),
        cmocka_unit_test(test_cut_while_made),
        cmocka_unit_test(test_for_nobody_else),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
