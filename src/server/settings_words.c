/* The words of -o, see settings.h. Those of memcached that have no meaning here are accepted, each with its reason. */
#include "server/settings_private.h"

static const struct option_row rows[] = {
    {.name = "modern", OPTION_IGNORED("its defaults are for memcached's slabs and LRU")},
};

const struct option_table settings_words = {.rows = rows, .n = sizeof rows / sizeof *rows};
