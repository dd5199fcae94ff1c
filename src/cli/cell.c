/* One thing that is shown, see cell.h. */
#include "cli/cell.h"
#include "cli/human.h"

#include <inttypes.h>
#include <stdio.h>

void cell_clean(struct bytes text, char *to, size_t size)
{
    size_t len = text.len < size ? text.len : size - 1;
    for (size_t i = 0; i < len; i++)
        to[i] = text.p[i] >= ' ' && text.p[i] <= '~' ? text.p[i] : '?';
    to[len] = '\0';
}

bool cell_is_number(const struct cell *cell)
{
    return cell->kind != CELL_NONE && cell->kind != CELL_TEXT && cell->kind != CELL_TEXTS &&
           cell->kind != CELL_TIME && cell->kind != CELL_FLAG;
}

/* With commas between. */
static void put_texts(const struct bytes *items, size_t n, char to[static CELL_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < n && len + 1 < CELL_MAX; i++) {
        if (i > 0)
            to[len++] = ',';
        cell_clean(items[i], to + len, CELL_MAX - len);
        len += strlen(to + len);
    }
    to[len] = '\0';
}

void cell_put(const struct cell *cell, bool exact, char to[static CELL_MAX])
{
    to[0] = '\0';
    switch (cell->is_blank ? CELL_NONE : cell->kind) {
    case CELL_NONE:
        break;
    case CELL_TEXT:
        cell_clean(cell->text, to, CELL_MAX);
        break;
    case CELL_TEXTS:
        put_texts(cell->texts.items, cell->texts.n, to);
        break;
    case CELL_NUMBER:
        snprintf(to, CELL_MAX, "%" PRIu64, cell->number);
        break;
    case CELL_REAL:
        snprintf(to, CELL_MAX, "%.*f", cell->real.digits, cell->real.value);
        break;
    case CELL_SIZE:
        if (exact)
            snprintf(to, CELL_MAX, "%" PRIu64, cell->number);
        else
            human_put_size(cell->number, to);
        break;
    case CELL_SECONDS:
        if (cell->number == CELL_FOR_EVER)
            snprintf(to, CELL_MAX, "ever");
        else
            human_put_seconds(cell->number, to);
        break;
    case CELL_MS:
        human_put_ms(cell->number, to);
        break;
    case CELL_TIME:
        human_put_time(cell->number, to);
        break;
    case CELL_FLAG:
        snprintf(to, CELL_MAX, "%s", cell->flag ? "yes" : "no");
        break;
    }
    if (to[0] == '\0')
        snprintf(to, CELL_MAX, "-");
}

/* What is no UTF-8 cannot stand in JSON. */
static json_t *text_json(struct bytes text)
{
    char clean[CELL_MAX];
    json_t *json = json_stringn(text.len > 0 ? text.p : "", text.len);
    if (json != NULL)
        return json;
    cell_clean(text, clean, sizeof clean);
    return json_string(clean);
}

static json_t *texts_json(const struct bytes *items, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n && list != NULL; i++) {
        if (json_array_append_new(list, text_json(items[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *cell_json(const struct cell *cell)
{
    switch (cell->kind) {
    case CELL_NONE:
        return json_null();
    case CELL_TEXT:
        return text_json(cell->text);
    case CELL_TEXTS:
        return texts_json(cell->texts.items, cell->texts.n);
    case CELL_REAL:
        return json_real(cell->real.value);
    case CELL_FLAG:
        return json_boolean(cell->flag);
    case CELL_NUMBER:
    case CELL_SIZE:
    case CELL_SECONDS: /* -1 for ever */
    case CELL_MS:
    case CELL_TIME:
        break;
    }
    return json_integer((json_int_t)cell->number);
}

bool cell_print_json(json_t *object, FILE *out)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(object);
    if (text == NULL)
        return false;
    fprintf(out, "%s\n", text);
    free(text);
    return true;
}
