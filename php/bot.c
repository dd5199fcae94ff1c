/* Robots, see bot.h. */
#include "bot.h"
#include "php_cloakroom.h"

#include <php_variables.h>
#include <string.h>

bool bot_matches(const char *user_agent, const char *pattern)
{
    for (size_t len; *pattern != '\0'; pattern += len + (pattern[len] == '|')) {
        len = strcspn(pattern, "|");
        for (const char *at = user_agent; len > 0 && *at != '\0'; at++)
            if (strncasecmp(at, pattern, len) == 0)
                return true;
    }
    return false;
}

static const char *user_agent(void)
{
    zend_is_auto_global_str("_SERVER", sizeof "_SERVER" - 1);
    const zval *server = &PG(http_globals)[TRACK_VARS_SERVER];
    const zval *found =
        Z_TYPE_P(server) == IS_ARRAY
            ? zend_hash_str_find(Z_ARRVAL_P(server), "HTTP_USER_AGENT", sizeof "HTTP_USER_AGENT" - 1)
            : NULL;
    return found != NULL && Z_TYPE_P(found) == IS_STRING ? Z_STRVAL_P(found) : "";
}

bool bot_is_asking(void)
{
    const char *pattern = CLOAKROOM_G(bot_pattern);
    if (CLOAKROOM_G(asker) == ASKER_UNKNOWN)
        CLOAKROOM_G(asker) = pattern != NULL && bot_matches(user_agent(), pattern) ? ASKER_BOT : ASKER_HUMAN;
    return CLOAKROOM_G(asker) == ASKER_BOT;
}
