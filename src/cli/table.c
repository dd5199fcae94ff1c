/* Aligned rows, see table.h. */
#include "cli/table.h"

#include <stdlib.h>

void table_clean(struct bytes text, char *to, size_t size)
{
    size_t len = text.len < size ? text.len : size - 1;
    for (size_t i = 0; i < len; i++)
        to[i] = text.p[i] >= ' ' && text.p[i] <= '~' ? text.p[i] : '?';
    to[len] = '\0';
}

static char *copy_cell(struct bytes text)
{
    char clean[TABLE_CELL_MAX];
    table_clean(text, clean, sizeof clean);
    return strdup(clean);
}

static enum err grow(struct table *table)
{
    if (table->n == TABLE_ROWS_MAX)
        return ERR_PROTOCOL;
    if (table->n < table->cap)
        return ERR_NONE;
    size_t cap = table->cap == 0 ? 64 : 2 * table->cap;
    struct table_row *rows = reallocarray(table->rows, cap, sizeof *rows);
    if (rows == NULL)
        return ERR_MEMORY;
    table->rows = rows;
    table->cap = cap;
    return ERR_NONE;
}

enum err table_add(struct table *table, struct bytes name, struct bytes value)
{
    enum err err = grow(table);
    if (err != ERR_NONE)
        return err;
    struct table_row row = {.name = copy_cell(name), .value = copy_cell(value)};
    if (row.name == NULL || row.value == NULL) {
        free(row.name);
        free(row.value);
        return ERR_MEMORY;
    }
    table->rows[table->n++] = row;
    return ERR_NONE;
}

void table_print(const struct table *table, FILE *out)
{
    size_t width = 0;
    for (size_t i = 0; i < table->n; i++) {
        size_t len = strlen(table->rows[i].name);
        width = len > width ? len : width;
    }
    for (size_t i = 0; i < table->n; i++)
        fprintf(out, "%-*s  %s\n", (int)width, table->rows[i].name, table->rows[i].value);
}

void table_fini(struct table *table)
{
    for (size_t i = 0; i < table->n; i++) {
        free(table->rows[i].name);
        free(table->rows[i].value);
    }
    free(table->rows);
    *table = (struct table){0};
}
