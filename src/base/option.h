/*
 * option: one table of options makes the parser, the help, the config file and the manual page.
 *
 * Promise: nothing is global, so two sets can live side by side; nothing is printed and nothing exits;
 * whatever is refused is named in `error` as it was written, with what would be accepted.
 *
 *      command line    -p 11211   -p11211   -dM   -vvv   --port 11211   --port=11211   --
 *      config file     the same, a row or more in a line; `#` begins a comment; a value with blanks goes
 *                      between quotes; a first word without dashes is the long name of an option
 *                      (`logfile /var/log/x`), so that Debian's /etc/memcached.conf is read as it is
 *
 *      words           -o idle_timeout=30,modern       a list within one value, its rows in a table of their own
 *
 * Later beats earlier, except that lists grow. A default gives way to the first value.
 *
 * Ownership: the rows belong to the caller and outlive the set, as does the target. Texts and lists in the
 * target belong to the set from option_init() to option_fini(); argv is not kept.
 *
 * Threads: one at a time for one set.
 *
 * Failure: ERR_USAGE, ERR_SYSTEM (a file cannot be read) or ERR_MEMORY, each with its line in `error`; the
 * target then holds what came before the mistake. A table that contradicts itself fails a CHECK.
 */
#ifndef CLOAKROOM_BASE_OPTION_H
#define CLOAKROOM_BASE_OPTION_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    OPTION_ERROR_MAX = 512, /* longer messages are cut off */
    OPTION_NAME_MAX = 40,   /* the longest long name, its zero included */
    OPTION_LINE_MAX = 4096  /* the longest line of a config file, its zero included */
};

enum option_kind {
    OPTION_KIND_NOTHING, /* stores nothing: for rows with ignored_because */
    OPTION_KIND_FLAG,    /* bool: becomes true; the default is false */
    OPTION_KIND_COUNT,   /* unsigned: how often it was given, as in -vvv */
    OPTION_KIND_NUMBER,  /* uint64_t: decimal, min to max */
    OPTION_KIND_SIZE,    /* uint64_t: bytes, written plain or with k, m, g; min to max */
    OPTION_KIND_TEXT,    /* char *: the last one given, or NULL */
    OPTION_KIND_MODE,    /* unsigned: access mode in octal, up to 777 */
    OPTION_KIND_LIST,    /* struct option_list: all that were given, in order */
    OPTION_KIND_CALL,    /* whatever row->call makes of it */
    OPTION_KIND_WORDS    /* "name,name=value": each is a row of a table of its own, row->words */
};

/* Texts of a repeated option. Read it freely; only the set changes it. */
struct option_list {
    char **items;
    size_t n;
    bool is_default; /* holds the default, which the first value replaces */
};

struct option_set;
struct option_row;

struct option_table {
    const struct option_row *rows;
    size_t n;
};

/* One option. Without letter and name, the row takes the words that are no options. */
struct option_row {
    char letter;          /* 0: it has none */
    const char *name;     /* long name; NULL: it has none */
    const char *argument; /* "<num>"; NULL: it takes none */
    const char *help;     /* prose, wrapped when printed; '\n' begins a new line */

    /* What OPTION_NUMBER() and its like, below, fill in. */
    enum option_kind kind;
    size_t offset;     /* where in the target the value goes */
    uint64_t min, max; /* of numbers and sizes; max 0: no limit */
    enum err (*call)(struct option_set *set, const char *value);
    /* Rows with names, without letters and words of their own. A name with a star at its end stands for all that begin
     * so; one that is ignored stands for its opposite (no_…), too. */
    const struct option_table *words;

    const char *unit; /* of a number, "seconds", for who gets it wrong; NULL: it has none */

    /* The default, as it would be written; NULL: 0, false, no text, empty list. */
    const char *fallback;

    /* Not NULL: accepted, its value not looked at (a text is kept, to be shown), and noted in set->notes with this
     * reason. */
    const char *ignored_because;
};

/* The end of a row: kind and place. A member of the wrong type does not compile. */
#define OPTION_FLAG(type, member)  .kind = OPTION_KIND_FLAG, .offset = OPTION_PLACE(type, member, bool)
#define OPTION_COUNT(type, member) .kind = OPTION_KIND_COUNT, .offset = OPTION_PLACE(type, member, unsigned)
#define OPTION_TEXT(type, member)  .kind = OPTION_KIND_TEXT, .offset = OPTION_PLACE(type, member, char *)
#define OPTION_MODE(type, member)  .kind = OPTION_KIND_MODE, .offset = OPTION_PLACE(type, member, unsigned)
#define OPTION_LIST(type, member)                                                                            \
    .kind = OPTION_KIND_LIST, .offset = OPTION_PLACE(type, member, struct option_list)
#define OPTION_NUMBER(type, member, low, high)                                                               \
    .kind = OPTION_KIND_NUMBER, .offset = OPTION_PLACE(type, member, uint64_t), .min = (low), .max = (high)
#define OPTION_SIZE(type, member, low, high)                                                                 \
    .kind = OPTION_KIND_SIZE, .offset = OPTION_PLACE(type, member, uint64_t), .min = (low), .max = (high)
#define OPTION_CALL(function)   .kind = OPTION_KIND_CALL, .call = (function)
#define OPTION_WORDS(table)     .kind = OPTION_KIND_WORDS, .words = (table)
#define OPTION_IGNORED(because) .kind = OPTION_KIND_NOTHING, .ignored_because = (because)

#define OPTION_PLACE(type, member, wanted)                                                                   \
    (offsetof(type, member) +                                                                                \
     0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((type *)0)->member), wanted) ? 1 : -1]))

struct option_set {
    struct option_table table;
    void *target;
    char error[OPTION_ERROR_MAX]; /* after a failure: one line, no newline, fit to be shown */
    struct option_list notes;     /* one line for each option that was accepted and ignored */

    /* Private: what is being parsed just now, for messages. */
    struct option_place {
        const char *file; /* NULL: the command line */
        unsigned line;
        unsigned depth;                   /* config files named in config files */
        char option[2 * OPTION_NAME_MAX]; /* with its dashes, and the word within its value */
        const char *value;
    } at;
};

/* Begins a set and writes the defaults of all rows into the target, which needs no preparation. After a
 * failure, too, option_fini() is due. */
enum err option_init(struct option_set *set, const struct option_row *rows, size_t n,
                     void *target) ERR_MUST_CHECK;

/* Frees texts and lists in the target, and the notes. Takes a zeroed set, too. */
void option_fini(struct option_set *set);

/* Parses argv[1] to argv[argc - 1]. */
enum err option_parse_args(struct option_set *set, int argc, char *const argv[]) ERR_MUST_CHECK;

/* Parses a config file. May be called from a row's `call` (--config): its lines count as if they stood there.
 */
enum err option_parse_file(struct option_set *set, const char *path) ERR_MUST_CHECK;

/* For a row's `call`: refuses the value. Writes `error`, the place and the option before the given reason,
 * and returns ERR_USAGE. */
enum err option_refuse(struct option_set *set, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints all rows in the shape of `memcached -h`. */
void option_print_help(const struct option_row *rows, size_t n, FILE *out);

/* Prints all rows as the section OPTIONS of a manual page, in roff's man macros. */
void option_print_manual(const struct option_row *rows, size_t n, FILE *out);

/* The same without the section's head. */
void option_print_manual_rows(const struct option_row *rows, size_t n, FILE *out);

#endif
