/* What `stats` answers, see figures.h. */
#include "cli/figures.h"
#include "base/num.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 8 };

/* "STAT curr_items 12" */
static bool cut(struct bytes line, struct bytes *ret_name, struct bytes *ret_value)
{
    struct bytes begin = bytes_of("STAT ");
    if (!bytes_starts_with(line, begin))
        return false;
    const char *name = line.p + begin.len;
    size_t left = line.len - begin.len;
    const char *blank = memchr(name, ' ', left);
    size_t name_len = blank == NULL ? left : (size_t)(blank - name);
    size_t value_at = blank == NULL ? left : name_len + 1;
    *ret_name = (struct bytes){.p = name, .len = name_len};
    *ret_value = (struct bytes){.p = name + value_at, .len = left - value_at};
    return true;
}

static enum err add(struct figures *figures, struct bytes name, struct bytes value)
{
    if (figures->n == FIGURES_MAX)
        return ERR_PROTOCOL;
    if (figures->n == figures->cap) {
        size_t cap = figures->cap == 0 ? 128 : 2 * figures->cap;
        struct figure *items = reallocarray(figures->items, cap, sizeof *items);
        if (items == NULL)
            return ERR_MEMORY;
        figures->items = items;
        figures->cap = cap;
    }
    char *text = calloc(1, name.len + value.len + 2);
    if (text == NULL)
        return ERR_MEMORY;
    memcpy(text, name.p, name.len);
    memcpy(text + name.len + 1, value.p, value.len);
    figures->items[figures->n++] = (struct figure){.name = text, .value = text + name.len + 1};
    return ERR_NONE;
}

/* `group` is "" for the general figures. */
static enum outcome take_line(const struct call *call, struct client *client, struct bytes line,
                              const char *group, struct figures *figures)
{
    struct bytes name;
    struct bytes value;
    if (group[0] != '\0' && bytes_equal(line, bytes_of("ERROR"))) {
        command_complain("stats: the server has no group %.40s; `cloakroom help stats` names some", group);
        return OUTCOME_NO;
    }
    if (!cut(line, &name, &value))
        return command_refuse(client, line);
    enum err err = add(figures, name, value);
    return err == ERR_NONE ? OUTCOME_OK : command_trouble(call, err);
}

/* To the answer's end: END, or RESET, which is all there is then. */
static enum outcome read_answer(const struct call *call, struct client *client, const char *group,
                                struct figures *figures)
{
    for (;;) {
        struct bytes line;
        if (client_read_line(client, &line) != ERR_NONE)
            return command_fail(client);
        figures->is_reset = figures->n == 0 && bytes_equal(line, bytes_of("RESET"));
        if (figures->is_reset || bytes_equal(line, bytes_of("END")))
            return client_finish(client) == ERR_NONE ? OUTCOME_OK : command_fail(client);
        enum outcome outcome = take_line(call, client, line, group, figures);
        if (outcome != OUTCOME_OK)
            return outcome;
    }
}

enum outcome figures_read(const struct call *call, struct client *client, const char *const *words, size_t n,
                          struct figures *figures)
{
    const char *all[WORDS_MAX] = {"stats"};
    size_t nall = 1;
    figures_fini(figures);
    for (size_t i = 0; i < n && nall < WORDS_MAX; i++)
        all[nall++] = words[i];
    enum outcome outcome = command_send_words(client, all, nall);
    return outcome == OUTCOME_OK ? read_answer(call, client, n > 0 ? words[0] : "", figures) : outcome;
}

const char *figures_text(const struct figures *figures, const char *name)
{
    for (size_t i = 0; i < figures->n; i++)
        if (strcmp(figures->items[i].name, name) == 0)
            return figures->items[i].value;
    return NULL;
}

bool figures_find(const struct figures *figures, const char *name, uint64_t *ret)
{
    const char *text = figures_text(figures, name);
    return text != NULL && num_parse_u64(bytes_of(text), ret);
}

void figures_fini(struct figures *figures)
{
    for (size_t i = 0; i < figures->n; i++)
        free(figures->items[i].name);
    free(figures->items);
    *figures = (struct figures){0};
}
