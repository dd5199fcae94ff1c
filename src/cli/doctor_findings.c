/* What doctor finds; see doctor_findings.h. */
#include "cli/doctor.h"

#include <stdarg.h>
#include <stdio.h>

enum { WHAT_MAX = 1024 };

static const struct {
    const char *id;
    const char *severity;
    const char *why;
} rows[] = {
#define DOCTOR_ROW(name, id, severity, why) {id, severity, why},
    DOCTOR_FINDINGS(DOCTOR_ROW)
#undef DOCTOR_ROW
};

const char *doctor_severity(enum doctor_id id)
{
    return rows[id].severity;
}

const char *doctor_id_text(enum doctor_id id)
{
    return rows[id].id;
}

const char *doctor_why(enum doctor_id id)
{
    return rows[id].why;
}

/* The finding of the same words, if there is one. */
static json_t *same(const struct doctor *doctor, enum doctor_id id, const char *what, const char *change)
{
    size_t i;
    json_t *finding;
    json_array_foreach(doctor->findings, i,
                       finding) if (strcmp(doctor_text(finding, "id"), rows[id].id) == 0 &&
                                    strcmp(doctor_text(finding, "what"), what) == 0 &&
                                    strcmp(doctor_text(finding, "change"), change) == 0) return finding;
    return NULL;
}

static void add_where(struct doctor *doctor, json_t *finding, const char *view)
{
    size_t i;
    json_t *name;
    json_t *where = json_object_get(finding, "where");
    if (view == NULL)
        return;
    json_array_foreach(where, i, name) if (strcmp(json_string_value(name), view) == 0) return;
    doctor_append(doctor, where, json_string(view));
}

void doctor_find(struct doctor *doctor, enum doctor_id id, const char *view,
                 const struct doctor_change *change, const char *format, ...)
{
    static const struct doctor_change none = {0};
    char what[WHAT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (change == NULL)
        change = &none;
    json_t *finding = same(doctor, id, what, change->text);
    if (finding == NULL) {
        finding = json_pack("{s:s, s:s, s:s+, s:s, s:s, s:i, s:s, s:[]}", "id", rows[id].id, "severity",
                            rows[id].severity, "what", what, "", "why", rows[id].why, "file",
                            change->file == NULL ? "" : change->file, "line", (int)change->line, "change",
                            change->text, "where");
        doctor_append(doctor, doctor->findings, finding);
    }
    add_where(doctor, finding, view);
}
