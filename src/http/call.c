/* Requests and answers, see call.h. */
#include "http/call.h"
#include "base/check.h"
#include "base/num.h"
#include "http/http_private.h"
#include "http/pages.h"
#include "http/route.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_MS ((uint64_t)1000000)

enum { JSON_FLAGS = JSON_COMPACT | JSON_REAL_PRECISION(15) };

struct call *call_new(struct http *http, struct MHD_Connection *connection, const char *path,
                      const char *method)
{
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->http = http;
    call->connection = connection;
    snprintf(call->method, sizeof call->method, "%s", method);
    snprintf(call->path, sizeof call->path, "%s", path);
    if (strlen(path) >= sizeof call->path)
        call->path[1] = '\0'; /* there is nothing that long */
    return call;
}

void call_free(struct call *call)
{
    CHECK(!call->is_aside);
    free(call->job);
    json_decref(call->list);
    free(call->reply.text);
    explicit_bzero(call->body, sizeof call->body);
    free(call);
}

struct engine *call_engine(const struct call *call)
{
    const struct http_host *host = &call->http->config.host;
    return host->engine(host->arg);
}

uint64_t call_now_ns(const struct call *call)
{
    return clock_steady_ns(call->http->config.clock);
}

/* ---- what was asked ---- */

static bool look_up(struct call *call, enum MHD_ValueKind kind, const char *name, struct bytes *ret)
{
    const char *value = NULL;
    size_t len = 0;
    *ret = (struct bytes){.p = "", .len = 0};
    if (MHD_lookup_connection_value_n(call->connection, kind, name, strlen(name), &value, &len) != MHD_YES ||
        value == NULL)
        return false;
    *ret = (struct bytes){.p = value, .len = len};
    return true;
}

bool call_header(struct call *call, const char *name, struct bytes *ret)
{
    return look_up(call, MHD_HEADER_KIND, name, ret);
}

bool call_argument(struct call *call, const char *name, struct bytes *ret)
{
    return look_up(call, MHD_GET_ARGUMENT_KIND, name, ret);
}

bool call_number(struct call *call, const char *name, uint64_t min, uint64_t max, uint64_t *ret)
{
    struct bytes text;
    uint64_t number;
    if (!call_argument(call, name, &text) || text.len == 0)
        return true;
    if (!num_parse_u64(text, &number) || number < min || number > max) {
        call_refuse(call, 400, "%s must be a number from %" PRIu64 " to %" PRIu64, name, min, max);
        return false;
    }
    *ret = number;
    return true;
}

struct bytes call_rest(const struct call *call)
{
    return bytes_of(call->path + strlen(call->route->path));
}

/* ---- the answer ---- */

enum call_step call_text(struct call *call, const char *type, char *text, size_t len)
{
    free(call->reply.text);
    call->reply = (struct reply){.status = 200, .type = type, .text = text, .len = len};
    return CALL_DONE;
}

enum call_step call_json(struct call *call, unsigned status, json_t *json)
{
    char cookie[CALL_COOKIE_MAX];
    char *text = json == NULL ? NULL : json_dumps(json, JSON_FLAGS);
    json_decref(json);
    memcpy(cookie, call->reply.cookie, sizeof cookie);
    call_text(call, "application/json", text, text == NULL ? 0 : strlen(text));
    memcpy(call->reply.cookie, cookie, sizeof cookie);
    call->reply.status = text == NULL ? 500 : status;
    return CALL_DONE;
}

enum call_step call_page(struct call *call, const struct page *page)
{
    call->reply.status = 200;
    call->reply.type = page_type(page);
    call->reply.page = page;
    return CALL_DONE;
}

enum call_step call_refuse(struct call *call, unsigned status, const char *format, ...)
{
    char why[512];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return call_json(call, status,
                     json_pack("{s:o, s:i}", "error", call_string(bytes_of(why)), "status", (int)status));
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value); /* without memory it is left out */
}

static void add_headers(const struct reply *reply, struct MHD_Response *response)
{
    static const char *const rows[][2] = {
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
         "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        add(response, rows[i][0], rows[i][1]);
    add(response, "Cache-Control", reply->page != NULL ? "no-cache" : "no-store");
    if (reply->type != NULL)
        add(response, "Content-Type", reply->type);
    if (reply->allow != NULL)
        add(response, "Allow", reply->allow);
    if (reply->cookie[0] != '\0')
        add(response, "Set-Cookie", reply->cookie);
    if (reply->status == 401)
        add(response, "WWW-Authenticate", "Bearer");
}

/* An answer to who has the page already; else the page. */
static struct MHD_Response *make_page(struct call *call)
{
    const struct page *page = call->reply.page;
    char etag[PAGE_ETAG_MAX];
    struct bytes known;
    size_t len = (size_t)(page->end - page->begin);
    page_etag(page, etag);
    if (call_header(call, "If-None-Match", &known) && bytes_equal(known, bytes_of(etag))) {
        call->reply.status = 304;
        len = 0;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)page->begin, MHD_RESPMEM_PERSISTENT);
    if (response != NULL)
        add(response, "ETag", etag);
    return response;
}

enum MHD_Result call_answer(struct call *call)
{
    struct reply *reply = &call->reply;
    struct MHD_Response *response;
    if (reply->page != NULL) {
        response = make_page(call);
    } else {
        response = MHD_create_response_from_buffer(
            reply->len, reply->text, reply->text != NULL ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
        reply->text = response != NULL ? NULL : reply->text;
    }
    if (response == NULL)
        return MHD_NO; /* closes the connection */
    add_headers(reply, response);
    enum MHD_Result result = MHD_queue_response(call->connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- its work ---- */

static enum call_step fail_for_disk(struct call *call)
{
    return call_refuse(call, 503, "read-only: the disk has failed; see /health");
}

/* What it tells is safe, or will be (a ticket), or never. */
static void commit(struct call *call)
{
    uint64_t unwritten = call->unwritten;
    call->unwritten = 0;
    if (unwritten == 0 || call->reply.status >= 400)
        return;
    switch (engine_commit(call_engine(call), unwritten, &call->ticket)) {
    case STORE_COMMIT_DONE:
        call->ticket = 0;
        break;
    case STORE_COMMIT_WAIT:
        break;
    case STORE_COMMIT_FAILED:
        call->ticket = 0;
        fail_for_disk(call);
        break;
    }
}

static bool is_synced(struct call *call)
{
    uint64_t synced = engine_synced(call_engine(call));
    if (synced != ENGINE_SYNC_FAILED && synced < call->ticket)
        return false;
    call->ticket = 0;
    if (synced == ENGINE_SYNC_FAILED)
        fail_for_disk(call);
    return true;
}

bool call_run(struct call *call, uint64_t now_ns)
{
    if (call->not_before_ns > now_ns)
        return false;
    if (call->ticket != 0)
        return is_synced(call);
    enum call_step step = CALL_DONE;
    if (!call->has_begun)
        step = route_begin(call);
    else if (call->go_on != NULL)
        step = call->go_on(call);
    call->has_begun = true;
    if (step == CALL_MORE)
        return false;
    call->go_on = NULL;
    commit(call);
    return call->ticket == 0;
}

/* ---- text of clients ---- */

/* How long the character there is; 0: it is none. */
static size_t character_len(const unsigned char *p, size_t len)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xC2 && p[0] < 0xE0 ? 2 : p[0] >= 0xE0 && p[0] < 0xF0 ? 3 : 4;
    if (n > len || (n == 4 && (p[0] < 0xF0 || p[0] > 0xF4)))
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    }
    bool is_overlong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    bool is_surrogate = p[0] == 0xED && p[1] >= 0xA0;
    bool is_beyond = p[0] == 0xF4 && p[1] >= 0x90;
    return is_overlong || is_surrogate || is_beyond ? 0 : n;
}

json_t *call_string(struct bytes text)
{
    static const char unknown[] = "\xEF\xBF\xBD";
    json_t *json = json_stringn(text.p, text.len);
    if (json != NULL)
        return json;
    char *mended = malloc(3 * text.len + 1);
    size_t len = 0;
    for (size_t i = 0; mended != NULL && i < text.len;) {
        size_t n = character_len((const unsigned char *)text.p + i, text.len - i);
        memcpy(mended + len, n > 0 ? text.p + i : unknown, n > 0 ? n : 3);
        len += n > 0 ? n : 3;
        i += n > 0 ? n : 1;
    }
    json = mended == NULL ? NULL : json_stringn(mended, len);
    free(mended);
    return json;
}
