/*
 * fuzz_ini: any bytes as an ini file and as Apache's configuration, which `cloakroom doctor` reads with the rules of
 * others. What is told lies in the text or within the limits, and lines only go forward.
 */
#include "base/check.h"
#include "cli/doctor_conf.h"
#include "cli/doctor_ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct seen {
    const char *begin;
    const char *end;
    unsigned line;
};

static void check_inside(const struct seen *seen, struct bytes piece)
{
    CHECK(piece.p == NULL || (piece.p >= seen->begin && piece.p + piece.len <= seen->end));
}

static void see_entry(void *arg, const struct doctor_ini_entry *entry)
{
    struct seen *seen = arg;
    check_inside(seen, entry->section);
    check_inside(seen, entry->name);
    check_inside(seen, entry->offset);
    CHECK(entry->name.len > 0 && entry->value.len <= DOCTOR_INI_VALUE_MAX);
    CHECK(entry->line >= seen->line);
    seen->line = entry->line;
}

static const char *variable(void *arg, const char *name)
{
    (void)arg;
    return name[0] == 'A' ? "a value" : NULL;
}

static void see_line(void *arg, const struct doctor_conf_line *line)
{
    struct seen *seen = arg;
    CHECK(line->n <= DOCTOR_CONF_WORDS_MAX && line->line >= seen->line);
    for (size_t i = 0; i < DOCTOR_CONF_WORDS_MAX; i++)
        CHECK(strlen(line->words[i]) < DOCTOR_CONF_LINE_MAX);
    seen->line = line->line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct bytes text = {.p = (const char *)data, .len = len};
    struct seen seen = {.begin = text.p, .end = text.p + len};
    struct doctor_ini_events events = {.each = see_entry, .variable = variable, .arg = &seen};
    unsigned line;
    if (!doctor_ini_read(text, &events, &line))
        CHECK(line >= seen.line);
    seen.line = 0;
    doctor_conf_read(text, see_line, &seen);
    return 0;
}
