/* Times and sizes as people read and write them, see human.h. */
#include "cli/human.h"
#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR, DAYS_WITHOUT_HOURS = 100 };

void human_put_seconds(uint64_t s, char to[static HUMAN_MAX])
{
    if (s < MINUTE)
        snprintf(to, HUMAN_MAX, "%" PRIu64 "s", s);
    else if (s < HOUR)
        snprintf(to, HUMAN_MAX, "%" PRIu64 "m%02" PRIu64 "s", s / MINUTE, s % MINUTE);
    else if (s < DAY)
        snprintf(to, HUMAN_MAX, "%" PRIu64 "h%02" PRIu64 "m", s / HOUR, s % HOUR / MINUTE);
    else if (s < (uint64_t)DAYS_WITHOUT_HOURS * DAY)
        snprintf(to, HUMAN_MAX, "%" PRIu64 "d%02" PRIu64 "h", s / DAY, s % DAY / HOUR);
    else
        snprintf(to, HUMAN_MAX, "%" PRIu64 "d", s / DAY);
}

void human_put_ms(uint64_t ms, char to[static HUMAN_MAX])
{
    if (ms < 1000)
        snprintf(to, HUMAN_MAX, "%" PRIu64 "ms", ms);
    else if (ms < 10 * 1000)
        snprintf(to, HUMAN_MAX, "%" PRIu64 ".%" PRIu64 "s", ms / 1000, ms % 1000 / 100);
    else
        human_put_seconds(ms / 1000, to);
}

void human_put_size(uint64_t bytes, char to[static HUMAN_MAX])
{
    static const char units[] = "BKMGTPE";
    unsigned unit = 0;
    uint64_t below = 0; /* the 1,024ths of what was divided away */
    while (bytes >= 1024) {
        below = bytes % 1024;
        bytes /= 1024;
        unit++;
    }
    if (unit == 0)
        snprintf(to, HUMAN_MAX, "%" PRIu64 "B", bytes);
    else
        snprintf(to, HUMAN_MAX, "%" PRIu64 ".%" PRIu64 "%c", bytes, below * 10 / 1024, units[unit]);
}

void human_put_time(uint64_t unix_ms, char to[static HUMAN_MAX])
{
    time_t at = (time_t)(unix_ms / 1000);
    struct tm local;
    if (localtime_r(&at, &local) == NULL || strftime(to, HUMAN_MAX, "%Y-%m-%dT%H:%M:%S", &local) == 0)
        snprintf(to, HUMAN_MAX, "-");
}

static uint64_t unit_of(char letter)
{
    switch (letter) {
    case 's':
        return 1;
    case 'm':
        return MINUTE;
    case 'h':
        return HOUR;
    case 'd':
        return DAY;
    default:
        return 0;
    }
}

bool human_parse_duration(struct bytes text, uint64_t *ret_s)
{
    uint64_t n;
    uint64_t unit = text.len > 0 ? unit_of(text.p[text.len - 1]) : 0;
    text.len -= unit > 0;
    unit += unit == 0;
    if (!num_parse_u64(text, &n) || n > UINT64_MAX / unit)
        return false;
    *ret_s = n * unit;
    return true;
}
