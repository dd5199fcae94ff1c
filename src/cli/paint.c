/* Colours, where somebody sees them; see paint.h. */
#include "cli/paint.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool paint_is_on(FILE *out)
{
    const char *none = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    if ((none != NULL && none[0] != '\0') || term == NULL || strcmp(term, "dumb") == 0)
        return false;
    return isatty(fileno(out)) == 1;
}

const char *paint_begin(enum paint paint, bool is_on)
{
    static const char *const codes[] = {
        [PAINT_PLAIN] = "", [PAINT_TITLE] = "\033[1m", [PAINT_WARN] = "\033[33m", [PAINT_BAD] = "\033[31m"};
    return is_on ? codes[paint] : "";
}

const char *paint_end(enum paint paint, bool is_on)
{
    return is_on && paint != PAINT_PLAIN ? "\033[0m" : "";
}
