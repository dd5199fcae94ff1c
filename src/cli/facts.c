/* Names and what they are, below each other or as one object; see table.h. */
#include "cli/table.h"

#include <stdlib.h>

static bool has_room(struct facts *facts)
{
    if (facts->n < facts->cap)
        return true;
    size_t cap = facts->cap == 0 ? 64 : 2 * facts->cap;
    struct fact *items = facts->n < FACTS_MAX ? reallocarray(facts->items, cap, sizeof *items) : NULL;
    if (items == NULL)
        return false;
    facts->items = items;
    facts->cap = cap;
    return true;
}

static bool add_text(struct facts *facts, const char *name, const struct cell *cell)
{
    char text[CELL_MAX];
    char clean[CELL_MAX];
    if (!has_room(facts))
        return false;
    cell_put(cell, facts->exact, text);
    cell_clean(bytes_of(name), clean, sizeof clean);
    struct fact fact = {.name = strdup(clean), .text = strdup(text), .is_number = cell_is_number(cell)};
    if (fact.name == NULL || fact.text == NULL) {
        free(fact.name);
        free(fact.text);
        return false;
    }
    facts->items[facts->n++] = fact;
    return true;
}

static bool add_member(struct facts *facts, const char *key, const struct cell *cell)
{
    char clean[CELL_MAX];
    if (facts->object == NULL)
        facts->object = json_object();
    cell_clean(bytes_of(key), clean, sizeof clean);
    return facts->object != NULL && json_object_set_new(facts->object, clean, cell_json(cell)) == 0;
}

void facts_add(struct facts *facts, const char *name, const char *key, const struct cell *cell)
{
    bool is_done = true;
    if (facts->json && key != NULL)
        is_done = add_member(facts, key, cell);
    else if (!facts->json && name != NULL)
        is_done = add_text(facts, name, cell);
    facts->is_short_of_memory |= !is_done;
}

static void print_all(const struct facts *facts, FILE *out)
{
    size_t width = 0;
    size_t number_width = 0;
    for (size_t i = 0; i < facts->n; i++) {
        size_t len = strlen(facts->items[i].name);
        size_t number_len = facts->items[i].is_number ? strlen(facts->items[i].text) : 0;
        width = len > width ? len : width;
        number_width = number_len > number_width ? number_len : number_width;
    }
    for (size_t i = 0; i < facts->n; i++) {
        const struct fact *fact = &facts->items[i];
        fprintf(out, "%-*s  %*s\n", (int)width, fact->name, fact->is_number ? (int)number_width : 0,
                fact->text);
    }
}

enum err facts_print(struct facts *facts, FILE *out)
{
    bool is_whole = !facts->is_short_of_memory;
    if (is_whole && facts->json) {
        is_whole = cell_print_json(facts->object != NULL ? facts->object : json_object(), out);
        facts->object = NULL;
    } else if (is_whole) {
        print_all(facts, out);
    }
    facts_fini(facts);
    return is_whole ? ERR_NONE : ERR_MEMORY;
}

void facts_fini(struct facts *facts)
{
    for (size_t i = 0; i < facts->n; i++) {
        free(facts->items[i].name);
        free(facts->items[i].text);
    }
    free(facts->items);
    json_decref(facts->object);
    *facts = (struct facts){.json = facts->json, .exact = facts->exact};
}
