/*
 * cell: one thing that is shown, to people as text and to scripts as JSON.
 *
 * Promise: nothing that a server sent can steer the terminal: in text what is not printable ASCII becomes '?'. In JSON it
 * is as it was sent where that is UTF-8. A text is never empty: '-' stands for what is not there.
 * Ownership: borrows what it points to.
 * Limits: texts of CELL_MAX - 1 bytes; what is longer is cut off, in text.
 */
#ifndef CLOAKROOM_CLI_CELL_H
#define CLOAKROOM_CLI_CELL_H

#include "base/bytes.h"

#include <jansson.h>

enum { CELL_MAX = 1024 };

#define CELL_FOR_EVER UINT64_MAX /* of CELL_SECONDS: -1 in JSON */

enum cell_kind {
    CELL_NONE, /* - and null */
    CELL_TEXT, /* also of no bytes: - and "" */
    CELL_TEXTS,
    CELL_NUMBER,
    CELL_REAL, /* `digits` behind its point */
    CELL_SIZE,
    CELL_SECONDS,
    CELL_MS,
    CELL_TIME, /* ms since 1970 */
    CELL_FLAG
};

struct cell {
    enum cell_kind kind;
    bool is_blank; /* - in text, whatever it is */
    union {
        struct bytes text;
        struct {
            const struct bytes *items;
            size_t n;
        } texts;
        uint64_t number;
        struct {
            double value;
            int digits;
        } real;
        bool flag;
    };
};

static inline struct cell cell_text(struct bytes text)
{
    return (struct cell){.kind = CELL_TEXT, .text = text};
}

static inline struct cell cell_number(enum cell_kind kind, uint64_t number)
{
    return (struct cell){.kind = kind, .number = number};
}

static inline struct cell cell_real(double value, int digits)
{
    return (struct cell){.kind = CELL_REAL, .real = {.value = value, .digits = digits}};
}

/* Do columns of it have their right ends below each other? */
bool cell_is_number(const struct cell *cell);

/* `exact`: sizes in bytes. */
void cell_put(const struct cell *cell, bool exact, char to[static CELL_MAX]);

/* The caller's; NULL: no memory. */
json_t *cell_json(const struct cell *cell);

/* Prints an object, which is used up, as one line; NULL is a lack of memory. False, and nothing printed, for want of
 * that. */
bool cell_print_json(json_t *object, FILE *out);

/* Copies what fits of `text` in front of a zero, fit for a terminal; `size` is 1 at least. */
void cell_clean(struct bytes text, char *to, size_t size);

#endif
