/* bot: is it a robot that asks, by what it calls itself (cloakroom.bot_pattern)? Private to php/. */
#ifndef CLOAKROOM_PHP_BOT_H
#define CLOAKROOM_PHP_BOT_H

#include <stdbool.h>

/* Has `user_agent` one of the words in `pattern`, which stand between |, whatever their case? An empty word is none. */
bool bot_matches(const char *user_agent, const char *pattern);

/* Of the request that PHP is at; looked at once. */
bool bot_is_asking(void);

#endif
