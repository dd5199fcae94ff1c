/*
 * load: the load generator. Loads K sessions, then keeps the server busy for a while, once or on demand;
 * after each prints one line of JSON.
 *
 * Promise: every answer is checked; exit status 0 means that all were right. 1: some were not, or the server
 * failed; 2: the options were not understood. Bounded in time by --limit, whatever the server
 * does.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cputime.h"
#include "options.h"

/* What is known at one moment; a span is the difference of two. */
struct moment {
    uint64_t wall_ns, own_ns;
    struct cputime server;
    struct pump_counters counters;
};

struct span {
    struct moment begin, end;
};

static bool moment_take(const struct options *o, const struct pump *p, struct moment *ret)
{
    struct timespec own;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    *ret = (struct moment){.wall_ns = pump_now_ns(), .counters = p->counters};
    ret->own_ns = (uint64_t)own.tv_sec * 1000000000u + (uint64_t)own.tv_nsec;
    if (o->server_pid == 0 || cputime_read((pid_t)o->server_pid, &ret->server))
        return true;
    fprintf(stderr, "load: there is no process %" PRIu64 "\n", o->server_pid);
    return false;
}

static bool span_measure(const struct options *o, struct pump *p, struct span *ret)
{
    uint64_t begin = pump_now_ns() + o->warmup_ms * 1000000;
    if (!pump_start(p, o->cycle ? PUMP_CYCLE : PUMP_MIX, o->requests) || !pump_run(p, begin))
        return false;
    p->latency = p->latency_get = (struct histogram){0};
    return moment_take(o, p, &ret->begin) && pump_run(p, begin + o->measure_ms * 1000000) &&
           moment_take(o, p, &ret->end) && pump_drain(p);
}

/* ---- the report ---- */

static double per(uint64_t amount, uint64_t n)
{
    return n ? (double)amount / (double)n : 0;
}

static void print_server(const struct span *span, uint64_t requests)
{
    const struct moment *a = &span->begin, *b = &span->end;
    uint64_t total = b->server.total_ns - a->server.total_ns;
    uint64_t user = b->server.user_ticks - a->server.user_ticks;
    uint64_t ticks = user + b->server.system_ticks - a->server.system_ticks;
    double us = per(total, requests) / 1e3, user_us = us * per(user, ticks);
    printf("\"cpu_us\": %.4f, \"cpu_user_us\": %.4f, \"cpu_system_us\": %.4f, ", us, user_us, us - user_us);
    printf("\"server_busy\": %.4f, ", per(total, b->wall_ns - a->wall_ns));
}

static void print_latency(const char *prefix, const struct histogram *h)
{
    static const struct {
        const char *name;
        double quantile;
    } all[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        printf("\"%s%s_us\": %.2f, ", prefix, all[i].name,
               (double)histogram_quantile_ns(h, all[i].quantile) / 1e3);
    printf("\"%smax_us\": %.2f, ", prefix, (double)h->max_ns / 1e3);
}

static void print_span(const struct options *o, const struct pump *p, const struct span *span)
{
    const struct moment *a = &span->begin, *b = &span->end;
    uint64_t requests = b->counters.requests - a->counters.requests, wall_ns = b->wall_ns - a->wall_ns;
    printf("\"requests\": %" PRIu64 ", \"seconds\": %.6f, ", requests, (double)wall_ns / 1e9);
    printf("\"requests_per_s\": %.1f, ", per(requests, wall_ns) * 1e9);
    if (o->server_pid)
        print_server(span, requests);
    double busy = o->spin ? 1 - per(b->counters.waited_ns - a->counters.waited_ns, wall_ns)
                          : per(b->own_ns - a->own_ns, wall_ns);
    printf("\"generator_busy\": %.4f, ", busy);
    print_latency("", &p->latency);
    print_latency("get_", &p->latency_get);
}

/* What has happened since the start. */
static void print_totals(const struct pump *p)
{
    const struct pump_counters *c = &p->counters;
    printf("\"stored_bytes\": %" PRIu64 ", ", workload_stored_bytes(p->config.workload));
    printf("\"total\": {\"gets\": %" PRIu64 ", \"sets\": %" PRIu64 ", \"touches\": %" PRIu64
           ", \"misses\": %" PRIu64 ", \"refused\": %" PRIu64 ", \"wrong\": %" PRIu64 "}",
           c->ops[REQUEST_GET], c->ops[REQUEST_SET], c->ops[REQUEST_TOUCH], c->misses, c->refused, c->wrong);
}

/* ---- the run ---- */

static bool answers_right(const struct pump *p)
{
    const struct pump_counters *c = &p->counters;
    uint64_t bad = c->misses + c->refused + c->wrong;
    if (bad > 0)
        fprintf(stderr, "load: %" PRIu64 " answers were not right; the first: %s\n", bad, p->complaint);
    return bad == 0;
}

static bool run_load(struct pump *p)
{
    uint64_t begin = pump_now_ns();
    if (!pump_start(p, PUMP_LOAD, 0) || !pump_run(p, UINT64_MAX))
        return false;
    printf("{\"load_s\": %.3f, ", (double)(pump_now_ns() - begin) / 1e9);
    print_totals(p);
    puts("}");
    return fflush(stdout) == 0 && answers_right(p);
}

static bool run_span(const struct options *o, struct pump *p)
{
    struct span span;
    if (!span_measure(o, p, &span))
        return false;
    printf("{");
    print_span(o, p, &span);
    print_totals(p);
    puts("}");
    return fflush(stdout) == 0 && answers_right(p);
}

static bool run(const struct options *o, struct pump *p)
{
    char line[64];
    if (!o->keep && !run_load(p))
        return false;
    if (!o->on_demand)
        return o->measure_ms == 0 || run_span(o, p);
    while (fgets(line, sizeof line, stdin))
        if (!run_span(o, p))
            return false;
    return true;
}

static void give_up(int signal)
{
    static const char text[] = "load: gave up: --limit is over\n";
    (void)signal;
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(1);
}

int main(int argc, char **argv)
{
    struct options o = options_parse(argc, argv);
    struct workload_sizes sizes = {(uint32_t)o.value_min, (uint32_t)o.value_mean, (uint32_t)o.value_max};
    struct workload w;
    static struct pump p;
    signal(SIGALRM, give_up);
    alarm((unsigned)o.limit_s);
    if (!workload_init(&w, o.seed, (uint32_t)o.sessions, sizes)) {
        fputs("load: not enough memory\n", stderr);
        return 1;
    }
    struct pump_config config = options_pump_config(&o, &w);
    bool right = pump_init(&p, &config) && run(&o, &p);
    if (p.failure[0])
        fprintf(stderr, "load: %s\n", p.failure);
    pump_fini(&p);
    workload_fini(&w);
    return right ? 0 : 1;
}
