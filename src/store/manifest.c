/* What a backup consists of, see manifest.h. */
#include "store/manifest.h"
#include "base/hash.h"
#include "store/keyfile.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINE_MAX_BYTES = 128, CHECK_BYTES = 6 + 16 + 1 };

static const char first_line[] = "cloakroom backup 1\n";

bool manifest_is_secret(const char *name)
{
    return strcmp(name, KEYFILE_NAME) == 0 || strcmp(name, KEYFILE_FORMER) == 0;
}

static uint64_t hash_for(const char *name, struct bytes bytes)
{
    return manifest_is_secret(name) ? 0 : hash_bytes(bytes, 0);
}

static bool add_row(struct manifest *manifest, const struct manifest_row *row)
{
    if (manifest->n == manifest->cap) {
        size_t cap = manifest->cap == 0 ? 64 : manifest->cap * 2;
        struct manifest_row *rows = reallocarray(manifest->rows, cap, sizeof *rows);
        if (rows == NULL)
            return false;
        manifest->rows = rows;
        manifest->cap = cap;
    }
    manifest->rows[manifest->n++] = *row;
    return true;
}

bool manifest_add(struct manifest *manifest, const char *name, struct bytes bytes)
{
    struct manifest_row row = {.len = bytes.len, .hash = hash_for(name, bytes)};
    snprintf(row.name, sizeof row.name, "%s", name);
    return add_row(manifest, &row);
}

bool manifest_agrees(const struct manifest_row *row, struct bytes bytes)
{
    return row->len == bytes.len && row->hash == hash_for(row->name, bytes);
}

char *manifest_print(const struct manifest *manifest, size_t *ret_len)
{
    size_t size = (manifest->n + 3) * LINE_MAX_BYTES;
    char *text = malloc(size);
    if (text == NULL)
        return NULL;
    size_t len = (size_t)snprintf(text, size, "%staken %lld\n", first_line, (long long)manifest->taken_s);
    for (size_t i = 0; i < manifest->n; i++) {
        const struct manifest_row *row = &manifest->rows[i];
        len += (size_t)snprintf(text + len, size - len, "%s %llu %016llx\n", row->name,
                                (unsigned long long)row->len, (unsigned long long)row->hash);
    }
    uint64_t check = hash_bytes((struct bytes){.p = text, .len = len}, 0);
    len += (size_t)snprintf(text + len, size - len, "check %016llx\n", (unsigned long long)check);
    *ret_len = len;
    return text;
}

static bool is_known(const char *name)
{
    uint32_t shard;
    uint64_t serial;
    return strcmp(name, "store") == 0 || strcmp(name, "clock") == 0 || manifest_is_secret(name) ||
           dir_parse_segment_name(name, &shard, &serial);
}

static bool parse_row(struct manifest *manifest, const char *line)
{
    struct manifest_row row = {0};
    unsigned long long len;
    unsigned long long hash;
    char again[LINE_MAX_BYTES];
    _Static_assert(DIR_NAME_MAX == 32, "the format below reads 31 bytes");
    if (sscanf(line, "%31s %llu %16llx", row.name, &len, &hash) != 3 || !is_known(row.name))
        return false;
    snprintf(again, sizeof again, "%s %llu %016llx", row.name, len, hash);
    row.len = len;
    row.hash = hash;
    return strcmp(again, line) == 0 && add_row(manifest, &row);
}

static bool has_good_check(struct bytes text)
{
    char check[CHECK_BYTES + 1];
    if (text.len < CHECK_BYTES)
        return false;
    size_t len = text.len - CHECK_BYTES;
    snprintf(check, sizeof check, "check %016llx\n",
             (unsigned long long)hash_bytes((struct bytes){.p = text.p, .len = len}, 0));
    return memcmp(text.p + len, check, CHECK_BYTES) == 0;
}

/* The next line without its end; false: there is none, or it is too long for one. */
static bool next_line(struct bytes *rest, char line[LINE_MAX_BYTES])
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->p, '\n', rest->len);
    size_t len = end == NULL ? 0 : (size_t)(end - rest->p);
    if (end == NULL || len >= LINE_MAX_BYTES)
        return false;
    memcpy(line, rest->p, len);
    line[len] = '\0';
    rest->p += len + 1;
    rest->len -= len + 1;
    return true;
}

bool manifest_parse(struct manifest *manifest, struct bytes text)
{
    char line[LINE_MAX_BYTES];
    long long taken_s;
    if (!bytes_starts_with(text, bytes_of(first_line)) || !has_good_check(text))
        return false;
    size_t head = sizeof first_line - 1;
    struct bytes rest = {.p = text.p + head, .len = text.len - head - CHECK_BYTES};
    if (!next_line(&rest, line) || sscanf(line, "taken %lld", &taken_s) != 1)
        return false;
    manifest->taken_s = taken_s;
    while (next_line(&rest, line))
        if (!parse_row(manifest, line))
            return false;
    return rest.len == 0;
}

void manifest_fini(struct manifest *manifest)
{
    free(manifest->rows);
    *manifest = (struct manifest){0};
}
