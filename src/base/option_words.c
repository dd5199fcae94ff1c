/* A list of words within one value: "-o idle_timeout=30,modern". See option.h. */
#include "base/option_row.h"

#include <stdlib.h>
#include <string.h>

static enum err refuse_unknown(struct option_set *set, const struct option_row *row, const char *name)
{
    const char *nearest = option_row_nearest(row->words, name, strlen(name));
    if (nearest != NULL)
        return option_refuse(set, "unknown word %.80s; did you mean %s?", name, nearest);
    return option_refuse(set, "unknown word %.80s; --help lists them all", name);
}

/* The row of a word. One that ends with a star takes all words that begin so; of one that is ignored the opposite is,
 * too: no_modern. */
static const struct option_row *find_word(const struct option_table *words, const char *name)
{
    const struct option_row *row = option_row_find_name(words, name, strlen(name));
    for (size_t i = 0; row == NULL && i < words->n; i++) {
        const char *known = words->rows[i].name;
        size_t len = strlen(known);
        if (known[len - 1] == '*' && strncmp(name, known, len - 1) == 0)
            row = &words->rows[i];
    }
    if (row == NULL && strncmp(name, "no_", 3) == 0) {
        row = find_word(words, name + 3);
        if (row != NULL && row->ignored_because == NULL)
            row = NULL;
    }
    return row;
}

/* What is ignored is so with and without a value. */
static enum err apply_word(struct option_set *set, const struct option_row *word, const char *value)
{
    set->at.value = value;
    if (word->ignored_because == NULL && word->argument == NULL && value != NULL)
        return option_refuse(set, "takes no value");
    if (word->ignored_because == NULL && word->argument != NULL && value == NULL)
        return option_refuse(set, "needs a value, %s=%s", word->name, word->argument);
    return option_row_apply(set, word, value);
}

enum err option_words_apply(struct option_set *set, const struct option_row *row, const char *list)
{
    struct option_place outer = set->at;
    char *copy = strdup(list);
    if (copy == NULL)
        return option_refuse_memory(set);
    enum err err = ERR_NONE;
    char *rest = copy;
    char *name;
    while (err == ERR_NONE && (name = strsep(&rest, ",")) != NULL) {
        if (*name == '\0')
            continue;
        set->at = outer;
        set->at.value = NULL;
        char *value = strchr(name, '=');
        if (value != NULL)
            *value++ = '\0';
        const struct option_row *word = find_word(row->words, name);
        if (word == NULL) {
            err = refuse_unknown(set, row, name);
            continue;
        }
        snprintf(set->at.option, sizeof set->at.option, "%.*s %s", OPTION_NAME_MAX, outer.option, name);
        err = apply_word(set, word, value);
    }
    free(copy);
    set->at = outer;
    return err;
}
