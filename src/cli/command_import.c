/* cloakroom import: the sessions of files, memcached or Redis into a cloakroomd. */
#include "cli/cell.h"
#include "cli/import.h"
#include "cli/table.h"

#include <stdio.h>
#include <time.h>

/* What cloakroomd takes for a session unless told otherwise, and php-memcached's own default. */
static const char target_prefix[] = "memc.sess.key.";

enum { RELATIVE_MOST_S = 30 * 24 * 60 * 60, HEAD_MAX = 320 };

bool import_is_id(struct bytes id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.p[i];
        bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == ',';
        if (!is_good)
            return false;
    }
    return id.len > 0 && id.len <= IMPORT_ID_MAX;
}

bool import_cut_id(struct bytes key, const char *prefix, struct bytes *ret_id)
{
    if (!bytes_starts_with(key, bytes_of(prefix)))
        return false;
    struct bytes id = {.p = key.p + strlen(prefix), .len = key.len - strlen(prefix)};
    if (!import_is_id(id))
        return false;
    *ret_id = id;
    return true;
}

void import_fail(struct import *import, const char *reason)
{
    import->failed++;
    for (size_t i = 0; i < import->nreasons; i++) {
        if (strcmp(import->reasons[i].text, reason) == 0) {
            import->reasons[i].n++;
            return;
        }
    }
    if (import->nreasons == IMPORT_REASONS_MAX)
        return;
    struct import_reason *row = &import->reasons[import->nreasons++];
    snprintf(row->text, sizeof row->text, "%s", reason);
    row->n = 1;
}

/* As the protocol has it: 0 is for ever, more than 30 days are a date. */
static long long exptime_of(int64_t left_s)
{
    if (left_s == IMPORT_FOR_EVER)
        return 0;
    return left_s > RELATIVE_MOST_S ? (long long)time(NULL) + left_s : left_s;
}

static void take_answer(struct import *import, struct bytes line)
{
    char text[IMPORT_REASON_MAX];
    if (bytes_equal(line, bytes_of("STORED"))) {
        import->stored++;
    } else if (bytes_equal(line, bytes_of("NOT_STORED"))) {
        import->skipped++;
    } else {
        cell_clean(line, text, sizeof text);
        import_fail(import, text);
    }
}

static enum outcome store(struct import *import, struct bytes id, struct bytes value, uint32_t flags,
                          int64_t left_s)
{
    char head[HEAD_MAX];
    struct bytes line;
    const char *verb = import->call->options->overwrite ? "set" : "add";
    int len = snprintf(head, sizeof head, "%s %s%.*s %u %lld %zu\r\n", verb, target_prefix, (int)id.len, id.p,
                       (unsigned)flags, exptime_of(left_s), value.len);
    struct bytes parts[] = {{.p = head, .len = (size_t)len}, value, bytes_of("\r\n")};
    struct client *target = &import->target;
    if (client_send(target, parts, 3) != ERR_NONE || client_read_line(target, &line) != ERR_NONE)
        return command_fail(target);
    bool is_answer = client_is_refusal(line) || bytes_equal(line, bytes_of("STORED")) ||
                     bytes_equal(line, bytes_of("NOT_STORED"));
    if (!is_answer) {
        (void)client_reject(target, line);
        return command_fail(target);
    }
    take_answer(import, line);
    return client_finish(target) == ERR_NONE ? OUTCOME_OK : command_fail(target);
}

/* Is there such a session already? A dry run asks for what it will not store. */
static enum outcome look(struct import *import, struct bytes id)
{
    char request[HEAD_MAX];
    struct bytes line;
    int len = snprintf(request, sizeof request, "mg %s%.*s\r\n", target_prefix, (int)id.len, id.p);
    struct bytes part = {.p = request, .len = (size_t)len};
    struct client *target = &import->target;
    if (client_send(target, &part, 1) != ERR_NONE || client_read_line(target, &line) != ERR_NONE ||
        client_finish(target) != ERR_NONE)
        return command_fail(target);
    bool is_there = bytes_starts_with(line, bytes_of("HD"));
    import->skipped += is_there && !import->call->options->overwrite;
    import->stored += !is_there || import->call->options->overwrite;
    return OUTCOME_OK;
}

enum outcome import_put(struct import *import, struct bytes id, struct bytes value, uint32_t flags,
                        int64_t left_s)
{
    import->read++;
    progress_tell(&import->progress, import->read);
    if (left_s <= 0) {
        import->expired++;
        return OUTCOME_OK;
    }
    if (value.len == 0) {
        import->empty++;
        return OUTCOME_OK;
    }
    if (import->call->options->dry_run)
        return look(import, id);
    return store(import, id, value, flags, left_s);
}

static enum outcome show(const struct import *import)
{
    const struct call *call = import->call;
    struct facts facts = {.json = call->options->json, .exact = call->options->exact};
    const struct {
        const char *name;
        const char *key;
        uint64_t n;
    } rows[] = {
        {"read", "read", import->read},
        {call->options->dry_run ? "would be stored" : "stored", "stored", import->stored},
        {"there already", "skipped", import->skipped},
        {"expired", "expired", import->expired},
        {"empty", "empty", import->empty},
        {"failed", "failed", import->failed},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cell cell = cell_number(CELL_NUMBER, rows[i].n);
        facts_add(&facts, rows[i].name, rows[i].key, &cell);
    }
    if (facts_print(&facts, stdout) != ERR_NONE)
        return command_trouble(call, ERR_MEMORY);
    for (size_t i = 0; i < import->nreasons; i++)
        command_complain("import: %llu failed: %s", (unsigned long long)import->reasons[i].n,
                         import->reasons[i].text);
    return import->failed == 0 ? OUTCOME_OK : OUTCOME_NO;
}

bool import_is_cloakroomd(struct bytes version)
{
    struct bytes mark = bytes_of("-cloakroom-");
    return version.len > 0 && memmem(version.p, version.len, mark.p, mark.len) != NULL;
}

/* Where --to is forgotten, a memcached may be what answers on the usual port, perhaps the source itself. */
static enum outcome connect_target(struct import *import)
{
    struct bytes version;
    enum outcome outcome = command_connect(import->call, &import->target);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = command_ask_version(&import->target, &version);
    if (outcome == OUTCOME_OK && !import_is_cloakroomd(version)) {
        command_complain(
            "import: where the sessions are to go, no cloakroomd answers, but a memcached, version "
            "%.*s; name cloakroomd with --to",
            (int)version.len, version.p);
        outcome = OUTCOME_NO;
    }
    if (outcome != OUTCOME_OK)
        client_close(&import->target);
    return outcome;
}

static enum outcome run(const struct call *call)
{
    static const struct {
        const char *name;
        enum outcome (*run)(struct import *import, const char *where);
    } sources[] = {{"files", import_files}, {"memcached", import_memcached}, {"redis", import_redis}};
    struct import import = {.call = call};
    if (call->nargs != 2)
        return command_misuse(call,
                              "name a source and where it is: files DIR, memcached ADDRESS or redis ADDRESS");
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (strcmp(call->args[0], sources[i].name) != 0)
            continue;
        enum outcome outcome = connect_target(&import);
        if (outcome != OUTCOME_OK)
            return outcome;
        progress_begin(&import.progress, "sessions read", 0, true);
        outcome = sources[i].run(&import, call->args[1]);
        progress_end(&import.progress);
        client_close(&import.target);
        enum outcome shown = show(&import);
        return outcome == OUTCOME_OK ? shown : outcome;
    }
    return command_misuse(call, "%.40s is no source; there are files, memcached and redis", call->args[0]);
}

static enum err take_lifetime(struct option_set *set, const char *value)
{
    struct options *options = set->target;
    return options_take_duration(set, value, &options->lifetime_s);
}

static const struct option_row rows[] = {
    {.name = "to",
     .argument = "<addr>",
     .help = "the same as --server: where to store them",
     OPTION_TEXT(struct options, server)},
    {.name = "lifetime",
     .argument = "<time>",
     .help = "of files: how long a session lives after its last write, session.gc_maxlifetime; of Redis: for "
             "those without an "
             "end (default: 1440)",
     OPTION_CALL(take_lifetime)},
    {.name = "prefix",
     .argument = "<prefix>",
     .help = "what stands before the id in the source's keys (default: memc.sess.key. in memcached, "
             "PHPREDIS_SESSION: in "
             "Redis, sess_ in files); of php-memcache's keys it is empty",
     OPTION_TEXT(struct options, prefix)},
    {.name = "db",
     .argument = "<num>",
     .help = "the database of Redis",
     OPTION_NUMBER(struct options, db, 0, 65535)},
    {.name = "password-file",
     .argument = "<file>",
     .help = "the password of Redis, or user and password with a blank between them; else the environment's "
             "REDISCLI_AUTH",
     OPTION_TEXT(struct options, password_file)},
    {.name = "overwrite",
     .help = "store those, too, that are there already",
     OPTION_FLAG(struct options, overwrite)},
    {.name = "dry-run", .help = "store nothing; count what would be", OPTION_FLAG(struct options, dry_run)},
};

const struct command command_import = {
    .name = "import",
    .arguments = "source where",
    .summary = "bring the sessions of files, memcached or Redis into a cloakroomd",
    .help = "cloakroom import files /var/lib/php/sessions --lifetime 1440\n"
            "cloakroom import memcached 127.0.0.1:11211 --to 127.0.0.1:11311\n"
            "cloakroom import redis 127.0.0.1:6379 --to 127.0.0.1:11311\n"
            "\n"
            "Sessions keep their bytes and what is left of their lives, and are found by the extension and "
            "by php-memcached.\n"
            "Nothing changes at the source. One that is there already stays, so an import may be broken off "
            "and run again.\n"
            "docs/migration.md has the whole way. Exit code 1: some failed, and it is said why.\n",
    .options = COMMAND_OPTIONS(rows),
    .nargs_max = 2,
    .run = run};
