/*
 * table: rows of a name and a value, printed in columns as wide as they need to be.
 *
 * Promise: nothing that a server sent can steer the terminal: what is not printable ASCII becomes '?'.
 * Ownership: texts are copied; table_fini() frees them.
 * Limits: TABLE_ROWS_MAX rows, cells of TABLE_CELL_MAX - 1 bytes; what is longer is cut off.
 * Failure: ERR_MEMORY; ERR_PROTOCOL for more rows than any server has.
 */
#ifndef CLOAKROOM_CLI_TABLE_H
#define CLOAKROOM_CLI_TABLE_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdio.h>

enum { TABLE_ROWS_MAX = 65536, TABLE_CELL_MAX = 1024 };

struct table_row {
    char *name;
    char *value;
};

/* Zeroed it is empty. */
struct table {
    struct table_row *rows;
    size_t n;
    size_t cap;
};

enum err table_add(struct table *table, struct bytes name, struct bytes value) ERR_MUST_CHECK;
void table_print(const struct table *table, FILE *out);
void table_fini(struct table *table);

/* Copies what fits of `text` in front of a zero, fit for a terminal; `size` is 1 at least. */
void table_clean(struct bytes text, char *to, size_t size);

#endif
