/* What doctor has seen and found, for people; see doctor.h. */
#include "cli/cell.h"
#include "cli/doctor_path.h"
#include "cli/paint.h"

#include <stdio.h>

static void put(const char *begin, const char *text, const char *end)
{
    char clean[CELL_MAX];
    cell_clean(bytes_of(text), clean, sizeof clean);
    printf("%s%s%s", begin, clean, end);
}

static int width_of(const struct doctor *doctor)
{
    size_t i;
    json_t *view;
    int width = 0;
    json_array_foreach(doctor->views, i, view)
    {
        int len = (int)strlen(doctor_view_name(view));
        width = len > width ? len : width;
    }
    return width > 48 ? 48 : width;
}

static void show_views(const struct doctor *doctor, bool is_on)
{
    size_t i;
    json_t *view;
    char name[CELL_MAX];
    char path[CELL_MAX];
    int width = width_of(doctor);
    printf("%sWhat each PHP sees%s\n", paint_begin(PAINT_TITLE, is_on), paint_end(PAINT_TITLE, is_on));
    json_array_foreach(doctor->views, i, view)
    {
        const char *handler = doctor_view_get(view, "session.save_handler");
        bool has_files = strcmp(handler, "files") == 0;
        cell_clean(bytes_of(doctor_view_name(view)), name, sizeof name);
        cell_clean(
            bytes_of(has_files ? doctor_path_directory(view) : doctor_view_get(view, "session.save_path")),
            path, sizeof path);
        printf("  %-*s  ", width, name);
        put("", handler, "  ");
        printf("%s%s\n", path,
               json_is_true(json_object_get(view, "is_asked")) ? ""
                                                               : "  (from its files; PHP was not asked)");
    }
}

static void show_servers(const struct doctor *doctor, bool is_on)
{
    size_t i;
    json_t *server;
    if (json_array_size(doctor->servers) == 0)
        return;
    printf("\n%sServers%s\n", paint_begin(PAINT_TITLE, is_on), paint_end(PAINT_TITLE, is_on));
    json_array_foreach(doctor->servers, i, server)
    {
        put("  ", doctor_text(server, "address"), "  ");
        if (strcmp(doctor_text(server, "state"), "answers") != 0) {
            put("", doctor_text(server, "state"), "\n");
            continue;
        }
        put("", doctor_text(server, "kind"), " ");
        put("", doctor_text(server, "version"), "");
        if (json_object_get(server, "round_trip_us") != NULL)
            printf(", round trip %.2f ms", (double)doctor_number(server, "round_trip_us") / 1000);
        const char *sessions = doctor_text(json_object_get(server, "stats"), "cloakroom_sessions");
        if (sessions[0] != '\0')
            put(", ", sessions, " sessions");
        puts("");
    }
}

static void show_finding(const json_t *finding, bool is_on)
{
    size_t i;
    json_t *name;
    const char *severity = doctor_text(finding, "severity");
    enum paint paint = strcmp(severity, "error") == 0 ? PAINT_BAD : PAINT_WARN;
    const char *file = doctor_text(finding, "file");
    printf("\n%s%s %s%s\n", paint_begin(paint, is_on), severity, doctor_text(finding, "id"),
           paint_end(paint, is_on));
    put("  ", doctor_text(finding, "what"), "\n");
    put("  why     ", doctor_text(finding, "why"), "\n");
    json_array_foreach(json_object_get(finding, "where"), i, name)
        put(i == 0 ? "  where   " : ", ", json_string_value(name), "");
    if (json_array_size(json_object_get(finding, "where")) > 0)
        puts("");
    if (file[0] != '\0')
        put("  change  ", file, "");
    if (file[0] != '\0' && doctor_number(finding, "line") > 0)
        printf(":%d", (int)doctor_number(finding, "line"));
    if (doctor_text(finding, "change")[0] != '\0')
        put(file[0] != '\0' ? "\n          " : "  change  ", doctor_text(finding, "change"), "");
    if (file[0] != '\0' || doctor_text(finding, "change")[0] != '\0')
        puts("");
}

void doctor_show(const struct doctor *doctor)
{
    size_t i;
    size_t nerrors = 0;
    json_t *finding;
    bool is_on = paint_is_on(stdout);
    if (json_array_size(doctor->views) > 0)
        show_views(doctor, is_on);
    show_servers(doctor, is_on);
    json_array_foreach(doctor->findings, i, finding)
    {
        show_finding(finding, is_on);
        nerrors += strcmp(doctor_text(finding, "severity"), "error") == 0;
    }
    size_t n = json_array_size(doctor->findings);
    printf("%s%zu findings: %zu errors, %zu warnings\n",
           n > 0 || json_array_size(doctor->views) > 0 ? "\n" : "", n, nerrors, n - nerrors);
}
