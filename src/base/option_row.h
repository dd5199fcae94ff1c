/*
 * option_row: what option.c asks of the rows of its table. Private to base/option*.c.
 *
 * Failure: as option.h says; whatever refuses has written set->error.
 */
#ifndef CLOAKROOM_BASE_OPTION_ROW_H
#define CLOAKROOM_BASE_OPTION_ROW_H

#include "base/option.h"

/* The row of a letter, of a long name of `len` bytes, or of the words that are no options; NULL: there is
 * none. */
const struct option_row *option_row_find_letter(const struct option_table *table, char letter);
const struct option_row *option_row_find_name(const struct option_table *table, const char *name, size_t len);
const struct option_row *option_row_find_words(const struct option_table *table);

/* The known long name nearest to what was written, or NULL when none is near. */
const char *option_row_nearest(const struct option_table *table, const char *name, size_t len);

/* A table that contradicts itself fails a CHECK. */
void option_row_check(const struct option_table *table, const struct option_row *row);

/* Writes nothing, zero or false where the row's value goes, without freeing what was there. */
void option_row_clear(const struct option_set *set, const struct option_row *row);

/* Applies the row's default, if it has one. */
enum err option_row_default(struct option_set *set, const struct option_row *row) ERR_MUST_CHECK;

/* Puts `value` (NULL where the row takes none) where the row says. */
enum err option_row_apply(struct option_set *set, const struct option_row *row,
                          const char *value) ERR_MUST_CHECK;

/* In option_words.c: applies each word of a list to its row in `row->words`. */
enum err option_words_apply(struct option_set *set, const struct option_row *row,
                            const char *list) ERR_MUST_CHECK;

/* Frees what the row's value holds, and clears it. */
void option_row_fini(const struct option_set *set, const struct option_row *row);

/* Frees the texts of a list, and empties it. */
void option_row_free_list(struct option_list *list);

/* Is this the row of the words that are no options? */
bool option_row_takes_words(const struct option_row *row);

/* In option.c: begins a message with the place and the option: "file:line: -p 70000: ", as much of it as
 * applies. And adds to one. */
void option_message_begin(const struct option_place *at, char *text, size_t size);
void option_message_add(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* In option.c: refuses for want of memory. */
enum err option_refuse_memory(struct option_set *set);

#endif
