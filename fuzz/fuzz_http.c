/*
 * fuzz_http: any bytes on a connection of operators' HTTP, as libmicrohttpd, routes and the API take them, in one thread,
 * with an engine that holds a few sessions. What comes back is HTTP, what says it is JSON is JSON; who has sent no secret
 * learns of no session and ends none; and nothing is left behind.
 *
 * The secrets that let in are known: they stand in http.dict and in the seeds.
 */
#include "base/check.h"
#include "engine/local.h"
#include "http/http_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADMIN  "fuzz-token-of-the-administrators"
#define READER "fuzz-token-of-those-who-only-look"
#define LOGIN  "cookiecookiecookiecookiecookiecookiecookiecookiecookiecookiecook"
#define CSRF   "csrfcsrfcsrfcsrfcsrfcsrfcsrfcsrfcsrfcsrfcsrfcsrfcsrfcsrfcsrfcsrf"
#define HIDDEN "tag-that-nobody-sees"

enum { LEN_MAX = 8192, ANSWER_MAX = 1 << 20, TURNS_MAX = 400, NSESSIONS = 20, VALUE_MAX = 64 };

/* Each turn takes a second: what is to wait waits for one turn, and a piece of work is never over in time. */
static uint64_t now_ns = 100000000000U;

struct client {
    struct op op; /* first */
    struct op_session session;
    struct engine_client client;
    char value[VALUE_MAX];
};

static struct engine *engine;
static struct http *http;
static struct client clients[NSESSIONS];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* ---- the world around ---- */

static uint64_t steady_ns(const struct clock *clock)
{
    (void)clock;
    return now_ns;
}

static int64_t wall_s(const struct clock *clock)
{
    (void)clock;
    return 1700000000;
}

static const struct clock still = {.steady_ns = steady_ns, .wall_s = wall_s};

static struct engine *tell_engine(void *arg)
{
    (void)arg;
    return engine;
}

static void tell_facts(void *arg, struct http_facts *ret)
{
    (void)arg;
    *ret = (struct http_facts){.version = "0", .connections_max = 1};
}

static void tell_stats(void *arg, void (*line)(void *to, struct bytes name, struct bytes value), void *to)
{
    (void)arg;
    line(to, bytes_of("cloakroom_sessions"), bytes_of("20"));
}

static char *place(struct op *op, const struct op_hit *hit)
{
    struct client *client = (struct client *)(void *)op;
    return hit->value_len <= sizeof client->value ? client->value : NULL;
}

static void wake(struct op *op)
{
    (void)op;
    CHECK(false); /* nobody waits here */
}

static void ask(struct client *client, enum op_kind kind, const char *id)
{
    client->op = (struct op){.kind = kind,
                             .key = bytes_of(id),
                             .value = bytes_of("value"),
                             .exptime = 1 << 20,
                             .touch = true,
                             .now_s = engine_now_s(now_ns),
                             .client = &client->client,
                             .session = &client->session,
                             .place = place,
                             .wake = wake};
    CHECK(engine_submit(engine, &client->op) == SUBMIT_DONE);
}

/* Those that a run before has killed are there again; every third is held. */
static void fill(void)
{
    for (unsigned i = 0; i < NSESSIONS; i++) {
        char id[32];
        struct client *client = &clients[i];
        snprintf(id, sizeof id, "session-%u", i);
        engine_client_gone(engine, &client->client);
        client->session = (struct op_session){.holder = bytes_of("web1"),
                                              .application = bytes_of(i % 2 == 0 ? "" : "shop")};
        ask(client, OP_OPEN, id);
        CHECK(client->session.has_token);
        struct op_session how = {.token = client->session.token,
                                 .application = client->session.application,
                                 .has_tags = true,
                                 .tags = {bytes_of(HIDDEN), bytes_of("t")},
                                 .ntags = 2,
                                 .keep = i % 3 == 0};
        client->session = how;
        ask(client, OP_WRITE, id);
        CHECK(client->op.result == OP_OK);
    }
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0);
    return fd;
}

static void set_token(enum http_role role, const char *text)
{
    struct token *token = &http->tokens.list[role];
    token->len = strlen(text);
    memcpy(token->text, text, token->len);
}

static void begin(void)
{
    char error[HTTP_ERROR_MAX];
    struct local_config config = {.store = {.limit_bytes = 4 << 20, .value_max = 1 << 20, .seed = 1},
                                  .clock = &still,
                                  .without_thread = true};
    CHECK(local_new(&config, &engine) == ERR_NONE);
    const struct http_config how = {
        .fd = listen_somewhere(),
        .address = "127.0.0.1",
        .clock = &still,
        .host = {.engine = tell_engine, .facts = tell_facts, .stats = tell_stats}};
    CHECK(http_new(&how, &http, error) == ERR_NONE);
    set_token(HTTP_ADMIN, ADMIN);
    set_token(HTTP_READER, READER);
    http->has_tokens = true;
    CHECK(daemon_start(http, NULL, NULL, &http->daemon));
}

static void set_login(void)
{
    struct login *login = &http->logins.list[0];
    memset(&http->logins, 0, sizeof http->logins);
    login->role = HTTP_ADMIN;
    login->until_s = UINT64_MAX;
    memcpy(login->id, LOGIN, LOGIN_DIGITS);
    memcpy(login->csrf, CSRF, LOGIN_DIGITS);
}

/* ---- one connection ---- */

static size_t take(int fd, char *answer, size_t len)
{
    ssize_t n;
    while (len < ANSWER_MAX && (n = recv(fd, answer + len, ANSWER_MAX - len, MSG_DONTWAIT)) > 0)
        len += (size_t)n;
    return len;
}

static bool is_over(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static size_t talk(const uint8_t *data, size_t len, char *answer)
{
    int fds[2];
    struct sockaddr_in from = {.sin_family = AF_INET};
    size_t got = 0;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
    CHECK(send(fds[1], data, len, 0) == (ssize_t)len);
    CHECK(MHD_add_connection(http->daemon, fds[0], (struct sockaddr *)&from, sizeof from) == MHD_YES);
    for (int turn = 0; turn < TURNS_MAX && !is_over(fds[1]); turn++) {
        daemon_turn(http, 0);
        got = take(fds[1], answer, got);
        now_ns += 1000000000U;
        if (turn > 8 && http->aside == NULL)
            (void)shutdown(fds[1], SHUT_WR); /* it may have waited for more */
    }
    close(fds[1]);
    for (int turn = 0; http->visitors != NULL; turn++) {
        CHECK(turn < TURNS_MAX);
        daemon_turn(http, 0);
        now_ns += 1000000000U;
    }
    CHECK(http->aside == NULL && http->nwrong == 0);
    return got;
}

/* ---- what may come back ---- */

static bool has(const void *data, size_t len, const char *text)
{
    return memmem(data, len, text, strlen(text)) != NULL;
}

/* The first answer. */
static void look_into(const char *answer, size_t len)
{
    const char *end = memmem(answer, len, "\r\n\r\n", 4);
    CHECK(len >= 12 && memcmp(answer, "HTTP/1.", 7) == 0);
    CHECK(end != NULL);
    size_t head = (size_t)(end - answer) + 4;
    const char *length = memmem(answer, head, "Content-Length: ", 16);
    if (length == NULL || !has(answer, head, "Content-Type: application/json"))
        return;
    size_t body = (size_t)atol(length + 16);
    CHECK(has(answer, head, "Content-Security-Policy: default-src 'none'"));
    if (len - head < body || has(answer + head, body < 7 ? body : 7, "HTTP/1."))
        return; /* of HEAD, or cut off */
    json_t *json = json_loadb(answer + head, body, 0, NULL);
    CHECK(json != NULL);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char answer[ANSWER_MAX];
    if (len > LEN_MAX)
        return 0;
    if (http == NULL)
        begin();
    if (engine_count_sessions(engine, NULL) != NSESSIONS)
        fill();
    set_login();
    uint64_t before = engine_count_sessions(engine, NULL);
    size_t got = talk(data, len, answer);
    if (got > 0)
        look_into(answer, got);
    bool is_admin = has(data, len, ADMIN) || (has(data, len, LOGIN) && has(data, len, CSRF));
    bool is_known = is_admin || has(data, len, READER) || has(data, len, LOGIN);
    CHECK(is_known || !has(answer, got, HIDDEN));
    CHECK(is_admin || engine_count_sessions(engine, NULL) == before);
    CHECK(!has(answer, got, ADMIN) && !has(answer, got, READER) && !has(answer, got, "session-1"));
    return 0;
}
