/*
 * The rows of an option table: finding one, and putting a value where it says. See option_row.h.
 */
#include "base/option_row.h"
#include "base/check.h"
#include "base/nearest.h"
#include "base/num.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIZE_TEXT_MAX = NUM_MAX + 2 /* digits, suffix, zero */
};

/* ---- finding and checking ---- */

const struct option_row *option_row_find_letter(const struct option_table *table, char letter)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->rows[i].letter == letter)
            return &table->rows[i];
    return NULL;
}

const struct option_row *option_row_find_name(const struct option_table *table, const char *name, size_t len)
{
    for (size_t i = 0; i < table->n; i++) {
        const char *known = table->rows[i].name;
        if (known != NULL && strlen(known) == len && memcmp(known, name, len) == 0)
            return &table->rows[i];
    }
    return NULL;
}

bool option_row_takes_words(const struct option_row *row)
{
    return row->letter == 0 && row->name == NULL;
}

const struct option_row *option_row_find_words(const struct option_table *table)
{
    for (size_t i = 0; i < table->n; i++)
        if (option_row_takes_words(&table->rows[i]))
            return &table->rows[i];
    return NULL;
}

void option_row_check(const struct option_table *table, const struct option_row *row)
{
    bool bare = row->kind == OPTION_KIND_FLAG || row->kind == OPTION_KIND_COUNT;
    bool free_form = row->kind == OPTION_KIND_NOTHING || row->kind == OPTION_KIND_CALL;
    bool has_words = row->kind == OPTION_KIND_WORDS;
    CHECK(row->help != NULL || row->ignored_because != NULL);
    CHECK(free_form || bare == (row->argument == NULL));
    CHECK(!(bare || free_form || has_words) || row->fallback == NULL);
    CHECK(has_words == (row->words != NULL));
    for (size_t i = 0; has_words && i < row->words->n; i++) {
        const struct option_row *word = &row->words->rows[i];
        CHECK(word->letter == 0 && word->name != NULL && word->kind != OPTION_KIND_WORDS);
        option_row_check(row->words, word);
    }
    CHECK(row->kind != OPTION_KIND_NOTHING || row->ignored_because != NULL);
    CHECK(row->kind != OPTION_KIND_CALL || row->call != NULL);
    CHECK(row->max == 0 || row->min <= row->max);
    if (row->letter != 0)
        CHECK(option_row_find_letter(table, row->letter) == row);
    if (row->name != NULL)
        CHECK(strlen(row->name) < OPTION_NAME_MAX &&
              option_row_find_name(table, row->name, strlen(row->name)) == row);
    if (option_row_takes_words(row))
        CHECK(row->argument != NULL && option_row_find_words(table) == row);
}

/* ---- values ---- */

static void *place_of(const struct option_set *set, const struct option_row *row)
{
    return (char *)set->target + row->offset;
}

static const char *subject_of(const struct option_row *row)
{
    return row->name != NULL ? row->name : "the value";
}

static bool in_range(const struct option_row *row, uint64_t value)
{
    return value >= row->min && (row->max == 0 || value <= row->max);
}

static enum err set_number(struct option_set *set, const struct option_row *row, const char *value)
{
    uint64_t number;
    bool is_number = num_parse_u64(bytes_of(value), &number);
    if (is_number && in_range(row, number)) {
        *(uint64_t *)place_of(set, row) = number;
        return ERR_NONE;
    }
    const char *what = is_number ? "" : "a number, ";
    const char *blank = row->unit == NULL ? "" : " ";
    const char *unit = row->unit == NULL ? "" : row->unit;
    if (row->max == 0)
        return option_refuse(set, "%s must be %s%" PRIu64 "%s%s or more", subject_of(row), what, row->min,
                             blank, unit);
    return option_refuse(set, "%s must be %s%" PRIu64 " to %" PRIu64 "%s%s", subject_of(row), what, row->min,
                         row->max, blank, unit);
}

/* As people write it: 1048576 is 1m. */
static void format_size(uint64_t size, char ret[static SIZE_TEXT_MAX])
{
    static const char suffixes[] = {'k', 'm', 'g'};
    size_t thousands = 0;
    while (size > 0 && size % 1024 == 0 && thousands < sizeof suffixes) {
        size /= 1024;
        thousands++;
    }
    size_t len = num_format_u64(size, ret);
    if (thousands > 0)
        ret[len++] = suffixes[thousands - 1];
    ret[len] = '\0';
}

static enum err set_size(struct option_set *set, const struct option_row *row, const char *value)
{
    uint64_t size;
    bool is_size = num_parse_size(bytes_of(value), &size);
    if (is_size && in_range(row, size)) {
        *(uint64_t *)place_of(set, row) = size;
        return ERR_NONE;
    }
    const char *what = is_size ? "" : "bytes, or a number with k, m or g behind it, ";
    char low[SIZE_TEXT_MAX];
    char high[SIZE_TEXT_MAX];
    format_size(row->min, low);
    format_size(row->max, high);
    if (row->max == 0)
        return option_refuse(set, "%s must be %s%s or more", subject_of(row), what, low);
    return option_refuse(set, "%s must be %s%s to %s", subject_of(row), what, low, high);
}

static enum err set_mode(struct option_set *set, const struct option_row *row, const char *value)
{
    unsigned mode = 0;
    size_t len = strlen(value);
    bool good = len > 0 && len <= 4 && strspn(value, "01234567") == len;
    for (const char *p = value; good && *p != '\0'; p++)
        mode = mode * 8 + (unsigned)(*p - '0');
    if (!good || mode > 0777)
        return option_refuse(set, "%s must be an access mode in octal, 0 to 777", subject_of(row));
    *(unsigned *)place_of(set, row) = mode;
    return ERR_NONE;
}

static enum err set_text(struct option_set *set, const struct option_row *row, const char *value)
{
    char *copy = strdup(value);
    if (copy == NULL)
        return option_refuse_memory(set);
    char **place = place_of(set, row);
    free(*place);
    *place = copy;
    return ERR_NONE;
}

void option_row_free_list(struct option_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct option_list){0};
}

static enum err list_add(struct option_set *set, struct option_list *list, const char *text)
{
    if (list->is_default)
        option_row_free_list(list);
    char **items = reallocarray(list->items, list->n + 1, sizeof *items);
    if (items == NULL)
        return option_refuse_memory(set);
    list->items = items;
    items[list->n] = strdup(text);
    if (items[list->n] == NULL)
        return option_refuse_memory(set);
    list->n++;
    return ERR_NONE;
}

static enum err add_note(struct option_set *set, const struct option_row *row)
{
    char note[OPTION_ERROR_MAX];
    option_message_begin(&set->at, note, sizeof note);
    option_message_add(note, sizeof note, "accepted and ignored: %s", row->ignored_because);
    return list_add(set, &set->notes, note);
}

enum err option_row_apply(struct option_set *set, const struct option_row *row, const char *value)
{
    if (row->ignored_because != NULL) {
        enum err err = add_note(set, row);
        bool is_kept = row->kind == OPTION_KIND_TEXT && value != NULL;
        return err == ERR_NONE && is_kept ? set_text(set, row, value) : err;
    }
    switch (row->kind) {
    case OPTION_KIND_NOTHING:
        return ERR_NONE;
    case OPTION_KIND_FLAG:
        *(bool *)place_of(set, row) = true;
        return ERR_NONE;
    case OPTION_KIND_COUNT:
        ++*(unsigned *)place_of(set, row);
        return ERR_NONE;
    case OPTION_KIND_NUMBER:
        return set_number(set, row, value);
    case OPTION_KIND_SIZE:
        return set_size(set, row, value);
    case OPTION_KIND_TEXT:
        return set_text(set, row, value);
    case OPTION_KIND_MODE:
        return set_mode(set, row, value);
    case OPTION_KIND_LIST:
        return list_add(set, place_of(set, row), value);
    case OPTION_KIND_CALL:
        return row->call(set, value);
    case OPTION_KIND_WORDS:
        return option_words_apply(set, row, value);
    }
    return ERR_NONE;
}

void option_row_clear(const struct option_set *set, const struct option_row *row)
{
    switch (row->kind) {
    case OPTION_KIND_NOTHING:
    case OPTION_KIND_CALL:
        break;
    case OPTION_KIND_FLAG:
        *(bool *)place_of(set, row) = false;
        break;
    case OPTION_KIND_COUNT:
    case OPTION_KIND_MODE:
        *(unsigned *)place_of(set, row) = 0;
        break;
    case OPTION_KIND_NUMBER:
    case OPTION_KIND_SIZE:
        *(uint64_t *)place_of(set, row) = 0;
        break;
    case OPTION_KIND_TEXT:
        *(char **)place_of(set, row) = NULL;
        break;
    case OPTION_KIND_LIST:
        *(struct option_list *)place_of(set, row) = (struct option_list){0};
        break;
    case OPTION_KIND_WORDS:
        for (size_t i = 0; i < row->words->n; i++)
            option_row_clear(set, &row->words->rows[i]);
        break;
    }
}

enum err option_row_default(struct option_set *set, const struct option_row *row)
{
    enum err err = ERR_NONE;
    for (size_t i = 0; row->words != NULL && i < row->words->n && err == ERR_NONE; i++)
        err = option_row_default(set, &row->words->rows[i]);
    if (row->fallback == NULL || row->ignored_because != NULL)
        return err;
    err = option_row_apply(set, row, row->fallback);
    CHECK(err != ERR_USAGE);
    if (err == ERR_NONE && row->kind == OPTION_KIND_LIST)
        ((struct option_list *)place_of(set, row))->is_default = true;
    return err;
}

void option_row_fini(const struct option_set *set, const struct option_row *row)
{
    for (size_t i = 0; row->words != NULL && i < row->words->n; i++)
        option_row_fini(set, &row->words->rows[i]);
    if (row->kind == OPTION_KIND_LIST)
        option_row_free_list(place_of(set, row));
    if (row->kind == OPTION_KIND_TEXT) {
        free(*(char **)place_of(set, row));
        option_row_clear(set, row);
    }
}

const char *option_row_nearest(const struct option_table *table, const char *name, size_t len)
{
    struct nearest nearest;
    nearest_init(&nearest, (struct bytes){.p = name, .len = len});
    for (size_t i = 0; i < table->n; i++) {
        if (table->rows[i].name != NULL)
            nearest_offer(&nearest, table->rows[i].name);
    }
    return nearest.name;
}
