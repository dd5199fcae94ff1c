/* tags: words that sessions are found by, as cloakroom_tag() and cloakroom.tag_from give them; private to php/. */
#ifndef CLOAKROOM_PHP_TAGS_H
#define CLOAKROOM_PHP_TAGS_H

#include <stdbool.h>
#include <stddef.h>

enum { TAG_MAX = 64 /* bytes */, TAGS_MAX = 8 /* of a session */ };

struct tags {
    size_t n;
    char text[TAGS_MAX][TAG_MAX + 1];
};

/* 1 to TAG_MAX bytes, no spaces or control characters. */
bool tags_is_tag(const char *text, size_t len);

/* False: there are TAGS_MAX already. One that is there stays once. */
bool tags_add(struct tags *tags, const char *text, size_t len);

/* What session variables say, by the names of cloakroom.tag_from: `user_id:42`. What makes no tag is left out. False:
 * that is not set. */
bool tags_add_variables(struct tags *tags);

#endif
