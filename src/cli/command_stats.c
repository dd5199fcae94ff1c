/* cloakroom stats: the server's figures, one a line. */
#include "cli/command.h"
#include "cli/table.h"

#include <string.h>

enum { WORDS_MAX = 8 };

/* "STAT curr_items 12" */
static bool cut_stat(struct bytes line, struct bytes *ret_name, struct bytes *ret_value)
{
    struct bytes begin = bytes_of("STAT ");
    if (!bytes_starts_with(line, begin))
        return false;
    const char *name = line.p + begin.len;
    size_t left = line.len - begin.len;
    const char *blank = memchr(name, ' ', left);
    size_t name_len = blank == NULL ? left : (size_t)(blank - name);
    size_t value_at = blank == NULL ? left : name_len + 1;
    *ret_name = (struct bytes){.p = name, .len = name_len};
    *ret_value = (struct bytes){.p = name + value_at, .len = left - value_at};
    return true;
}

static enum outcome take_line(struct client *client, struct bytes line, struct table *table)
{
    struct bytes name;
    struct bytes value;
    if (!cut_stat(line, &name, &value))
        return command_refuse(client, line);
    enum err err = table_add(table, name, value);
    if (err == ERR_NONE)
        return OUTCOME_OK;
    command_complain("stats cannot be shown: %s", err_text(err));
    return OUTCOME_NO;
}

/* Reads to the answer's end: END, or RESET, which is all there is then. */
static enum outcome read_answer(struct client *client, struct table *table)
{
    for (;;) {
        struct bytes line;
        if (client_read_line(client, &line) != ERR_NONE)
            return command_fail(client);
        bool is_reset = table->n == 0 && bytes_equal(line, bytes_of("RESET"));
        if (is_reset)
            puts("the counters are set to zero");
        if (is_reset || bytes_equal(line, bytes_of("END")))
            return client_finish(client) == ERR_NONE ? OUTCOME_OK : command_fail(client);
        enum outcome outcome = take_line(client, line, table);
        if (outcome != OUTCOME_OK)
            return outcome;
    }
}

static enum outcome ask(const struct call *call, struct client *client)
{
    const char *words[WORDS_MAX] = {"stats"};
    size_t n = 1;
    for (size_t i = 0; i < call->nargs && n < WORDS_MAX; i++)
        words[n++] = call->args[i];
    return command_send_words(client, words, n);
}

enum outcome command_stats(const struct call *call)
{
    struct client client = {0};
    struct table table = {0};
    enum outcome outcome = command_connect(call, &client);
    if (outcome == OUTCOME_OK)
        outcome = ask(call, &client);
    if (outcome == OUTCOME_OK)
        outcome = read_answer(&client, &table);
    if (outcome == OUTCOME_OK)
        table_print(&table, stdout);
    table_fini(&table);
    client_close(&client);
    return outcome;
}
