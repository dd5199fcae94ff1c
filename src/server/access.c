/* Users, and who is let in; see access.h. */
#include "server/access.h"
#include "server/exec.h"

#include <stdio.h>
#include <stdlib.h>

static enum err load_users(struct access *access, char *error)
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

enum err access_open(struct access *access, const struct settings *settings, char *error)
{
    *access = (struct access){.settings = settings, .users_path = settings->auth_file, .is_open = true};
    users_init(&access->users);
    if (access->users_path == NULL && settings->sasl)
        access->users_path = getenv("MEMCACHED_SASL_PWDB");
    if (access->users_path != NULL || !settings->sasl)
        return load_users(access, error);
    snprintf(error, ACCESS_ERROR_MAX,
             "-S: name a file of user:password lines with -Y (or in MEMCACHED_SASL_PWDB)");
    return ERR_USAGE;
}

void access_close(struct access *access)
{
    if (access->is_open)
        users_fini(&access->users);
    access->is_open = false;
}

enum err access_reload(struct access *access, char *error)
{
    return load_users(access, error);
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

void access_login(struct conn *conn)
{
    const struct request *request = &conn->request;
    struct worker *worker = conn->worker;
    bool in = users_check(&worker->server->access.users, request->key, request->value);
    conn->role = in ? conn->listener_role : 0;
    proto_let_in(&conn->proto, in);
    if (!in)
        counters_add(&worker->counters, COUNTER_auth_errors, 1);
    exec_put_status(conn, in ? STATUS_OK : STATUS_DENIED);
}

void access_list(struct conn *conn)
{
    exec_put_words(conn, bytes_of("PLAIN"));
}
