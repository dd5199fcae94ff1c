/*
 * doctor_path: the servers that a save_path names.
 *
 * Ownership: the caller's.
 * Limits: DOCTOR_PATH_ITEMS_MAX servers; what does not fit is left out.
 */
#ifndef CLOAKROOM_CLI_DOCTOR_PATH_H
#define CLOAKROOM_CLI_DOCTOR_PATH_H

#include "cli/doctor_view.h"
#include "client/address.h"

enum { DOCTOR_PATH_ITEMS_MAX = 16, DOCTOR_PATH_ITEM_MAX = 256 };

struct doctor_path {
    const char *setting; /* session.save_path, or memcache.session_save_path where that wins */
    const char *value;
    size_t n;
    char items[DOCTOR_PATH_ITEMS_MAX][DOCTOR_PATH_ITEM_MAX]; /* without blanks around them */
};

/* Of a view whose handler has servers. False: a part of it is known to PHP alone, ${…}. */
bool doctor_path_cut(const json_t *view, struct doctor_path *ret);

/* The address that the handler makes of an item, what stands behind ? left out. False: none. */
bool doctor_path_address(const char *handler, const char *item, struct address *ret);

/* The directory of the handler files: what stands behind the last ;, or its default. */
const char *doctor_path_directory(const json_t *view);

#endif
