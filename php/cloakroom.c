/* The module: its settings, and what phpinfo() shows of it. */
#include "php_cloakroom.h"
#include "base/version.h"
#include "cloakroom_arginfo.h"

#include <ext/session/php_session.h>
#include <ext/standard/info.h>
#include <php_ini.h>
#include <unistd.h>

ZEND_DECLARE_MODULE_GLOBALS(cloakroom)

enum { MS_MAX = 24 * 60 * 60 * 1000, S_MAX = 24 * 60 * 60, APPLICATION_MAX = 64 };

/* ---- settings ---- */

/* unit: what it counts, such as "of seconds ", or "". */
static int update_number(zend_ini_entry *entry, zend_string *text, char *base, size_t offset, zend_long most,
                         const char *unit)
{
    char *end;
    zend_long value = ZEND_STRTOL(ZSTR_VAL(text), &end, 10);
    if (end == ZSTR_VAL(text) || *end != '\0' || value < 0 || value > most) {
        php_error_docref(NULL, E_WARNING,
                         "Cloakroom: %s = \"%s\" is refused; write a number %sfrom 0 to " ZEND_LONG_FMT,
                         ZSTR_VAL(entry->name), ZSTR_VAL(text), unit, most);
        return FAILURE;
    }
    memcpy(base + offset, &value, sizeof value);
    return SUCCESS;
}

static ZEND_INI_MH(update_ms)
{
    (void)mh_arg3, (void)stage;
    return update_number(entry, new_value, ZEND_INI_GET_BASE(), (size_t)mh_arg1, MS_MAX, "of milliseconds ");
}

static ZEND_INI_MH(update_s)
{
    (void)mh_arg3, (void)stage;
    return update_number(entry, new_value, ZEND_INI_GET_BASE(), (size_t)mh_arg1, S_MAX, "of seconds ");
}

static ZEND_INI_MH(update_redundancy)
{
    (void)mh_arg3, (void)stage;
    if (strcmp(ZSTR_VAL(new_value), "0") == 0) {
        php_error_docref(NULL, E_WARNING,
                         "Cloakroom: cloakroom.redundancy = 0 is refused; 1 keeps a session on one server");
        return FAILURE;
    }
    return update_number(entry, new_value, ZEND_INI_GET_BASE(), (size_t)mh_arg1, REDUNDANCY_MAX, "");
}

static bool is_application(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && c != '.' && c != '_' && c != '-')
            return false;
    }
    return name.len <= APPLICATION_MAX;
}

static ZEND_INI_MH(update_application)
{
    if (new_value != NULL &&
        !is_application((struct bytes){.p = ZSTR_VAL(new_value), .len = ZSTR_LEN(new_value)})) {
        php_error_docref(
            NULL, E_WARNING,
            "Cloakroom: cloakroom.application = \"%s\" is refused; it may have letters, digits, '.', '_' "
            "and '-', %d at most",
            ZSTR_VAL(new_value), APPLICATION_MAX);
        return FAILURE;
    }
    return OnUpdateString(entry, new_value, mh_arg1, mh_arg2, mh_arg3, stage);
}

static ZEND_INI_MH(update_wait_now)
{
    (void)mh_arg3, (void)stage;
    if (new_value != NULL && zend_string_equals_literal(new_value, "-1")) {
        CLOAKROOM_G(wait_now) = -1;
        return SUCCESS;
    }
    return update_number(entry, new_value, ZEND_INI_GET_BASE(), (size_t)mh_arg1, MS_MAX, "of milliseconds ");
}

static ZEND_INI_MH(update_bytes)
{
    (void)mh_arg3, (void)stage;
    return update_number(entry, new_value, ZEND_INI_GET_BASE(), (size_t)mh_arg1, INT32_MAX, "of bytes ");
}

static ZEND_INI_MH(update_bot_pattern)
{
    CLOAKROOM_G(asker) = ASKER_UNKNOWN;
    return OnUpdateString(entry, new_value, mh_arg1, mh_arg2, mh_arg3, stage);
}

static ZEND_INI_MH(update_busy)
{
    (void)mh_arg1, (void)mh_arg2, (void)mh_arg3, (void)stage;
    bool reads = zend_string_equals_literal(new_value, "read");
    if (!reads && !zend_string_equals_literal(new_value, "fail")) {
        php_error_docref(NULL, E_WARNING, "Cloakroom: %s = \"%s\" is refused; write fail or read",
                         ZSTR_VAL(entry->name), ZSTR_VAL(new_value));
        return FAILURE;
    }
    CLOAKROOM_G(busy_reads) = reads;
    return SUCCESS;
}

/* Of robots that keep no cookie and get a session with each page. Magento's handler knows them by these, too. */
#define BOTS "bot|crawl|spider|slurp|archiver|indexer|facebookexternalhit|web preview|pingdom|monitor"

/* docs/php.md has the same table, with reasons. */
/* clang-format off */
#define ENTRY(name, default, update, field) \
    STD_PHP_INI_ENTRY(name, default, PHP_INI_ALL, update, field, zend_cloakroom_globals, cloakroom_globals)
PHP_INI_BEGIN()
    ENTRY("cloakroom.connect_timeout", "500",   update_ms,          connect_timeout)
    ENTRY("cloakroom.read_timeout",    "1000",  update_ms,          read_timeout)
    ENTRY("cloakroom.retry",           "1000",  update_ms,          retry)
    ENTRY("cloakroom.wait",            "30000", update_ms,          wait)
    ENTRY("cloakroom.lease",           "0",     update_s,           lease)
    ENTRY("cloakroom.grace",           "30",    update_s,           grace)
    ENTRY("cloakroom.redundancy",      "1",     update_redundancy,  redundancy)
    ENTRY("cloakroom.application",     "",      update_application, application)
    ENTRY("cloakroom.tag_from",        "",      OnUpdateString,     tag_from)
    ENTRY("cloakroom.first_life",      "0",     update_s,           first_life)
    ENTRY("cloakroom.bot_pattern",     BOTS,    update_bot_pattern, bot_pattern)
    ENTRY("cloakroom.compress",        "0",     update_bytes,       compress)
    ENTRY("cloakroom.busy",            "fail",  update_busy,        busy_reads)
    ENTRY("session.cloakroom_wait",    "-1",    update_wait_now,    wait_now)
    STD_PHP_INI_BOOLEAN("cloakroom.stand_in", "1", PHP_INI_SYSTEM, OnUpdateBool, stand_in, zend_cloakroom_globals,
                        cloakroom_globals)
    STD_PHP_INI_BOOLEAN("session.cloakroom_lock", "1", PHP_INI_ALL, OnUpdateBool, lock, zend_cloakroom_globals,
                        cloakroom_globals)
PHP_INI_END()
/* clang-format on */

zend_long cloakroom_wait_ms(void)
{
    return CLOAKROOM_G(wait_now) >= 0 ? CLOAKROOM_G(wait_now) : CLOAKROOM_G(wait);
}

struct server_limits cloakroom_limits(void)
{
    return (struct server_limits){.connect_ms = (uint32_t)CLOAKROOM_G(connect_timeout),
                                  .read_ms = (uint32_t)CLOAKROOM_G(read_timeout),
                                  .retry_ms = (uint32_t)CLOAKROOM_G(retry),
                                  .wait_ms = (uint32_t)cloakroom_wait_ms()};
}

size_t cloakroom_redundancy(const struct pool *pool)
{
    size_t wanted = (size_t)CLOAKROOM_G(redundancy);
    return wanted < pool->n ? wanted : pool->n;
}

enum stand_in cloakroom_acting_as(void)
{
    return CLOAKROOM_G(current) != NULL ? CLOAKROOM_G(acting_as) : stand_in_configured();
}

static struct bytes application_of(enum stand_in which)
{
    const char *setting = CLOAKROOM_G(application);
    return setting != NULL && *setting != '\0' ? bytes_of(setting) : stand_in_application(which);
}

bool cloakroom_check_application(enum stand_in which)
{
    struct bytes application = application_of(which);
    if (is_application(application))
        return true;
    php_error_docref(NULL, E_WARNING,
                     "Cloakroom: memcached.sess_prefix = \"%s\" makes no name of an application; give the "
                     "server --session-prefix=%s=NAME, and PHP cloakroom.application = NAME",
                     application.p, application.p);
    return false;
}

const char *cloakroom_application_flag(char room[static 80])
{
    struct bytes application = application_of(cloakroom_acting_as());
    room[0] = '\0';
    if (application.len > 0 && is_application(application))
        snprintf(room, 80, " A%.*s", (int)application.len, application.p);
    return room;
}

/* ---- the life of the module ---- */

static PHP_GINIT_FUNCTION(cloakroom)
{
#if defined(COMPILE_DL_CLOAKROOM) && defined(ZTS)
    ZEND_TSRMLS_CACHE_UPDATE();
#endif
    memset(cloakroom_globals, 0, sizeof *cloakroom_globals);
    if (gethostname(cloakroom_globals->host, HOST_MAX - 1) != 0) /* it is only shown */
        strcpy(cloakroom_globals->host, "unknown");
}

static PHP_GSHUTDOWN_FUNCTION(cloakroom)
{
    pool_free_all(&cloakroom_globals->pools);
}

static PHP_MINIT_FUNCTION(cloakroom)
{
    (void)type;
    REGISTER_INI_ENTRIES();
    handler_register();
    return SUCCESS;
}

static PHP_MSHUTDOWN_FUNCTION(cloakroom)
{
    (void)type;
    UNREGISTER_INI_ENTRIES();
    return SUCCESS;
}

static PHP_RINIT_FUNCTION(cloakroom)
{
    (void)type, (void)module_number;
    CLOAKROOM_G(predecessor)[0] = '\0';
    CLOAKROOM_G(tags).n = 0;
    CLOAKROOM_G(asker) = ASKER_UNKNOWN;
    CLOAKROOM_G(complaining) = 0; /* a fatal error may have left one half way */
    CLOAKROOM_G(current) = NULL;
    CLOAKROOM_G(current_id) = NULL;
    return SUCCESS;
}

/* After the session module has written what it had to. A script that was broken off may have left a lease. */
static ZEND_MODULE_POST_ZEND_DEACTIVATE_D(cloakroom)
{
    pool_tidy_all(CLOAKROOM_G(pools));
    return SUCCESS;
}

static const char *state_of(const struct server *server)
{
    if (server_is_plain(server))
        return "connected; a plain memcached: waiting requests ask again and again, no tags, lists and kills";
    return server_is_connected(server) ? "connected" : "not connected";
}

static void show_server(const struct server *server)
{
    char figures[160];
    php_info_print_table_row(2, "Server", server->shown);
    php_info_print_table_row(2, "State", state_of(server));
    snprintf(figures, sizeof figures, "%llu, over %llu connections; %llu waits for a lease, %llu ms",
             (unsigned long long)server->figures.round_trips, (unsigned long long)server->figures.connects,
             (unsigned long long)server->figures.waits, (unsigned long long)server->figures.waited_ms);
    php_info_print_table_row(2, "Round trips of this process", figures);
    php_info_print_table_row(2, "Last error", server->error[0] != '\0' ? server->error : "none");
}

static PHP_MINFO_FUNCTION(cloakroom)
{
    char names[64];
    size_t len = 0;
    for (enum stand_in which = STAND_IN_NONE; which < STAND_INS; which++)
        if (which == STAND_IN_NONE || stand_in_is_wanted(which))
            len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len > 0 ? ", " : "",
                                    stand_in_name(which));
    php_info_print_table_start();
    php_info_print_table_row(2, "Cloakroom's session handler", "enabled");
    php_info_print_table_row(2, "Version", VERSION_TEXT);
    php_info_print_table_row(2, "session.save_handler", names);
    for (const struct pool *pool = CLOAKROOM_G(pools); pool != NULL; pool = pool->next)
        for (size_t i = 0; i < pool->n; i++)
            show_server(&pool->servers[i]);
    php_info_print_table_end();
    DISPLAY_INI_ENTRIES();
    (void)zend_module;
}

static const zend_module_dep dependencies[] = {ZEND_MOD_REQUIRED("session") ZEND_MOD_OPTIONAL("memcache")
                                                   ZEND_MOD_OPTIONAL("memcached") ZEND_MOD_END};

zend_module_entry cloakroom_module_entry = {STANDARD_MODULE_HEADER_EX,
                                            NULL,
                                            dependencies,
                                            "cloakroom",
                                            ext_functions,
                                            PHP_MINIT(cloakroom),
                                            PHP_MSHUTDOWN(cloakroom),
                                            PHP_RINIT(cloakroom),
                                            NULL,
                                            PHP_MINFO(cloakroom),
                                            VERSION_TEXT,
                                            PHP_MODULE_GLOBALS(cloakroom),
                                            PHP_GINIT(cloakroom),
                                            PHP_GSHUTDOWN(cloakroom),
                                            ZEND_MODULE_POST_ZEND_DEACTIVATE_N(cloakroom),
                                            STANDARD_MODULE_PROPERTIES_EX};

#ifdef COMPILE_DL_CLOAKROOM
#ifdef ZTS
ZEND_TSRMLS_CACHE_DEFINE()
#endif
ZEND_GET_MODULE(cloakroom)
#endif
