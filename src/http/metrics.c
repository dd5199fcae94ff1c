/* What is served as /metrics, see metrics.h. */
#include "http/metrics.h"
#include "http/api.h"
#include "http/http_private.h"

#include <stdio.h>
#include <stdlib.h>

struct values {
    double list[METRICS_MAX];
    bool is_there[METRICS_MAX];
};

static void take_line(void *to, struct bytes name, struct bytes value)
{
    struct values *values = to;
    char text[64];
    if (value.len == 0 || value.len >= sizeof text)
        return;
    memcpy(text, value.p, value.len);
    text[value.len] = '\0';
    for (size_t i = 0; i < metrics_n; i++) {
        char *end;
        if (!bytes_equal(name, bytes_of(metrics_rows[i].stat)))
            continue;
        values->list[i] = strtod(text, &end) * metrics_rows[i].factor;
        values->is_there[i] = *end == '\0';
    }
}

static void put_metrics(FILE *out, const struct values *values)
{
    const char *last = "";
    for (size_t i = 0; i < metrics_n; i++) {
        const struct metric *metric = &metrics_rows[i];
        if (!values->is_there[i])
            continue;
        if (strcmp(last, metric->name) != 0)
            fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                    metric->kind);
        last = metric->name;
        fprintf(out, "%s%s %.15g\n", metric->name, metric->labels, values->list[i]);
    }
}

/* An application's name has letters, digits and . _ - : only, but what lies on disk may be older than that rule. */
static void put_label(FILE *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '\\' || c == '"')
            fprintf(out, "\\%c", c);
        else
            fputc(c < ' ' || c > '~' ? '?' : c, out);
    }
}

static void put_applications(FILE *out, struct engine *engine)
{
    struct bytes name;
    uint64_t nsessions;
    for (uint32_t i = 0; engine_application(engine, i, &name, &nsessions); i++) {
        if (i == 0)
            fputs("# HELP cloakroom_application_sessions Sessions that live, by application.\n"
                  "# TYPE cloakroom_application_sessions gauge\n",
                  out);
        fputs("cloakroom_application_sessions{application=\"", out);
        put_label(out, name);
        fprintf(out, "\"} %llu\n", (unsigned long long)nsessions);
    }
}

static void put_own(FILE *out, const struct http *http, const struct http_facts *facts)
{
    fprintf(out,
            "# HELP cloakroom_build_info The version, as a label of a constant 1.\n"
            "# TYPE cloakroom_build_info gauge\n"
            "cloakroom_build_info{version=\"%s\"} 1\n",
            facts->version);
    if (facts->has_disk)
        fprintf(out,
                "# HELP cloakroom_disk_free_bytes Bytes free in the file system of --data.\n"
                "# TYPE cloakroom_disk_free_bytes gauge\n"
                "cloakroom_disk_free_bytes %llu\n",
                (unsigned long long)facts->disk_free);
    fprintf(out,
            "# HELP cloakroom_http_requests_total HTTP requests.\n"
            "# TYPE cloakroom_http_requests_total counter\n"
            "cloakroom_http_requests_total %llu\n"
            "# HELP cloakroom_http_wrong_tokens_total HTTP requests with a wrong token.\n"
            "# TYPE cloakroom_http_wrong_tokens_total counter\n"
            "cloakroom_http_wrong_tokens_total %llu\n"
            "# HELP cloakroom_http_refused_total HTTP requests refused for their Host, Origin, role, or "
            "without the "
            "CSRF header.\n"
            "# TYPE cloakroom_http_refused_total counter\n"
            "cloakroom_http_refused_total %llu\n",
            (unsigned long long)__atomic_load_n(&http->counts.requests, __ATOMIC_RELAXED),
            (unsigned long long)__atomic_load_n(&http->counts.wrong_tokens, __ATOMIC_RELAXED),
            (unsigned long long)__atomic_load_n(&http->counts.refused, __ATOMIC_RELAXED));
}

enum call_step metrics_serve(struct call *call)
{
    const struct http_host *host = &call->http->config.host;
    struct values values = {0};
    struct http_facts facts;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return call_refuse(call, 500, "out of memory");
    host->stats(host->arg, take_line, &values);
    host->facts(host->arg, &facts);
    put_metrics(out, &values);
    put_applications(out, call_engine(call));
    put_own(out, call->http, &facts);
    if (fclose(out) != 0) {
        free(text);
        return call_refuse(call, 500, "out of memory");
    }
    return call_text(call, "text/plain; version=0.0.4; charset=utf-8", text, len);
}
