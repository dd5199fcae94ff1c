/* A row a second, see history.h. */
#include "http/history.h"
#include "base/num.h"
#include "http/http.h"

#include <sys/resource.h>

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void take_line(void *to, struct bytes name, struct bytes value)
{
    static const char *const stats[] = {
#define HISTORY_STAT(name, stat) stat,
        HISTORY_COLUMNS(HISTORY_STAT)
#undef HISTORY_STAT
    };
    struct history_row *row = to;
    uint64_t number;
    for (size_t i = 0; i < HISTORY_NCOLUMNS; i++) {
        if (bytes_equal(name, bytes_of(stats[i])) && num_parse_u64(value, &number))
            row->values[i] = (double)number;
    }
}

void history_add(struct history *history, const struct http_host *host, uint64_t wall_ms)
{
    struct history_row *row = &history->rows[history->nrows % HISTORY_ROWS];
    struct rusage usage;
    *row = (struct history_row){.values[HISTORY_time_ms] = (double)wall_ms};
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        row->values[HISTORY_cpu_s] = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    host->stats(host->arg, take_line, row);
    history->nrows++;
}

static json_t *show_row(const struct history_row *row)
{
    json_t *list = json_array();
    for (size_t i = 0; i < HISTORY_NCOLUMNS; i++) {
        double value = row->values[i];
        json_array_append_new(list, i == HISTORY_cpu_s ? json_real(value) : json_integer((json_int_t)value));
    }
    return list;
}

json_t *history_show(const struct history *history, uint64_t after_ms)
{
    static const char *const names[] = {
#define HISTORY_NAME(name, stat) #name,
        HISTORY_COLUMNS(HISTORY_NAME)
#undef HISTORY_NAME
    };
    uint64_t n = history->nrows < HISTORY_ROWS ? history->nrows : HISTORY_ROWS;
    json_t *columns = json_array();
    json_t *rows = json_array();
    for (size_t i = 0; i < HISTORY_NCOLUMNS; i++)
        json_array_append_new(columns, json_string(names[i]));
    for (uint64_t i = history->nrows - n; i < history->nrows; i++) {
        const struct history_row *row = &history->rows[i % HISTORY_ROWS];
        if (row->values[HISTORY_time_ms] > (double)after_ms)
            json_array_append_new(rows, show_row(row));
    }
    return json_pack("{s:i, s:o, s:o}", "step_s", 1, "names", columns, "rows", rows);
}
