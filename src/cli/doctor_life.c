/* How long sessions live, their locks, and what is written how often; see doctor.h. */
#include "cli/doctor_server.h"
#include "cli/doctor_view.h"

#include <stdio.h>

static bool is_handler(const json_t *view, const char *name)
{
    return strcmp(doctor_view_get(view, "session.save_handler"), name) == 0;
}

static void find(struct doctor *doctor, enum doctor_id id, const json_t *view, const char *name,
                 const char *better, const char *text)
{
    struct doctor_change change;
    doctor_view_change(view, name, better, &change);
    doctor_find(doctor, id, doctor_view_name(view), &change, "%s = %s: %s", name, doctor_view_get(view, name),
                text);
}

static void check_lives(struct doctor *doctor, const json_t *view)
{
    long life = doctor_view_number(view, "session.gc_maxlifetime");
    long cookie = doctor_view_number(view, "session.cookie_lifetime");
    char value[32];
    if (life <= 0)
        find(doctor, DOCTOR_LIFE_ZERO, view, "session.gc_maxlifetime", "1440", "that is no life");
    snprintf(value, sizeof value, "%ld", cookie);
    if (life > 0 && cookie > life)
        find(doctor, DOCTOR_COOKIE_OUTLIVES, view, "session.gc_maxlifetime", value,
             "session.cookie_lifetime is longer, so the browser's cookie outlives its session");
    long absolute = doctor_server_setting(doctor, view, "absolute_life");
    snprintf(value, sizeof value, "%ld", absolute);
    if (absolute > 0 && life > absolute)
        find(doctor, DOCTOR_LIFE_LONGER_THAN_SERVER, view, "session.gc_maxlifetime", value,
             "the server's --absolute-life is shorter");
}

static void check_locks(struct doctor *doctor, const json_t *view)
{
    bool is_web = strcmp(doctor_text(view, "sapi"), "cli") != 0;
    if (is_handler(view, "memcached") && !doctor_view_is_on(view, "memcached.sess_locking"))
        find(doctor, DOCTOR_LOCKING_OFF, view, "memcached.sess_locking", "1", "sessions are not locked");
    if (is_handler(view, "redis") && !doctor_view_is_on(view, "redis.session.locking_enabled"))
        find(doctor, DOCTOR_LOCKING_OFF, view, "redis.session.locking_enabled", "1",
             "sessions are not locked");
    if (is_handler(view, "cloakroom") && doctor_view_is_set(view, "session.cloakroom_lock") &&
        !doctor_view_is_on(view, "session.cloakroom_lock"))
        find(doctor, DOCTOR_LOCKING_OFF, view, "session.cloakroom_lock", "1",
             "that is for single pages: no session is locked, and none is stored");
    if (is_web && is_handler(view, "memcached") &&
        doctor_view_number(view, "memcached.sess_lock_expire") == 0 &&
        doctor_view_number(view, "max_execution_time") == 0 && !doctor_server_is(doctor, view, "cloakroomd"))
        find(doctor, DOCTOR_LOCK_NEVER_ENDS, view, "memcached.sess_lock_expire", "60",
             "and max_execution_time is 0: locks never end");
    if (is_handler(view, "memcached") && doctor_view_is_on(view, "memcached.sess_persistent"))
        find(doctor, DOCTOR_PERSISTENT, view, "memcached.sess_persistent", "0",
             "connections are kept from page to page");
    if (is_handler(view, "memcache") &&
        strstr(doctor_view_get(view, "session.save_path"), "persistent=1") != NULL)
        find(doctor, DOCTOR_PERSISTENT, view, "session.save_path", "... without persistent=1",
             "connections are kept from page to page");
}

void doctor_check_life(struct doctor *doctor)
{
    size_t i;
    json_t *view;
    json_array_foreach(doctor->views, i, view)
    {
        check_lives(doctor, view);
        check_locks(doctor, view);
        if (!doctor_view_is_on(view, "session.lazy_write"))
            find(doctor, DOCTOR_LAZY_WRITE_OFF, view, "session.lazy_write", "1",
                 "what has not changed is written all the same");
    }
}
