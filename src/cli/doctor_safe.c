/* Settings by which a session can be stolen; see doctor.h. */
#include "cli/doctor_view.h"

#include <stdio.h>

static void check_cookie(struct doctor *doctor, const json_t *view)
{
    static const struct {
        const char *name;
        const char *better;
    } flags[] = {
        {"session.cookie_httponly", "1"}, {"session.cookie_secure", "1"}, {"session.cookie_samesite", "Lax"}};
    struct doctor_change change = {0};
    char missing[256] = "";
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const char *value = doctor_view_get(view, flags[i].name);
        if (value[0] != '\0' && strcmp(value, "0") != 0)
            continue;
        if (change.file == NULL)
            doctor_view_change(view, flags[i].name, flags[i].better, &change);
        size_t len = strlen(missing);
        snprintf(missing + len, sizeof missing - len, "%s%s = %s", len > 0 ? ", " : "", flags[i].name,
                 flags[i].better);
    }
    if (missing[0] != '\0')
        doctor_find(doctor, DOCTOR_COOKIE_FLAGS, doctor_view_name(view), &change,
                    "the cookie lacks %s (secure only where all pages are served by HTTPS)", missing);
}

static void check_urls(struct doctor *doctor, const json_t *view)
{
    struct doctor_change change;
    bool is_in_url = doctor_view_is_on(view, "session.use_trans_sid");
    const char *name = is_in_url ? "session.use_trans_sid" : "session.use_only_cookies";
    doctor_view_change(view, name, is_in_url ? "0" : "1", &change);
    if (is_in_url || !doctor_view_is_on(view, "session.use_only_cookies"))
        doctor_find(doctor, DOCTOR_ID_IN_URL, doctor_view_name(view), &change, "%s = %s", name,
                    doctor_view_get(view, name));
}

void doctor_check_safe(struct doctor *doctor)
{
    size_t i;
    json_t *view;
    json_array_foreach(doctor->views, i, view)
    {
        struct doctor_change change;
        if (strcmp(doctor_text(view, "sapi"), "cli") == 0)
            continue;
        bool ignores_it = strcmp(doctor_view_get(view, "session.save_handler"), "memcache") == 0;
        doctor_view_change(view, "session.use_strict_mode", "1", &change);
        if (!ignores_it && !doctor_view_is_on(view, "session.use_strict_mode"))
            doctor_find(doctor, DOCTOR_STRICT_MODE_OFF, doctor_view_name(view), &change,
                        "session.use_strict_mode is off");
        check_cookie(doctor, view);
        check_urls(doctor, view);
    }
}
