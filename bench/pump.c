/* Connections and their batches, see pump.h. */
#include "pump.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/*
 * The life of a connection: closed (fd -1) → idle → busy (n_answered < n_batch) → idle. With PUMP_CYCLE:
 * closed → get → set → closed, and the next cycle begins.
 */
enum cycle_step { CYCLE_NONE, CYCLE_GET, CYCLE_SET };

struct conn {
    int fd;
    uint32_t number;
    enum cycle_step step;
    uint32_t n_batch, n_answered;
    uint32_t load_next; /* PUMP_LOAD: the session to write next */
    bool wants_out;     /* epoll watches for room to send */
    uint64_t start_ns;  /* of the batch or cycle */
    struct request *batch;
    size_t out_len, out_sent, in_len, room;
    char *out, *in;
};

uint64_t pump_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

__attribute__((format(printf, 2, 3))) static bool fail(struct pump *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!p->failure[0])
        vsnprintf(p->failure, sizeof p->failure, format, args);
    va_end(args);
    return false;
}

/* ---- opening and closing ---- */

/* Over loopback each connection number gets a source address of its own, so that cycles do not run out of
 * ports. */
static bool source_bind(const struct pump *p, const struct conn *c, int fd)
{
    const struct sockaddr_in *to = (const struct sockaddr_in *)&p->config.address;
    if (p->config.address.ss_family != AF_INET || ntohl(to->sin_addr.s_addr) >> 24 != 127)
        return true;
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(0x7f000000u + (2 + c->number % 250));
    return setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int)) == 0 &&
           bind(fd, (struct sockaddr *)&from, sizeof from) == 0;
}

/* The socket is left blocking for connect, which needs the kernel only; all else asks with MSG_DONTWAIT. */
static bool conn_open(struct pump *p, struct conn *c)
{
    int family = p->config.address.ss_family;
    c->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return fail(p, "socket: %s", strerror(errno));
    if (family != AF_UNIX && setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) != 0)
        return fail(p, "TCP_NODELAY: %s", strerror(errno));
    if (p->plan == PUMP_CYCLE && !source_bind(p, c, c->fd))
        return fail(p, "bind: %s", strerror(errno));
    if (connect(c->fd, (struct sockaddr *)&p->config.address, p->config.address_len) != 0)
        return fail(p, "connect: %s", strerror(errno));
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = c};
    if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
        return fail(p, "epoll_ctl: %s", strerror(errno));
    c->in_len = 0;
    c->wants_out = false;
    return true;
}

static void conn_close(struct conn *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

/* ---- sending ---- */

static bool conn_watch_out(struct pump *p, struct conn *c, bool wanted)
{
    if (c->wants_out == wanted)
        return true;
    c->wants_out = wanted;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = c};
    if (wanted)
        event.events |= EPOLLOUT;
    return epoll_ctl(p->epoll, EPOLL_CTL_MOD, c->fd, &event) == 0 ||
           fail(p, "epoll_ctl: %s", strerror(errno));
}

static bool conn_send(struct pump *p, struct conn *c)
{
    while (c->out_sent < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return conn_watch_out(p, c, true);
        if (n < 0)
            return fail(p, "send: %s", strerror(errno));
        c->out_sent += (size_t)n;
    }
    return conn_watch_out(p, c, false);
}

static void conn_compose(struct pump *p, struct conn *c, uint32_t session, enum request_op op)
{
    struct workload *w = p->config.workload;
    struct request *request = &c->batch[c->n_batch++];
    if (op == REQUEST_SET && p->plan != PUMP_LOAD)
        w->generations[session]++;
    *request = (struct request){.session = session, .generation = w->generations[session], .op = op};
    c->out_len += p->config.dialect->compose(w, request, c->out + c->out_len);
}

/* A random one of the connection's own sessions. */
static uint32_t conn_session(const struct pump *p, const struct conn *c, uint64_t random)
{
    uint32_t n = p->config.n_conns, n_own = (p->config.workload->n_sessions - c->number + n - 1) / n;
    return c->number + n * (uint32_t)((random >> 32) * n_own >> 32);
}

static void conn_compose_mix(struct pump *p, struct conn *c)
{
    const struct pump_config *config = &p->config;
    for (uint32_t i = 0; i < config->depth && p->n_composed < p->limit; i++, p->n_composed++) {
        uint64_t random = workload_random(&p->random);
        uint32_t percent = (uint32_t)((random & 0xffffffffu) * 100 >> 32);
        enum request_op op = percent < config->percent_get                         ? REQUEST_GET
                             : percent < config->percent_get + config->percent_set ? REQUEST_SET
                                                                                   : REQUEST_TOUCH;
        conn_compose(p, c, conn_session(p, c, random), op);
    }
}

static void conn_compose_load(struct pump *p, struct conn *c)
{
    for (uint32_t i = 0; i < p->config.load_depth; i++) {
        if (c->load_next >= p->config.workload->n_sessions)
            return;
        conn_compose(p, c, c->load_next, REQUEST_SET);
        c->load_next += p->config.n_conns;
    }
}

static void conn_clear(struct conn *c)
{
    c->n_batch = c->n_answered = 0;
    c->out_len = c->out_sent = 0;
}

static bool conn_cycle_begin(struct pump *p, struct conn *c)
{
    if (!conn_open(p, c))
        return false;
    c->step = CYCLE_GET;
    conn_compose(p, c, conn_session(p, c, workload_random(&p->random)), REQUEST_GET);
    return true;
}

static bool conn_cycle_write(struct pump *p, struct conn *c)
{
    uint32_t session = c->batch[0].session;
    conn_clear(c);
    c->step = CYCLE_SET;
    conn_compose(p, c, session, REQUEST_SET);
    return conn_send(p, c);
}

/* The batch or cycle before is over: sends the next one, or leaves the connection idle. */
static bool conn_next(struct pump *p, struct conn *c)
{
    conn_clear(c);
    if (p->plan == PUMP_LOAD)
        conn_compose_load(p, c);
    else if (p->plan == PUMP_MIX)
        conn_compose_mix(p, c);
    else if (p->plan == PUMP_CYCLE && !conn_cycle_begin(p, c))
        return false;
    if (c->n_batch > 0)
        return conn_send(p, c);
    p->n_busy--;
    return true;
}

/* ---- answers ---- */

static void complain(struct pump *p, const struct request *request, enum answer answer, struct bytes in)
{
    static const char *const names[] = {
        [ANSWER_RIGHT] = "right",     [ANSWER_PARTIAL] = "partial",   [ANSWER_MISS] = "missed",
        [ANSWER_REFUSED] = "refused", [ANSWER_WRONG] = "wrong value", [ANSWER_GARBLED] = "not understood"};
    static const char *const ops[] = {"get", "set", "touch"};
    if (p->complaint[0])
        return;
    int n = snprintf(p->complaint, sizeof p->complaint, "%s of session %u: %s: ", ops[request->op],
                     request->session, names[answer]);
    for (size_t i = 0; i < in.len && i < 80; i++, n++)
        p->complaint[n] = in.p[i] >= ' ' && in.p[i] < 127 ? in.p[i] : '.';
}

static bool count_answer(struct pump *p, const struct request *request, enum answer answer, struct bytes in)
{
    p->counters.ops[request->op]++;
    if (answer == ANSWER_RIGHT)
        return true;
    complain(p, request, answer, in);
    p->counters.misses += answer == ANSWER_MISS;
    p->counters.refused += answer == ANSWER_REFUSED;
    p->counters.wrong += answer == ANSWER_WRONG;
    return answer != ANSWER_GARBLED || fail(p, "%s", p->complaint);
}

/* The last answer of a batch is in. A cycle goes on with its write, and after that closes, as PHP does. */
static bool conn_batch_done(struct pump *p, struct conn *c)
{
    uint64_t now = pump_now_ns();
    p->progress_ns = now;
    if (c->step == CYCLE_GET)
        return conn_cycle_write(p, c);
    p->counters.requests += c->step == CYCLE_SET ? 1 : c->n_batch;
    histogram_add(&p->latency, now - c->start_ns);
    if (c->n_batch == 1 && c->batch[0].op == REQUEST_GET && p->plan == PUMP_MIX)
        histogram_add(&p->latency_get, now - c->start_ns);
    c->start_ns = now;
    if (c->step == CYCLE_SET)
        conn_close(c);
    c->step = CYCLE_NONE;
    return conn_next(p, c);
}

static bool conn_judge(struct pump *p, struct conn *c)
{
    const struct pump_config *config = &p->config;
    struct bytes in = {.p = c->in, .len = c->in_len};
    while (c->n_answered < c->n_batch && in.len > 0) {
        const struct request *request = &c->batch[c->n_answered];
        size_t used = 0;
        enum answer answer = config->dialect->judge(config->workload, request, in, &used);
        if (answer == ANSWER_PARTIAL)
            break;
        if (!count_answer(p, request, answer, in))
            return false;
        in.p += used;
        in.len -= used;
        c->n_answered++;
    }
    memmove(c->in, in.p, in.len);
    c->in_len = in.len;
    if (c->n_answered < c->n_batch)
        return true;
    if (c->in_len > 0)
        return fail(p, "%zu bytes more than was asked for", c->in_len);
    return conn_batch_done(p, c);
}

/* One read suffices, as epoll tells of later bytes, unless it filled the buffer. */
static bool conn_receive(struct pump *p, struct conn *c)
{
    for (;;) {
        size_t room = c->room - c->in_len;
        ssize_t n = recv(c->fd, c->in + c->in_len, room, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n < 0)
            return fail(p, "recv: %s", strerror(errno));
        if (n == 0)
            return fail(p, "the server closed the connection");
        c->in_len += (size_t)n;
        if (!conn_judge(p, c))
            return false;
        if ((size_t)n < room || c->fd < 0)
            return true;
    }
}

/* ---- the whole ---- */

static bool conn_init(struct pump *p, struct conn *c, uint32_t number)
{
    const struct pump_config *config = &p->config;
    uint32_t depth = config->depth > config->load_depth ? config->depth : config->load_depth;
    *c = (struct conn){.fd = -1, .number = number};
    c->room = (size_t)depth * (config->value_max + DIALECT_ROOM);
    c->batch = calloc(depth, sizeof *c->batch);
    c->out = malloc(c->room);
    c->in = malloc(c->room);
    return c->batch && c->out && c->in;
}

bool pump_init(struct pump *p, const struct pump_config *config)
{
    *p = (struct pump){.config = *config, .random = config->seed ^ 0x70756d70, .epoll = -1};
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll < 0)
        return fail(p, "epoll_create1: %s", strerror(errno));
    p->conns = calloc(config->n_conns, sizeof *p->conns);
    if (!p->conns)
        return fail(p, "not enough memory");
    for (uint32_t i = 0; i < config->n_conns; i++)
        p->conns[i].fd = -1;
    for (uint32_t i = 0; i < config->n_conns; i++)
        if (!conn_init(p, &p->conns[i], i))
            return fail(p, "not enough memory");
    return true;
}

bool pump_start(struct pump *p, enum pump_plan plan, uint64_t limit)
{
    p->plan = plan;
    p->limit = limit;
    p->n_composed = 0;
    p->progress_ns = pump_now_ns();
    for (uint32_t i = 0; i < p->config.n_conns; i++) {
        struct conn *c = &p->conns[i];
        c->load_next = i;
        c->start_ns = pump_now_ns();
        if (plan == PUMP_CYCLE)
            conn_close(c);
        else if (c->fd < 0 && !conn_open(p, c))
            return false;
        p->n_busy++;
        if (!conn_next(p, c))
            return false;
    }
    return true;
}

static bool conn_serve(struct pump *p, struct conn *c, uint32_t events)
{
    if (c->wants_out && !conn_send(p, c))
        return false;
    return !(events & ~(uint32_t)EPOLLOUT) || conn_receive(p, c);
}

/* One look at what has come in; *ret_found says whether there was anything. */
static bool pump_turn(struct pump *p, bool *ret_found)
{
    struct epoll_event events[64];
    int n = epoll_wait(p->epoll, events, 64, p->config.spin ? 0 : 100);
    if (n < 0 && errno != EINTR)
        return fail(p, "epoll_wait: %s", strerror(errno));
    for (int i = 0; i < n; i++)
        if (!conn_serve(p, events[i].data.ptr, events[i].events))
            return false;
    *ret_found = n > 0;
    return true;
}

bool pump_run(struct pump *p, uint64_t until_ns)
{
    uint64_t now = pump_now_ns();
    while (p->n_busy > 0 && now < until_ns) {
        uint64_t before = now;
        bool found;
        if (!pump_turn(p, &found))
            return false;
        now = pump_now_ns();
        if (found)
            continue;
        p->counters.waited_ns += now - before;
        if (now - p->progress_ns > PUMP_SILENCE_S * 1000000000ull)
            return fail(p, "no answer for %d s", PUMP_SILENCE_S);
    }
    return true;
}

bool pump_drain(struct pump *p)
{
    p->plan = PUMP_IDLE;
    return pump_run(p, UINT64_MAX);
}

void pump_fini(struct pump *p)
{
    for (uint32_t i = 0; p->conns && i < p->config.n_conns; i++) {
        conn_close(&p->conns[i]);
        free(p->conns[i].batch);
        free(p->conns[i].out);
        free(p->conns[i].in);
    }
    free(p->conns);
    if (p->epoll >= 0)
        close(p->epoll);
}
