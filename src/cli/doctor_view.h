/*
 * doctor_view: one place where PHP runs, and its settings with where they come from.
 *
 *      {"name": "8.2 fpm pool www", "version": "8.2", "sapi": "fpm", "pool": "www", "user": "www-data", "ini": "/etc/…/php.ini",
 *       "is_asked": false, "extensions": {"memcached": {"file": "…", "line": 1}},
 *       "settings": {"session.save_path": {"value": "…", "file": "…", "line": 3, "rank": 0, "lost": [{"value": …}]}}}
 *
 * Promise: of what is set twice the one wins that wins in PHP: by rank, and within a rank the last. Passwords are masked
 * before anything is stored. Where nothing is set, PHP's own default counts.
 * Ownership: borrowed, from the view.
 */
#ifndef CLOAKROOM_CLI_DOCTOR_VIEW_H
#define CLOAKROOM_CLI_DOCTOR_VIEW_H

#include "cli/doctor.h"
#include "cli/doctor_ini.h"

/* Who may override whom. */
enum doctor_rank {
    DOCTOR_RANK_INI,       /* php.ini and conf.d */
    DOCTOR_RANK_VALUE,     /* php_value of a pool or a site */
    DOCTOR_RANK_DIRECTORY, /* .htaccess, .user.ini */
    DOCTOR_RANK_ADMIN      /* php_admin_value */
};

struct doctor_place {
    const char *file;
    unsigned line;
};

/* A view that is added to the doctor's, named by version, sapi and, if it is not NULL, `part`. */
json_t *doctor_view_add(struct doctor *doctor, json_t *base, const char *part);

/* The same, not added yet; the caller's. */
json_t *doctor_view_new(struct doctor *doctor, const char *version, const char *sapi, const char *ini);

void doctor_view_set(struct doctor *doctor, json_t *view, const char *name, const char *value,
                     struct doctor_place place, enum doctor_rank rank);

/* An entry of an ini file; what is of no interest is passed over. */
void doctor_view_take(struct doctor *doctor, json_t *view, const struct doctor_ini_entry *entry,
                      const char *file, enum doctor_rank rank);

void doctor_view_add_extension(struct doctor *doctor, json_t *view, const char *name,
                               struct doctor_place place);

const char *doctor_view_name(const json_t *view);

/* The value, PHP's default where none is set; "" for one that is unknown here, too. */
const char *doctor_view_get(const json_t *view, const char *name);
bool doctor_view_is_on(const json_t *view, const char *name);
long doctor_view_number(const json_t *view, const char *name);
bool doctor_view_is_set(const json_t *view, const char *name);

/* Where it is set; the view's php.ini and line 0 where it is not. */
struct doctor_place doctor_view_place(const json_t *view, const char *name);

/* "name = value" to be written there, in that file's manner: php_value[name] in a pool, php_value name in Apache's. */
void doctor_view_change(const json_t *view, const char *name, const char *value, struct doctor_change *ret);

bool doctor_view_has(const json_t *view, const char *extension);

/* Is it a handler of servers: memcached, memcache, redis, cloakroom? */
bool doctor_view_has_servers(const json_t *view);

/* Copies `value` with every password in it as ***; `size` is more than 3. */
void doctor_view_mask(const char *name, const char *value, char *to, size_t size);

#endif
