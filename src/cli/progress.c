/* How far a long work is, see progress.h. */
#include "cli/progress.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { FIRST_NS = 500000000, NEXT_NS = 200000000 };

bool progress_is_on(bool is_silent)
{
    return isatty(STDERR_FILENO) == 1 && (is_silent || isatty(STDOUT_FILENO) != 1);
}

void progress_begin(struct progress *progress, const char *what, uint64_t total, bool is_silent)
{
    *progress = (struct progress){.is_on = progress_is_on(is_silent),
                                  .next_ns = clock_steady_ns(&clock_system) + FIRST_NS,
                                  .what = what,
                                  .total = total};
}

void progress_tell(struct progress *progress, uint64_t n)
{
    if (n % 64 == 0)
        progress_tell_now(progress, n);
}

void progress_tell_now(struct progress *progress, uint64_t n)
{
    if (!progress->is_on)
        return;
    uint64_t now_ns = clock_steady_ns(&clock_system);
    if (now_ns < progress->next_ns)
        return;
    progress->next_ns = now_ns + NEXT_NS;
    progress->is_told = true;
    if (progress->total > 0 && n <= progress->total)
        fprintf(stderr, "\r%s %" PRIu64 " of %" PRIu64 ", %" PRIu64 " %%\033[K", progress->what, n,
                progress->total, n * 100 / progress->total);
    else
        fprintf(stderr, "\r%s %" PRIu64 "\033[K", progress->what, n);
}

void progress_end(struct progress *progress)
{
    if (progress->is_told)
        fputs("\r\033[K", stderr);
    progress->is_on = progress->is_told = false;
}
