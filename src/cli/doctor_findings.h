/*
 * doctor_findings: all that doctor may find, one row each, and what it has found.
 *
 *      {"id": "path-scheme", "severity": "error", "what": "session.save_path = …", "why": "…",
 *       "file": "/etc/php/8.2/fpm/php.ini", "line": 1345, "change": "session.save_path = …", "where": ["8.2 fpm pool www"]}
 *
 * Promise: an id never changes its meaning. What is found in several views is one finding with several places. "file" is ""
 * where no file is to be changed, "line" 0 where none of it says what is wrong: the change is to be added there.
 */
#ifndef CLOAKROOM_CLI_DOCTOR_FINDINGS_H
#define CLOAKROOM_CLI_DOCTOR_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

/* The enum, the id, its severity, and why it matters. */
#define DOCTOR_FINDINGS(X)                                                                                   \
    /* doctor_load.c */                                                                                      \
    X(NO_PHP, "no-php", "warning", "without PHP's files nothing can be said of its settings")                \
    X(FILE_UNREADABLE, "file-unreadable", "warning", "what stands there is not known; run doctor as root")   \
    X(INI_SYNTAX, "ini-syntax", "error",                                                                     \
      "PHP reads nothing behind that line of the file, and says so at its start only, where nobody looks")   \
    X(INI_CUT, "ini-cut", "error", "outside of quotes a ; begins a comment, and & | ^ ~ ! make a sum")       \
    X(EXTENSION_MISSING, "extension-missing", "error",                                                       \
      "session_start() fails: Cannot find session save handler. Each kind of PHP has ini files of its own")  \
    X(EXTENSION_FILE, "extension-file", "error", "PHP starts without it, with a warning in a log")           \
    X(EXTENSION_TWICE, "extension-twice", "warning", "PHP says at each start that it is already loaded")     \
    X(EXTENSION_BROKEN, "extension-broken", "error", "PHP starts without it")                                \
    X(HANDLER_UNKNOWN, "handler-unknown", "error",                                                           \
      "session_start() fails: Cannot find session save handler")                                             \
    X(SERIALIZER_MISSING, "serializer-missing", "error",                                                     \
      "session_start() fails: Cannot find session serialization handler")                                    \
    /* doctor_path.c */                                                                                      \
    X(PATH_EMPTY, "path-empty", "error", "session_start() fails; with php-memcache PHP itself crashes")      \
    X(PATH_SCHEME, "path-scheme", "error",                                                                   \
      "memcached takes the word before : for a host's name: HOSTNAME LOOKUP FAILURE")                        \
    X(PATH_BARE_SOCKET, "path-bare-socket", "error",                                                         \
      "session_start() fails: Failed to initialize storage module: memcache")                                \
    X(PATH_NO_PORT, "path-no-port", "error", "no port is made up: CONNECTION FAILURE, or a lost write")      \
    X(PATH_DIRECTORY, "path-directory", "error",                                                             \
      "the handler was changed, and the path left as files had it")                                          \
    X(PATH_SERVER_FOR_FILES, "path-server-for-files", "error",                                               \
      "the handler files takes it for a directory: open(...) failed: No such file or directory")             \
    X(PATH_INVALID, "path-invalid", "error", "the handler cannot find a server by it")                       \
    X(PATH_IGNORED, "path-ignored", "warning", "the handler does not look at it")                            \
    X(PATH_MEMCACHE_WINS, "path-memcache-wins", "warning",                                                   \
      "memcache.session_save_path beats session.save_path, which then says nothing")                         \
    X(PATH_SEVERAL, "path-several", "warning",                                                               \
      "stock handlers spread sessions over the servers: one that is away takes its share of them along")     \
    /* doctor_override.c */                                                                                  \
    X(SET_TWICE, "set-twice", "warning", "PHP takes the last; who changes the other changes nothing")        \
    X(OVERRIDDEN_BY_POOL, "overridden-by-pool", "warning", "php.ini does not hold for this pool")            \
    X(OVERRIDDEN_BY_APACHE, "overridden-by-apache", "warning", "php.ini does not hold for this site")        \
    X(OVERRIDDEN_BY_HTACCESS, "overridden-by-htaccess", "warning",                                           \
      "below that directory php.ini does not hold")                                                          \
    X(OVERRIDDEN_BY_USER_INI, "overridden-by-user-ini", "warning",                                           \
      "below that directory php.ini does not hold")                                                          \
    X(HTACCESS_WITHOUT_PHP, "htaccess-without-php", "error",                                                 \
      "without mod_php Apache does not know php_value: every page there is an error 500")                    \
    X(FPM_NOT_RELOADED, "fpm-not-reloaded", "warning",                                                       \
      "php-fpm reads its files when it starts; until then it runs with what they said before")               \
    X(VIEWS_DIFFER, "views-differ", "warning",                                                               \
      "what one of them puts into a session the other does not find; cron jobs and web pages often share "   \
      "them")                                                                                                \
    X(SERIALIZERS_DIFFER, "serializers-differ", "error",                                                     \
      "one cannot read what the other wrote: Failed to decode session object, and the session is destroyed") \
    /* doctor_store.c: the handler files */                                                                  \
    X(FILES_NO_DIRECTORY, "files-no-directory", "error", "session_start() fails: open(...) failed")          \
    X(FILES_NOT_WRITABLE, "files-not-writable", "error", "session_start() fails: Permission denied (13)")    \
    X(FILES_NEVER_CLEANED, "files-never-cleaned", "warning",                                                 \
      "Debian sets session.gc_probability to 0 and cleans by phpsessionclean, which reads php.ini alone: "   \
      "it knows "                                                                                            \
      "no pool, no site and no directory with N; before it")                                                 \
    X(FILES_CLEANED_EARLY, "files-cleaned-early", "warning",                                                 \
      "who has the shorter life cleans away the sessions of the other: logged out at random")                \
    /* doctor_life.c */                                                                                      \
    X(LIFE_LONGER_THAN_SERVER, "life-longer-than-server", "warning",                                         \
      "the server ends sessions sooner than PHP says: visitors are logged out earlier than you think")       \
    X(LIFE_ZERO, "life-zero", "error",                                                                       \
      "a session without a life is lost at once, or never ends, as the handler has it")                      \
    X(COOKIE_OUTLIVES, "cookie-outlives", "warning",                                                         \
      "the browser still shows its cookie when the session has long expired: logged out at random")          \
    X(LOCKING_OFF, "locking-off", "warning",                                                                 \
      "two requests of one session overwrite each other, silently: carts lose items")                        \
    X(LOCK_NEVER_ENDS, "lock-never-ends", "warning",                                                         \
      "with no time limit either, a lock whose holder died stays until its server is restarted")             \
    X(PERSISTENT, "persistent", "warning",                                                                   \
      "after a restart of the server the first request of each PHP process fails on its dead connection")    \
    X(LAZY_WRITE_OFF, "lazy-write-off", "warning",                                                           \
      "each page that only reads writes its session all the same")                                           \
    /* doctor_safe.c */                                                                                      \
    X(STRICT_MODE_OFF, "strict-mode-off", "warning",                                                         \
      "an id that a visitor makes up is adopted: session fixation")                                          \
    X(COOKIE_FLAGS, "cookie-flags", "warning", "scripts, plain HTTP or foreign sites can get at the cookie") \
    X(ID_IN_URL, "id-in-url", "warning",                                                                     \
      "the id is taken from URLs, which are logged, shared and sent as Referer")                             \
    /* doctor_server.c, doctor_figures.c */                                                                  \
    X(SERVER_UNREACHABLE, "server-unreachable", "error", "no session can be read or written")                \
    X(SOCKET_MISSING, "socket-missing", "error", "no session can be read or written")                        \
    X(SOCKET_PERMISSION, "socket-permission", "error", "PHP runs as that user, and cannot connect")          \
    X(SERVER_IS_MEMCACHED, "server-is-memcached", "error",                                                   \
      "memcached drops live sessions when it is full and all at a restart; the handler cloakroom cannot "    \
      "use it")                                                                                              \
    X(SERVER_IS_OTHER, "server-is-other", "error", "what listens there does not speak memcached's protocol") \
    X(SERVER_LOGIN, "server-login", "error",                                                                 \
      "the server wants a user and a password, and the handler sends none")                                  \
    X(SERVER_VERSION, "server-version", "warning", "tool, extension and server are released together")       \
    X(SERVER_CLOCK, "server-clock", "warning",                                                               \
      "php-memcache sends times of day: sessions end so much earlier or later")                              \
    X(SERVER_SLOW, "server-slow", "warning", "each page with a session makes two round trips and more")      \
    X(SERVER_READ_ONLY, "server-read-only", "error", "its disk has failed: nothing is written any more")     \
    X(SERVER_FULL, "server-full", "error",                                                                   \
      "new sessions are refused: SERVER_ERROR out of memory storing object")                                 \
    X(SERVER_NEARLY_FULL, "server-nearly-full", "warning", "when it is full, new sessions are refused")      \
    X(SERVER_TOO_LARGE, "server-too-large", "error",                                                         \
      "what a page has put into such a session is not stored: SERVER_ERROR object too large for cache")      \
    X(SERVER_NEARLY_TOO_LARGE, "server-nearly-too-large", "warning",                                         \
      "a session that grows over the limit (-I) is not stored any more")                                     \
    X(SERVER_EVICTS, "server-evicts", "warning",                                                             \
      "live sessions are dropped: visitors are logged out at random")                                        \
    X(SERVER_FORGETS, "server-forgets", "warning",                                                           \
      "without --data a restart of the server logs everybody out")                                           \
    X(SERVER_CONNECTIONS, "server-connections", "warning", "over the limit (-c) pages wait, or are refused") \
    X(SERVER_OPEN_FILES, "server-open-files", "warning",                                                     \
      "the system lets it have fewer connections than -c says")                                              \
    X(SERVER_PREFIX, "server-prefix", "warning",                                                             \
      "what lies under another prefix is no session to the server: it is dropped when memory is short")      \
    /* doctor_compare.c */                                                                                   \
    X(COMPARE_HANDLER, "compare-handler", "error",                                                           \
      "a visitor of both has two sessions, and loses one or the other")                                      \
    X(COMPARE_SERVER, "compare-server", "error",                                                             \
      "a visitor of both has two sessions, and loses one or the other")                                      \
    X(COMPARE_LOCAL, "compare-local", "error",                                                               \
      "the address is right on both, but means a server of its own on each")                                 \
    X(COMPARE_SERIALIZER, "compare-serializer", "error", "one cannot read what the other wrote")             \
    X(COMPARE_PREFIX, "compare-prefix", "error", "they look for the same session under two keys")            \
    X(COMPARE_COOKIE, "compare-cookie", "warning",                                                           \
      "the browser does not send to one what the other has set")                                             \
    X(COMPARE_LIFE, "compare-life", "warning", "the one that wrote last decides when the session ends")      \
    X(COMPARE_LOCKING, "compare-locking", "warning", "a lock that only one of them takes protects nothing")  \
    X(COMPARE_VERSION, "compare-version", "warning", "objects in a session may not survive another version") \
    X(COMPARE_CLOCK, "compare-clock", "warning", "lives are reckoned by the clock of whoever wrote")         \
    X(COMPARE_MISSING, "compare-missing", "warning", "one of them has no such PHP")

enum doctor_id {
#define DOCTOR_ENUM(name, id, severity, why) DOCTOR_##name,
    DOCTOR_FINDINGS(DOCTOR_ENUM)
#undef DOCTOR_ENUM
        DOCTOR_NIDS
};

struct doctor;

/* Where something stands, and what shall stand there. */
struct doctor_change {
    const char *file; /* NULL: none */
    unsigned line;
    char text[512];
};

/* `view` is the name of where it was found, NULL for none; `change` may be NULL. */
void doctor_find(struct doctor *doctor, enum doctor_id id, const char *view,
                 const struct doctor_change *change, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* "error" or "warning", and the id as it is shown. */
const char *doctor_severity(enum doctor_id id);
const char *doctor_id_text(enum doctor_id id);
const char *doctor_why(enum doctor_id id);

#endif
