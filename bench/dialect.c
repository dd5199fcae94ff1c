/* Composing requests and judging answers, see dialect.h. */
#include "dialect.h"

#include "base/num.h"

#define LITERAL(s) ((struct bytes){.p = (s), .len = sizeof(s) - 1})

static char *put(char *at, struct bytes b)
{
    memcpy(at, b.p, b.len);
    return at + b.len;
}

static struct bytes key_of(const struct workload *w, const struct request *request)
{
    return (struct bytes){.p = w->keys[request->session], .len = WORKLOAD_KEY_LEN};
}

static bool take(struct bytes *in, struct bytes prefix)
{
    if (!bytes_starts_with(*in, prefix))
        return false;
    in->p += prefix.len;
    in->len -= prefix.len;
    return true;
}

/* ---- text ---- */

#define TTL "1440"
_Static_assert(WORKLOAD_TTL_S == 1440, "TTL says the same");

static char *text_put_set(const struct workload *w, const struct request *request, char *at)
{
    at = put(at, LITERAL("set "));
    at = put(at, key_of(w, request));
    at = put(at, LITERAL(" 0 " TTL " "));
    at += num_format_u64(workload_value_len(w, request), at);
    at = put(at, LITERAL("\r\n"));
    at += workload_value_write(w, request, at);
    return put(at, LITERAL("\r\n"));
}

static size_t text_compose(const struct workload *w, const struct request *request, char *ret)
{
    char *at = ret;
    switch (request->op) {
    case REQUEST_SET:
        at = text_put_set(w, request, at);
        break;
    case REQUEST_TOUCH:
        at = put(at, LITERAL("touch "));
        at = put(at, key_of(w, request));
        at = put(at, LITERAL(" " TTL "\r\n"));
        break;
    case REQUEST_GET:
    case REQUEST_OPS:
        at = put(at, LITERAL("get "));
        at = put(at, key_of(w, request));
        at = put(at, LITERAL("\r\n"));
        break;
    }
    return (size_t)(at - ret);
}

/* An answer line that is not the hoped-for one. */
static enum answer text_judge_other(struct bytes line)
{
    static const char *const misses[] = {"END\r\n", "NOT_FOUND\r\n"};
    static const char *const refusals[] = {"ERROR", "CLIENT_ERROR ", "SERVER_ERROR ", "NOT_STORED\r\n",
                                           "EXISTS\r\n"};
    for (size_t i = 0; i < sizeof misses / sizeof *misses; i++)
        if (bytes_equal(line, bytes_of(misses[i])))
            return ANSWER_MISS;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (bytes_starts_with(line, bytes_of(refusals[i])))
            return ANSWER_REFUSED;
    return ANSWER_GARBLED;
}

/* `in` opens with the whole line VALUE <key> <flags> <length>. */
static enum answer text_judge_value(const struct workload *w, const struct request *request, struct bytes in,
                                    size_t line_len, size_t *ret_used)
{
    struct bytes rest = {.p = in.p, .len = line_len - 2};
    uint64_t len;
    bool right =
        take(&rest, LITERAL("VALUE ")) && take(&rest, key_of(w, request)) && take(&rest, LITERAL(" "));
    bool flags = take(&rest, LITERAL("0 "));
    if (!right || !flags || !num_parse_u64(rest, &len) || len > WORKLOAD_VALUE_MAX)
        return ANSWER_GARBLED;
    const struct bytes end = LITERAL("\r\nEND\r\n");
    if (in.len < line_len + len + end.len)
        return ANSWER_PARTIAL;
    struct bytes value = {.p = in.p + line_len, .len = len};
    if (memcmp(value.p + len, end.p, end.len) != 0)
        return ANSWER_GARBLED;
    *ret_used = line_len + len + end.len;
    return workload_value_matches(w, request, value) ? ANSWER_RIGHT : ANSWER_WRONG;
}

static enum answer text_judge(const struct workload *w, const struct request *request, struct bytes in,
                              size_t *ret_used)
{
    const char *newline = memchr(in.p, '\n', in.len);
    if (!newline)
        return in.len < 1024 ? ANSWER_PARTIAL : ANSWER_GARBLED;
    struct bytes line = {.p = in.p, .len = (size_t)(newline + 1 - in.p)};
    if (request->op == REQUEST_GET && bytes_starts_with(line, LITERAL("VALUE ")))
        return text_judge_value(w, request, in, line.len, ret_used);
    *ret_used = line.len;
    struct bytes hoped = request->op == REQUEST_SET ? LITERAL("STORED\r\n") : LITERAL("TOUCHED\r\n");
    if (request->op != REQUEST_GET && bytes_equal(line, hoped))
        return ANSWER_RIGHT;
    return text_judge_other(line);
}

const struct dialect dialect_text = {.name = "text", .compose = text_compose, .judge = text_judge};

/* ---- binary: a header of 24 bytes, extras, key, value; memcached's protocol_binary.h ---- */

enum {
    BINARY_HEADER = 24,
    BINARY_REQUEST = 0x80,
    BINARY_ANSWER = 0x81,
    BINARY_GET = 0x00,
    BINARY_SET = 0x01,
    BINARY_TOUCH = 0x1c,
    BINARY_NOT_FOUND = 0x0001
};

static unsigned char binary_opcode(enum request_op op)
{
    return op == REQUEST_SET ? BINARY_SET : op == REQUEST_TOUCH ? BINARY_TOUCH : BINARY_GET;
}

static size_t binary_compose(const struct workload *w, const struct request *request, char *ret)
{
    char *at = ret + BINARY_HEADER;
    memset(ret, 0, BINARY_HEADER);
    if (request->op == REQUEST_SET) {
        bytes_put_be32(at, 0);
        at += 4;
    }
    if (request->op != REQUEST_GET) {
        bytes_put_be32(at, WORKLOAD_TTL_S);
        at += 4;
    }
    ret[0] = (char)BINARY_REQUEST;
    ret[1] = (char)binary_opcode(request->op);
    bytes_put_be16(ret + 2, WORKLOAD_KEY_LEN);
    ret[4] = (char)(at - ret - BINARY_HEADER);
    at = put(at, key_of(w, request));
    if (request->op == REQUEST_SET)
        at += workload_value_write(w, request, at);
    bytes_put_be32(ret + 8, (uint32_t)(at - ret - BINARY_HEADER));
    bytes_put_be32(ret + 12, request->session);
    return (size_t)(at - ret);
}

static enum answer binary_judge(const struct workload *w, const struct request *request, struct bytes in,
                                size_t *ret_used)
{
    if (in.len < BINARY_HEADER)
        return ANSWER_PARTIAL;
    const unsigned char *header = (const unsigned char *)in.p;
    uint32_t body = bytes_get_be32(header + 8);
    size_t extras = header[4], before = extras + bytes_get_be16(header + 2);
    bool ours = header[0] == BINARY_ANSWER && header[1] == binary_opcode(request->op) &&
                bytes_get_be32(header + 12) == request->session;
    if (!ours || body > WORKLOAD_VALUE_MAX + DIALECT_ROOM || before > body)
        return ANSWER_GARBLED;
    if (in.len < BINARY_HEADER + body)
        return ANSWER_PARTIAL;
    *ret_used = BINARY_HEADER + body;
    uint16_t status = bytes_get_be16(header + 6);
    if (status != 0)
        return status == BINARY_NOT_FOUND ? ANSWER_MISS : ANSWER_REFUSED;
    if (request->op != REQUEST_GET)
        return ANSWER_RIGHT;
    struct bytes value = {.p = in.p + BINARY_HEADER + before, .len = body - before};
    return workload_value_matches(w, request, value) ? ANSWER_RIGHT : ANSWER_WRONG;
}

const struct dialect dialect_binary = {.name = "binary", .compose = binary_compose, .judge = binary_judge};
