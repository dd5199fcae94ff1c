/* Reads /proc for what a process used, see cputime.h. */
#include "cputime.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* utime and stime are fields 14 and 15 of /proc/PID/stat, counted behind the name in parentheses; see
 * proc(5). */
static bool ticks_read(pid_t pid, struct cputime *ret)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = 0;
    const char *behind = strrchr(text, ')');
    return behind && sscanf(behind, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
                            &ret->user_ticks, &ret->system_ticks) == 2;
}

bool cputime_read(pid_t pid, struct cputime *ret)
{
    struct cputime now;
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0 || !ticks_read(pid, &now))
        return false;
    now.total_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    *ret = now;
    return true;
}
