/*
 * table: rows in columns that are as wide as they need to be, or as one JSON object a line; and facts, each a name and
 * what it is, below each other, or as one object.
 *
 * Promise: memory is bounded however many rows there are: a table is printed in stretches, and each stretch is at least
 * as wide as the one before. Numbers end below each other, texts begin so. What a server sent cannot steer the terminal
 * (cell.h). Colours are for a terminal alone, see paint.h.
 * Ownership: texts are copied; table_end() and facts_print() free them.
 * Failure: ERR_MEMORY; ERR_PROTOCOL for more facts than any server has.
 */
#ifndef CLOAKROOM_CLI_TABLE_H
#define CLOAKROOM_CLI_TABLE_H

#include "base/err.h"
#include "cli/cell.h"
#include "cli/paint.h"

enum { TABLE_COLUMNS_MAX = 12, TABLE_STRETCH = 200, FACTS_MAX = 65536 };

struct table_column {
    const char *title; /* NULL: in JSON alone */
    const char *key;   /* in JSON; NULL: not there */
    bool is_right;     /* its title and its cells end below each other */
    int width;         /* at least */
};

struct table_row {
    char *texts[TABLE_COLUMNS_MAX];
    enum paint paint;
};

/* Private but for those that table_begin() is given. */
struct table {
    const struct table_column *columns;
    size_t ncolumns;
    bool json;
    bool exact;
    FILE *out;
    bool has_titles;
    int widths[TABLE_COLUMNS_MAX];
    size_t nrows;
    struct table_row rows[TABLE_STRETCH];
};

/* `json`: one object a line; `exact`: sizes in bytes. */
void table_begin(struct table *table, const struct table_column *columns, size_t n, bool json, bool exact,
                 FILE *out);

/* As many cells as there are columns. */
enum err table_add(struct table *table, const struct cell *cells, enum paint paint) ERR_MUST_CHECK;

/* Prints what was added so far, with the titles if they have not been yet. */
void table_flush(struct table *table);

/* Forgets what was added and not printed. Takes a zeroed table, too. */
void table_end(struct table *table);

struct fact {
    char *name;
    char *text;
    bool is_number;
};

/* Zeroed it is empty and for people. */
struct facts {
    bool json;
    bool exact;
    bool is_short_of_memory;
    struct fact *items;
    size_t n;
    size_t cap;
    json_t *object;
};

/* `name` for people, `key` for JSON; either may be NULL: not there. A lack of memory is told by facts_print(). */
void facts_add(struct facts *facts, const char *name, const char *key, const struct cell *cell);

/* Prints all, and frees them. ERR_MEMORY: nothing was printed. */
enum err facts_print(struct facts *facts, FILE *out) ERR_MUST_CHECK;

void facts_fini(struct facts *facts);

#endif
