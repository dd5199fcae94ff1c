/* Finding and making the key, see idkey.h. */
#include "server/idkey.h"
#include "engine/local.h"
#include "store/keyfile.h"

#include <libgen.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert((int)KEYFILE_BYTES == (int)HANDLE_KEY_BYTES, "the key lies in the file");

/* From a file named by an option. */
static enum err read_named(const char *option, const char *path, struct handle_key *ret, char *problem)
{
    char why[STORE_PROBLEM_MAX] = "";
    struct disk *disk = NULL;
    bool is_found = false;
    char *folder_of = strdup(path);
    char *name_of = strdup(path);
    enum err err = ERR_MEMORY;
    if (folder_of != NULL && name_of != NULL) {
        int error = disk_open(dirname(folder_of), false, &disk);
        err = error < 0 ? ERR_SYSTEM : keyfile_read(disk, basename(name_of), ret->bytes, &is_found, why);
        if (error < 0)
            snprintf(why, sizeof why, "cannot open its folder: %s", strerror(-error));
    }
    if (err == ERR_NONE && !is_found) {
        err = ERR_USAGE;
        snprintf(why, sizeof why, "no such file; make one: (umask 077; openssl rand -hex 32 > FILE)");
    }
    if (err != ERR_NONE)
        snprintf(problem, STORE_PROBLEM_MAX, "%s %.64s: %.150s", option, path, why);
    disk_close(&disk);
    free(folder_of);
    free(name_of);
    return err;
}

static bool has_sessions(struct engine *engine)
{
    struct engine_stats stats;
    engine_read_stats(engine, &stats);
    return stats.sessions > 0;
}

/* *ret_found false: there is none, and the engine keeps its own. */
static enum err find_key(struct server *server, struct engine *engine, bool has_former,
                         struct handle_key *ret, bool *ret_found, char *problem)
{
    *ret_found = true;
    if (server->settings->id_key != NULL)
        return read_named("--id-key", server->settings->id_key, ret, problem);
    *ret_found = server->disk != NULL;
    if (server->disk == NULL)
        return ERR_NONE;
    bool is_there;
    enum err err = keyfile_read(server->disk, KEYFILE_NAME, ret->bytes, &is_there, problem);
    if (err != ERR_NONE || is_there)
        return err;
    if (!has_former && has_sessions(engine)) {
        snprintf(problem, STORE_PROBLEM_MAX,
                 "there are sessions, but the file `key` that their ids were hashed with is gone; put it "
                 "back from a "
                 "backup, or name it with --id-key");
        return ERR_USAGE;
    }
    return keyfile_make(server->disk, ret->bytes, problem);
}

static enum err find_former(struct server *server, struct handle_key *ret, bool *ret_found, char *problem)
{
    *ret_found = true;
    if (server->settings->former_id_key != NULL)
        return read_named("--former-id-key", server->settings->former_id_key, ret, problem);
    *ret_found = false;
    return server->disk == NULL ? ERR_NONE
                                : keyfile_read(server->disk, KEYFILE_FORMER, ret->bytes, ret_found, problem);
}

enum err idkey_set(struct server *server, struct engine *engine, char *problem)
{
    struct handle_key key;
    struct handle_key former;
    bool has_key = false;
    bool has_former = false;
    enum err err = find_former(server, &former, &has_former, problem);
    if (err == ERR_NONE)
        err = find_key(server, engine, has_former, &key, &has_key, problem);
    if (err == ERR_NONE && (has_key || has_former))
        local_set_keys(engine, has_key ? &key : NULL, has_former ? &former : NULL);
    OPENSSL_cleanse(&key, sizeof key);
    OPENSSL_cleanse(&former, sizeof former);
    return err;
}
