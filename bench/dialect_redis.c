/* RESP, what Redis speaks: SET with a time to live, GET, EXPIRE; see dialect.h. */
#include "dialect.h"

#include "base/num.h"

#define TTL "$4\r\n1440\r\n"
_Static_assert(WORKLOAD_TTL_S == 1440, "TTL says the same");

static char *put(char *at, const char *p, size_t len)
{
    memcpy(at, p, len);
    return at + len;
}

static char *put_text(char *at, const char *text)
{
    return put(at, text, strlen(text));
}

/* The first line of a command, its name, and the key. */
static char *put_command(const struct workload *w, const struct request *request, const char *head, char *at)
{
    at = put_text(at, head);
    at = put_text(at, "$40\r\n");
    at = put(at, w->keys[request->session], WORKLOAD_KEY_LEN);
    return put_text(at, "\r\n");
}
_Static_assert(WORKLOAD_KEY_LEN == 40, "put_command says the same");

static size_t redis_compose(const struct workload *w, const struct request *request, char *ret)
{
    char *at = ret;
    switch (request->op) {
    case REQUEST_SET:
        at = put_command(w, request, "*5\r\n$3\r\nSET\r\n", at);
        *at++ = '$';
        at += num_format_u64(workload_value_len(w, request), at);
        at = put_text(at, "\r\n");
        at += workload_value_write(w, request, at);
        at = put_text(at, "\r\n$2\r\nEX\r\n" TTL);
        break;
    case REQUEST_TOUCH:
        at = put_text(put_command(w, request, "*3\r\n$6\r\nEXPIRE\r\n", at), TTL);
        break;
    case REQUEST_GET:
    case REQUEST_OPS:
        at = put_command(w, request, "*2\r\n$3\r\nGET\r\n", at);
        break;
    }
    return (size_t)(at - ret);
}

/* `in` opens with the whole line $<length>. */
static enum answer judge_value(const struct workload *w, const struct request *request, struct bytes in,
                               size_t line_len, size_t *ret_used)
{
    uint64_t len;
    if (line_len < 4 || !num_parse_u64((struct bytes){.p = in.p + 1, .len = line_len - 3}, &len) ||
        len > WORKLOAD_VALUE_MAX)
        return ANSWER_GARBLED;
    if (in.len < line_len + len + 2)
        return ANSWER_PARTIAL;
    struct bytes value = {.p = in.p + line_len, .len = len};
    if (memcmp(value.p + len, "\r\n", 2) != 0)
        return ANSWER_GARBLED;
    *ret_used = line_len + len + 2;
    return workload_value_matches(w, request, value) ? ANSWER_RIGHT : ANSWER_WRONG;
}

static enum answer redis_judge(const struct workload *w, const struct request *request, struct bytes in,
                               size_t *ret_used)
{
    static const char *const hoped[REQUEST_OPS] = {[REQUEST_SET] = "+OK\r\n", [REQUEST_TOUCH] = ":1\r\n"};
    const char *newline = memchr(in.p, '\n', in.len);
    if (!newline)
        return in.len < 1024 ? ANSWER_PARTIAL : ANSWER_GARBLED;
    struct bytes line = {.p = in.p, .len = (size_t)(newline + 1 - in.p)};
    *ret_used = line.len;
    if (bytes_starts_with(line, bytes_of("-")))
        return ANSWER_REFUSED;
    if (bytes_equal(line, bytes_of(request->op == REQUEST_GET ? "$-1\r\n" : ":0\r\n")))
        return ANSWER_MISS;
    if (request->op == REQUEST_GET && bytes_starts_with(line, bytes_of("$")))
        return judge_value(w, request, in, line.len, ret_used);
    if (hoped[request->op] && bytes_equal(line, bytes_of(hoped[request->op])))
        return ANSWER_RIGHT;
    return ANSWER_GARBLED;
}

const struct dialect dialect_redis = {.name = "redis", .compose = redis_compose, .judge = redis_judge};
