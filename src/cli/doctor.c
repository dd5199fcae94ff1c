/* The order in which doctor looks; see doctor.h. */
#include "cli/doctor.h"
#include "base/version.h"

#include <time.h>
#include <unistd.h>

static void (*const checks[])(struct doctor *) = {
    doctor_check_load, doctor_check_path, doctor_check_override, doctor_check_files,
    doctor_check_life, doctor_check_safe, doctor_check_server,
};

const char *doctor_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

int64_t doctor_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

json_t *doctor_string(const char *text, size_t len)
{
    json_t *string = json_stringn(text, len);
    char clean[1024];
    if (string != NULL)
        return string;
    len = len < sizeof clean ? len : sizeof clean;
    for (size_t i = 0; i < len; i++)
        clean[i] = (unsigned char)text[i] < 0x80 && text[i] != '\0' ? text[i] : '?';
    return json_stringn(clean, len);
}

void doctor_put(struct doctor *doctor, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        doctor->is_short = true;
}

void doctor_append(struct doctor *doctor, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        doctor->is_short = true;
}

void doctor_init(struct doctor *doctor, const char *root)
{
    char host[256] = "";
    *doctor = (struct doctor){.root = strcmp(root, "/") == 0 ? "" : root, .timeout_ms = 1000};
    gethostname(host, sizeof host - 1);
    doctor->bases = json_array();
    doctor->views = json_array();
    doctor->servers = json_array();
    doctor->findings = json_array();
    doctor->report = json_pack("{s:s, s:s, s:I, s:s, s:O, s:O, s:O}", "cloakroom", VERSION_TEXT, "host", host,
                               "made_at", (json_int_t)time(NULL), "root", root, "views", doctor->views,
                               "servers", doctor->servers, "findings", doctor->findings);
    doctor->is_short = doctor->report == NULL;
}

void doctor_fini(struct doctor *doctor)
{
    json_decref(doctor->report);
    json_decref(doctor->bases);
    json_decref(doctor->views);
    json_decref(doctor->servers);
    json_decref(doctor->findings);
    *doctor = (struct doctor){0};
}

void doctor_run(struct doctor *doctor)
{
    doctor_php_look(doctor);
    doctor_fpm_look(doctor);
    doctor_web_look(doctor);
    doctor_server_look(doctor);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        checks[i](doctor);
}
