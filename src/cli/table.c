/* Rows in columns, see table.h. */
#include "cli/table.h"
#include "base/check.h"

#include <stdlib.h>

void table_begin(struct table *table, const struct table_column *columns, size_t n, bool json, bool exact,
                 FILE *out)
{
    CHECK(n <= TABLE_COLUMNS_MAX);
    *table = (struct table){.columns = columns, .ncolumns = n, .json = json, .exact = exact, .out = out};
    for (size_t i = 0; i < n; i++) {
        int len = columns[i].title != NULL ? (int)strlen(columns[i].title) : 0;
        table->widths[i] = len > columns[i].width ? len : columns[i].width;
    }
}

static enum err print_object(struct table *table, const struct cell *cells)
{
    json_t *object = json_object();
    for (size_t i = 0; i < table->ncolumns && object != NULL; i++) {
        const char *key = table->columns[i].key;
        if (key != NULL && json_object_set_new(object, key, cell_json(&cells[i])) != 0) {
            json_decref(object);
            object = NULL;
        }
    }
    return cell_print_json(object, table->out) ? ERR_NONE : ERR_MEMORY;
}

static void free_row(struct table_row *row)
{
    for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++)
        free(row->texts[i]);
    *row = (struct table_row){0};
}

enum err table_add(struct table *table, const struct cell *cells, enum paint paint)
{
    char text[CELL_MAX];
    if (table->json)
        return print_object(table, cells);
    if (table->nrows == TABLE_STRETCH)
        table_flush(table);
    struct table_row *row = &table->rows[table->nrows];
    row->paint = paint;
    for (size_t i = 0; i < table->ncolumns; i++) {
        cell_put(&cells[i], table->exact, text);
        row->texts[i] = strdup(text);
        if (row->texts[i] == NULL) {
            free_row(row);
            return ERR_MEMORY;
        }
        int len = (int)strlen(text);
        table->widths[i] = len > table->widths[i] ? len : table->widths[i];
    }
    table->nrows++;
    return ERR_NONE;
}

/* The last column is not filled up with blanks. */
static void print_row(const struct table *table, const char *const *texts, enum paint paint, bool is_painted)
{
    const char *blanks = "";
    size_t last = table->ncolumns - 1;
    while (last > 0 && table->columns[last].title == NULL)
        last--;
    fputs(paint_begin(paint, is_painted), table->out);
    for (size_t i = 0; i <= last; i++) {
        if (table->columns[i].title == NULL)
            continue;
        bool is_right = table->columns[i].is_right;
        int width = i == last && !is_right ? 0 : table->widths[i];
        fprintf(table->out, is_right ? "%s%*s" : "%s%-*s", blanks, width, texts[i]);
        blanks = "  ";
    }
    fprintf(table->out, "%s\n", paint_end(paint, is_painted));
}

void table_flush(struct table *table)
{
    bool is_painted = paint_is_on(table->out);
    if (table->json)
        return;
    if (!table->has_titles) {
        const char *titles[TABLE_COLUMNS_MAX];
        for (size_t i = 0; i < table->ncolumns; i++)
            titles[i] = table->columns[i].title;
        print_row(table, titles, PAINT_TITLE, is_painted);
        table->has_titles = true;
    }
    for (size_t i = 0; i < table->nrows; i++) {
        print_row(table, (const char *const *)table->rows[i].texts, table->rows[i].paint, is_painted);
        free_row(&table->rows[i]);
    }
    table->nrows = 0;
}

void table_end(struct table *table)
{
    for (size_t i = 0; i < table->nrows; i++)
        free_row(&table->rows[i]);
    table->nrows = 0;
}
