/* Users, and who is let in; see access.h. */
#include "server/access.h"
#include "server/address.h"
#include "server/exec.h"
#include "server/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum err access_reload_users(struct access *access, char *error)
{
    char problem[USERS_ERROR_MAX];
    if (access->users_path == NULL)
        return ERR_NONE;
    enum err err = users_load(&access->users, access->users_path, problem);
    if (err != ERR_NONE)
        snprintf(error, ACCESS_ERROR_MAX, "%s %s",
                 access->settings->auth_file != NULL ? "-Y" : "MEMCACHED_SASL_PWDB", problem);
    return err;
}

/* The words of -o that settings could not check by themselves. NULL: all is good. */
static const char *take_tls_words(const struct settings *settings, struct tls_config *config)
{
    static const char *const versions[] = {"tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3"};
    const char *version = settings->ssl_min_version;
    while (config->min_version < 4 && strcmp(version, versions[config->min_version]) != 0 &&
           !(version[0] == '0' + (char)config->min_version && version[1] == '\0'))
        config->min_version++;
    if (config->min_version == 4)
        return "-o ssl_min_version: give tlsv1.0, tlsv1.1, tlsv1.2 or tlsv1.3";
    config->key_is_der = strcasecmp(settings->ssl_keyformat, "DER") == 0;
    if (!config->key_is_der && strcasecmp(settings->ssl_keyformat, "PEM") != 0)
        return "-o ssl_keyformat: give PEM or DER";
    if (config->chain_cert == NULL)
        return "-Z: name the server's certificate with -o ssl_chain_cert=FILE (and its key with "
               "ssl_key=FILE)";
    if (config->verify != TLS_VERIFY_NONE && config->ca_cert == NULL)
        return "-o ssl_verify_mode: name who signs the certificates of clients with ssl_ca_cert=FILE";
    return NULL;
}

static enum err open_tls(struct access *access, char *error)
{
    /* memcached's 3 is to ask once, which without renegotiation is what 2 does. */
    static const enum tls_verify modes[] = {TLS_VERIFY_NONE, TLS_VERIFY_REQUEST, TLS_VERIFY_REQUIRE,
                                            TLS_VERIFY_REQUIRE};
    const struct settings *settings = access->settings;
    struct tls_config config = {.chain_cert = settings->ssl_chain_cert,
                                .key = settings->ssl_key,
                                .ca_cert = settings->ssl_ca_cert,
                                .ciphers = settings->ssl_ciphers,
                                .verify = modes[settings->ssl_verify_mode],
                                .session_cache = settings->ssl_session_cache};
    char problem[TLS_ERROR_MAX];
    if (!settings->tls)
        return ERR_NONE;
    const char *wrong = take_tls_words(settings, &config);
    if (wrong != NULL) {
        snprintf(error, ACCESS_ERROR_MAX, "%s", wrong);
        return ERR_USAGE;
    }
    enum err err = tls_new(&config, &access->tls, problem);
    if (err != ERR_NONE)
        snprintf(error, ACCESS_ERROR_MAX, "-o %s", problem);
    return err;
}

enum err access_open(struct access *access, const struct settings *settings, uint64_t now_ns, char *error)
{
    *access = (struct access){
        .settings = settings, .users_path = settings->auth_file, .certs_loaded_ns = now_ns, .is_open = true};
    users_init(&access->users);
    if (access->users_path == NULL && settings->sasl)
        access->users_path = getenv("MEMCACHED_SASL_PWDB");
    if (access->users_path == NULL && settings->sasl) {
        snprintf(error, ACCESS_ERROR_MAX,
                 "-S: name a file of user:password lines with -Y (or in MEMCACHED_SASL_PWDB)");
        return ERR_USAGE;
    }
    enum err err = access_reload_users(access, error);
    return err == ERR_NONE ? open_tls(access, error) : err;
}

void access_close(struct access *access)
{
    if (access->is_open)
        users_fini(&access->users);
    tls_free(&access->tls);
    access->is_open = false;
}

enum err access_reload_certs(struct access *access, uint64_t now_ns, char *error)
{
    char problem[TLS_ERROR_MAX];
    if (access->tls == NULL)
        return ERR_NONE;
    enum err err = tls_reload(access->tls, problem);
    if (err != ERR_NONE)
        snprintf(error, ACCESS_ERROR_MAX, "-o %s", problem);
    else
        __atomic_store_n(&access->certs_loaded_ns, now_ns, __ATOMIC_RELAXED);
    return err;
}

void access_begin(struct conn *conn, unsigned role)
{
    const struct access *access = &conn->worker->server->access;
    conn->role = conn->listener_role = role;
    if (access->users_path == NULL)
        return;
    conn->role = 0;
    conn->proto.auth = AUTH_WANTED;
    if (!access->settings->sasl)
        conn->proto.dialect = DIALECT_LOGIN;
    else if (access->settings->auth_file == NULL)
        conn->proto.dialect = DIALECT_BINARY;
}

/* With the address and no more, neither name nor password: for who bans those that try. */
static void say_refused(struct conn *conn)
{
    char peer[ADDRESS_MAX] = "unknown";
    struct say say;
    if (!worker_may_say(conn->worker))
        return;
    (void)address_tell(conn->transport.fd, true, "tcp", peer, sizeof peer);
    say_open(&say, SAY_WARNING, "login_refused");
    say_add(&say, "peer", "%s", peer);
    say_add(&say, "tries", "%u", conn->nwrong_logins);
    say_add(&say, "msg",
            "wrong user or password; if that is one of yours, compare it with the file of -Y or -S");
    say_close(&say);
}

void access_login(struct conn *conn)
{
    const struct request *request = &conn->request;
    struct worker *worker = conn->worker;
    bool in = users_check(&worker->server->access.users, request->key, request->value);
    conn->role = in ? conn->listener_role : 0;
    proto_let_in(&conn->proto, in);
    if (!in) {
        counters_add(&worker->counters, COUNTER_auth_errors, 1);
        conn->request.close = ++conn->nwrong_logins >= ACCESS_TRIES_MAX;
        say_refused(conn);
    }
    exec_put_status(conn, in ? STATUS_OK : STATUS_DENIED);
}

void access_list(struct conn *conn)
{
    exec_put_words(conn, bytes_of("PLAIN"));
}

void access_refresh_certs(struct conn *conn)
{
    char problem[ACCESS_ERROR_MAX];
    struct server *server = conn->worker->server;
    struct access *access = &server->access;
    if (access->tls == NULL)
        exec_put_error(conn, bytes_of("TLS not enabled, see -Z"));
    else if (access_reload_certs(access, clock_steady_ns(server->clock), problem) != ERR_NONE)
        exec_put_error(conn, bytes_of(problem));
    else
        exec_put_status(conn, STATUS_OK);
}
