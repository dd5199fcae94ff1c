/* What the operator asked for, see settings.h. */
#include "engine/keyclass.h"
#include "proto/proto.h"
#include "server/settings_private.h"

/* As in memcached, -U without -p says both. */
static void take_port_of_udp(struct settings *settings)
{
    if (settings->has_port || !settings_wants_udp(settings))
        return;
    settings->port = settings->udp_port;
    settings->any_port = settings->any_udp_port;
}

enum err settings_parse(struct settings_parser *parser, int argc, char *const argv[])
{
    parser->settings.port = SETTINGS_PORT;
    enum err err = option_init(&parser->set, settings_rows.rows, settings_rows.n, &parser->settings);
    if (err == ERR_NONE)
        err = option_parse_args(&parser->set, argc, argv);
    if (err == ERR_NONE)
        take_port_of_udp(&parser->settings);
    return err;
}

bool settings_wants_udp(const struct settings *settings)
{
    return settings->udp_port != 0 || settings->any_udp_port;
}

const char *settings_contradiction(const struct settings *settings)
{
    if (settings->no_evict && settings->evict_sessions)
        return "-M forbids what --evict-sessions asks for; give one of them";
    enum store_sync sync;
    if (!settings_sync(settings, &sync))
        return "--sync: give always, interval or none";
    if (sync != STORE_SYNC_INTERVAL && settings->data == NULL)
        return "--sync: without --data nothing is kept on disk; give --data DIR, or leave --sync out";
    if (settings_wants_udp(settings) && (settings->sasl || settings->auth_file != NULL))
        return "-U: nobody can log in over UDP; leave it out, or -S and -Y";
    bool is_text_wanted = settings->protocol == DIALECT_TEXT ||
                          (settings->protocol == DIALECT_UNKNOWN && settings->auth_file == NULL);
    if (settings->sasl && settings->has_protocol && is_text_wanted)
        return "-S: SASL is of the binary protocol alone: give -B binary, or no -B";
    if (settings->value_max > (settings->memory_mib << 20) / 2)
        return "-I: at most half of -m";
    if (settings->data != NULL && settings->data[0] == '\0')
        return "--data: give the name of a directory";
    if (settings->http_key != NULL && settings->http_cert == NULL)
        return "--http-key: name the certificate, too, with --http-cert";
    for (size_t i = 0; i < settings->session_prefixes.n; i++) {
        struct keyclass_prefix prefix;
        const char *word = settings->session_prefixes.items[i];
        if (word[0] == '\0' || word[0] == '=')
            return "--session-prefix: an empty one would make every key a session; give the beginning of the "
                   "sessions' keys";
        if (!keyclass_read(word, &prefix))
            return "--session-prefix: name the application that the prefix belongs to: PREFIX=NAME, with up "
                   "to 64 "
                   "letters, digits, or any of . _ - :";
    }
    return NULL;
}

bool settings_sync(const struct settings *settings, enum store_sync *ret)
{
    static const char *const words[] = {
        [STORE_SYNC_INTERVAL] = "interval", [STORE_SYNC_ALWAYS] = "always", [STORE_SYNC_NONE] = "none"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(settings->sync, words[i]) == 0) {
            *ret = (enum store_sync)i;
            return true;
        }
    }
    return false;
}

void settings_fini(struct settings_parser *parser)
{
    option_fini(&parser->set);
}
