/* Asking all servers of a session, see copies.h. */
#include "copies.h"
#include "base/clock.h"

#include <syslog.h>
#if PHP_VERSION_ID >= 80200
#include <ext/random/php_random.h>
#else
#include <ext/standard/php_random.h>
#endif

enum { NS_PER_MS = 1000000, HURRY_MS = 50, STEP = 1 << 16 };

void copies_find(struct copies *copies, const zend_string *id)
{
    struct server *first[REDUNDANCY_MAX];
    const struct bytes bytes = {.p = ZSTR_VAL(id), .len = ZSTR_LEN(id)};
    copies->n = pool_rank(copies->pool, bytes, first, cloakroom_redundancy(copies->pool));
    for (size_t i = 0; i < copies->n; i++)
        copies->list[i] = (struct copy){.server = first[i]};
}

void copies_begin(struct copies *copies)
{
    copies->asked_ns = clock_steady_ns(&clock_system);
    copies->nsent = copies->nread = 0;
}

/* The session goes on without it, unless it is the only one. */
static bool miss(struct copies *copies, struct copy *copy)
{
    struct server *server = copy->server;
    copy->is_asked = false;
    copy->is_away = copy->is_away || !server_is_connected(server);
    if (copies->n > 1 && !server->is_missed) {
        char text[2 * CLIENT_ERROR_MAX];
        snprintf(text, sizeof text, "Cloakroom: %s. Sessions go on with their other copies", server->error);
        php_log_err_with_severity(text, LOG_WARNING);
    }
    server->is_missed = true;
    return false;
}

void copies_give_up(struct copies *copies, struct copy *copy)
{
    copy->is_away = true;
    (void)miss(copies, copy);
}

bool copies_send(struct copies *copies, struct copy *copy, const struct line *line, struct bytes value)
{
    const struct bytes text = {.p = line->text, .len = line->len};
    if (copies->nsent++ == 0)
        copies->pool->round_trips++;
    copy->is_asked = server_ask(copy->server, cloakroom_limits(), text, value);
    return copy->is_asked || miss(copies, copy);
}

/* The first answer has all the time there is; the others have had it meanwhile. */
static void hurry(struct copies *copies, struct server *server)
{
    uint64_t spent_ms = (clock_steady_ns(&clock_system) - copies->asked_ns) / NS_PER_MS;
    uint64_t all_ms = (uint64_t)CLOAKROOM_G(read_timeout);
    uint64_t left_ms = spent_ms < all_ms ? all_ms - spent_ms : 0;
    server_hurry(server, left_ms > HURRY_MS ? (uint32_t)left_ms : HURRY_MS);
}

bool copies_next(struct copies *copies, struct copy *copy, struct reply *ret)
{
    if (copies->nread++ > 0)
        hurry(copies, copy->server);
    if (!server_next(copy->server, ret))
        return miss(copies, copy);
    copy->server->is_missed = false;
    return true;
}

bool copies_read(struct copies *copies, struct copy *copy, struct reply *ret)
{
    if (!copies_next(copies, copy, ret))
        return false;
    copy->is_asked = false;
    return server_finish(copy->server) || miss(copies, copy);
}

bool copies_look_again(struct copies *copies, const struct copy *holder, const zend_string *id)
{
    struct line line;
    line_begin(&line, "so", id);
    line_add(&line, " r v");
    for (struct copy *copy = copies->list; copy < holder; copy++) {
        struct server *server = copy->server;
        if (!copy->is_away || !copies_send(copies, copy, &line, (struct bytes){0}))
            continue;
        server_drop(server); /* what it answers will be asked for with its lease */
        copy->is_away = copy->is_asked = false;
        return true;
    }
    return false;
}

uint64_t copies_next_revision(uint64_t highest)
{
    uint16_t drawn = 0;
    if (php_random_bytes_silent(&drawn, sizeof drawn) == FAILURE)
        drawn = (uint16_t)clock_steady_ns(&clock_system); /* two writers at once may then tie */
    return (highest | (STEP - 1)) + 1 + drawn % (STEP - 1);
}

uint64_t copies_last_revision(uint64_t highest)
{
    return (highest | (STEP - 1)) + STEP;
}
