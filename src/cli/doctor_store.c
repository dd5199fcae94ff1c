/* The handler files: its directory, and who cleans it; see doctor.h. */
#include "cli/doctor_path.h"
#include "cli/doctor_root.h"

#include <stdio.h>
#include <unistd.h>

static bool has_files(const json_t *view)
{
    return strcmp(doctor_view_get(view, "session.save_handler"), "files") == 0;
}

static void check_directory(struct doctor *doctor, const json_t *view)
{
    char at[DOCTOR_INI_VALUE_MAX];
    struct stat status;
    struct doctor_user user;
    struct doctor_change change = {0};
    const char *directory = doctor_path_directory(view);
    const char *name = doctor_text(view, "user");
    if (directory[0] != '/')
        return;
    if (!doctor_root_stat(doctor, directory, &status) || !S_ISDIR(status.st_mode)) {
        doctor_view_change(view, "session.save_path", "/var/lib/php/sessions", &change);
        doctor_find(doctor, DOCTOR_FILES_NO_DIRECTORY, doctor_view_name(view), &change,
                    "session.save_path names %s, which is no directory", directory);
        return;
    }
    bool may = !doctor_root_user(doctor, name, &user) ||
               doctor_root_may(doctor, &user, directory, W_OK | X_OK, at, sizeof at);
    snprintf(change.text, sizeof change.text, "install -d -m 1733 %.400s, as root", directory);
    if (!may)
        doctor_find(doctor, DOCTOR_FILES_NOT_WRITABLE, doctor_view_name(view), &change,
                    "the user %s may not write to %s, because of the permissions of %s", name, directory, at);
}

/* The longest life that Debian's cleaner, which reads the bases' files alone, knows for this directory; 0: none. */
static long cleaner_life(const struct doctor *doctor, const char *directory)
{
    size_t i;
    json_t *base;
    long life = 0;
    struct stat status;
    if (!doctor_root_stat(doctor, "/usr/lib/php/sessionclean", &status))
        return 0;
    json_array_foreach(doctor->bases, i, base)
    {
        long own = doctor_view_number(base, "session.gc_maxlifetime");
        if (has_files(base) && strcmp(doctor_path_directory(base), directory) == 0 && own > life)
            life = own;
    }
    return life;
}

/* The shortest life by which one of PHP's own cleans this directory; 0: none does. */
static long own_life(const struct doctor *doctor, const char *directory)
{
    size_t i;
    json_t *view;
    long life = 0;
    json_array_foreach(doctor->views, i, view)
    {
        long own = doctor_view_number(view, "session.gc_maxlifetime");
        bool cleans = doctor_view_number(view, "session.gc_probability") > 0;
        if (has_files(view) && cleans && strcmp(doctor_path_directory(view), directory) == 0 &&
            (life == 0 || own < life))
            life = own;
    }
    return life;
}

static void check_cleaning(struct doctor *doctor, const json_t *view)
{
    struct doctor_change change;
    const char *directory = doctor_path_directory(view);
    long life = doctor_view_number(view, "session.gc_maxlifetime");
    long by_cleaner = cleaner_life(doctor, directory);
    long by_php = own_life(doctor, directory);
    long shortest = by_php > 0 && (by_cleaner == 0 || by_php < by_cleaner) ? by_php : by_cleaner;
    if (shortest == 0) {
        doctor_view_change(view, "session.gc_probability", "1", &change);
        doctor_find(doctor, DOCTOR_FILES_NEVER_CLEANED, doctor_view_name(view), &change,
                    "nobody removes old sessions from %s: session.gc_probability is 0, and the session "
                    "cleaner does not "
                    "know the directory",
                    directory);
    } else if (shortest < life) {
        char value[32];
        snprintf(value, sizeof value, "%ld", shortest);
        doctor_view_change(view, "session.gc_maxlifetime", value, &change);
        snprintf(change.text, sizeof change.text,
                 "a directory of its own, or the same session.gc_maxlifetime in every "
                 "php.ini that shares %.200s",
                 directory);
        doctor_find(doctor, DOCTOR_FILES_CLEANED_EARLY, doctor_view_name(view), &change,
                    "session.gc_maxlifetime is %ld s, but sessions in %s are removed after %ld s", life,
                    directory, shortest);
    }
}

void doctor_check_files(struct doctor *doctor)
{
    size_t i;
    json_t *view;
    json_array_foreach(doctor->views, i, view)
    {
        if (!has_files(view) || strstr(doctor_path_directory(view), "${") != NULL)
            continue;
        check_directory(doctor, view);
        check_cleaning(doctor, view);
    }
}
