/* The report of a bug of ours, see check.h. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "cloakroom: bug at %s:%d: CHECK(%s) failed; please report this line\n", file, line,
            condition);
    abort();
}
