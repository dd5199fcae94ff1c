/* Names that others had before, see stand_in.h. */
#include "php_cloakroom.h"
#include "stand_in.h"

#include <php_ini.h>

#define DEFAULT_PREFIX "memc.sess.key."

static const char *const names[STAND_INS] = {"cloakroom", "memcached", "memcache"};

const char *stand_in_name(enum stand_in which)
{
    return names[which];
}

/* Both are named as dependencies of ours, so they have been started, or given up, before. */
bool stand_in_is_wanted(enum stand_in which)
{
    const char *name = names[which];
    return CLOAKROOM_G(stand_in) && !zend_hash_str_exists(&module_registry, name, strlen(name));
}

enum stand_in stand_in_configured(void)
{
    const char *handler =
        zend_ini_string((char *)"session.save_handler", sizeof "session.save_handler" - 1, 0);
    for (enum stand_in which = STAND_IN_MEMCACHED; handler != NULL && which < STAND_INS; which++)
        if (strcmp(handler, names[which]) == 0)
            return which;
    return STAND_IN_NONE;
}

/* A setting of an extension that is not there is known to nobody but php.ini. */
static const char *from_php_ini(const char *name)
{
    char *value = NULL;
    if (cfg_get_string((char *)name, &value) == FAILURE || value == NULL || *value == '\0')
        return NULL;
    return value;
}

const char *stand_in_save_path(enum stand_in which, const char *given)
{
    const char *own = which == STAND_IN_MEMCACHE ? from_php_ini("memcache.session_save_path") : NULL;
    return own != NULL ? own : given;
}

static bool is_mark(char c)
{
    return c == '.' || c == '_' || c == '-' || c == ':';
}

const char *stand_in_prefix(enum stand_in which)
{
    const char *prefix = which == STAND_IN_MEMCACHED ? from_php_ini("memcached.sess_prefix") : NULL;
    return prefix != NULL ? prefix : DEFAULT_PREFIX;
}

struct bytes stand_in_application(enum stand_in which)
{
    const char *prefix = stand_in_prefix(which);
    struct bytes name = {0};
    if (strcmp(prefix, DEFAULT_PREFIX) == 0)
        return name;
    name = bytes_of(prefix);
    while (name.len > 0 && is_mark(name.p[name.len - 1]))
        name.len--;
    return name;
}
