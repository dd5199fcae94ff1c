/* The answers of the binary dialect: a header, and words only where something went wrong. */
#include "proto/binary.h"

enum code {
    CODE_OK = 0x00,
    CODE_NOT_FOUND = 0x01,
    CODE_EXISTS = 0x02,
    CODE_TOO_LARGE = 0x03,
    CODE_INVALID = 0x04,
    CODE_NOT_STORED = 0x05,
    CODE_NON_NUMERIC = 0x06,
    CODE_AUTH = 0x20,
    CODE_AUTH_STEP = 0x21,
    CODE_UNKNOWN = 0x81,
    CODE_MEMORY = 0x82,
};

struct failure {
    enum code code;
    struct bytes text;
};

#define FAILURE(code, s)                                                                                     \
    {                                                                                                        \
        code,                                                                                                \
        {                                                                                                    \
            s, sizeof(s) - 1                                                                                 \
        }                                                                                                    \
    }

static const struct failure not_found = FAILURE(CODE_NOT_FOUND, "Not found");
static const struct failure exists = FAILURE(CODE_EXISTS, "Data exists for key.");
static const struct failure counter_full = FAILURE(CODE_MEMORY, "Out of memory incrementing value");

static const struct failure status_failures[] = {
    [STATUS_MISS] = FAILURE(CODE_NOT_FOUND, "Not found"),
    [STATUS_NOT_STORED] = FAILURE(CODE_NOT_STORED, "Not stored."),
    [STATUS_EXISTS] = FAILURE(CODE_EXISTS, "Data exists for key."),
    [STATUS_BUSY] = FAILURE(CODE_INVALID, "Invalid arguments"), /* of session verbs, which binary has not */
    [STATUS_GONE] = FAILURE(CODE_INVALID, "Invalid arguments"),
    [STATUS_TOO_LARGE] = FAILURE(CODE_TOO_LARGE, "Too large."),
    [STATUS_FULL] = FAILURE(CODE_MEMORY, "Out of memory allocating item"),
    [STATUS_DISK_FULL] = FAILURE(CODE_MEMORY, "No space left on the disk of --data"),
    [STATUS_READ_ONLY] = FAILURE(CODE_MEMORY, "Read-only: the disk has failed, see stats"),
    [STATUS_LOADING] =
        FAILURE(CODE_MEMORY, "Loading: wait until the server says that it is ready, see stats"),
    [STATUS_NON_NUMERIC] = FAILURE(CODE_NON_NUMERIC, "Non-numeric server-side value for incr or decr"),
    [STATUS_DENIED] = FAILURE(CODE_AUTH, "Auth failure."),
    [STATUS_REFUSED] = FAILURE(CODE_INVALID, "Invalid arguments"),
};

static const struct failure refusal_failures[] = {
    [REFUSAL_NONE] = FAILURE(CODE_INVALID, "Invalid arguments"),
    [REFUSAL_UNKNOWN] = FAILURE(CODE_UNKNOWN, "Unknown command"),
    [REFUSAL_FORMAT] = FAILURE(CODE_INVALID, "Invalid arguments"),
    [REFUSAL_CHUNK] = FAILURE(CODE_INVALID, "Invalid arguments"),
    [REFUSAL_TOO_LARGE] = FAILURE(CODE_TOO_LARGE, "Too large."),
    [REFUSAL_FULL] = FAILURE(CODE_MEMORY, "Out of memory allocating item"),
    [REFUSAL_EXPTIME] = FAILURE(CODE_INVALID, "Invalid arguments"),
    [REFUSAL_DELTA] = FAILURE(CODE_INVALID, "Invalid arguments"),
    [REFUSAL_DELETE_USAGE] = FAILURE(CODE_INVALID, "Invalid arguments"),
    [REFUSAL_LINE_TOO_LONG] = FAILURE(CODE_INVALID, "Invalid arguments"),
    [REFUSAL_LOGIN] = FAILURE(CODE_AUTH, "Auth failure."),
    [REFUSAL_LOGIN_END] = FAILURE(CODE_AUTH, "Auth failure."),
    [REFUSAL_LOGIN_FORMAT] = FAILURE(CODE_INVALID, "Invalid arguments"),
    [REFUSAL_LOGIN_LONG] = FAILURE(CODE_MEMORY, "Out of memory"),
    [REFUSAL_LOGIN_STEP] = FAILURE(CODE_AUTH_STEP, ""),
};

static const struct failure *failure_of(const struct request *request, enum status status)
{
    bool counts = request->verb == VERB_INCR || request->verb == VERB_DECR;
    if (request->verb == VERB_REFUSED)
        return &refusal_failures[request->refusal];
    if (status == STATUS_NOT_STORED && request->verb == VERB_ADD)
        return &exists;
    if (status == STATUS_NOT_STORED && request->verb == VERB_REPLACE)
        return &not_found;
    if (status == STATUS_FULL && counts)
        return &counter_full;
    return &status_failures[status];
}

struct body {
    size_t extras_len;
    size_t key_len;
    size_t value_len;
};

static size_t put_header(char *out, const struct request *request, enum code code, struct body body,
                         uint64_t cas)
{
    memset(out, 0, BINARY_HEADER_LEN);
    out[0] = (char)BINARY_MAGIC_ANSWER;
    out[1] = (char)request->opcode;
    bytes_put_be16(out + 2, (uint16_t)body.key_len);
    out[4] = (char)body.extras_len;
    bytes_put_be16(out + 6, (uint16_t)code);
    bytes_put_be32(out + 8, (uint32_t)(body.extras_len + body.key_len + body.value_len));
    memcpy(out + 12, &request->opaque, sizeof request->opaque);
    bytes_put_be64(out + 16, cas);
    return BINARY_HEADER_LEN;
}

static size_t put_bytes(char *out, struct bytes b)
{
    if (b.len > 0)
        memcpy(out, b.p, b.len);
    return b.len;
}

static size_t put_failure(const struct request *request, enum status status, char *out)
{
    /* A miss that shows the key has it in the place of the words. */
    if (request->with_key && request->verb == VERB_GET && status == STATUS_MISS) {
        size_t n = put_header(out, request, CODE_NOT_FOUND, (struct body){.key_len = request->key.len}, 0);
        return n + put_bytes(out + n, request->key);
    }
    const struct failure *failure = failure_of(request, status);
    size_t n = put_header(out, request, failure->code, (struct body){.value_len = failure->text.len}, 0);
    return n + put_bytes(out + n, failure->text);
}

static size_t put_success(const struct request *request, const struct answer *answer, char *out)
{
    size_t n;
    switch (request->verb) {
    case VERB_INCR:
    case VERB_DECR:
        n = put_header(out, request, CODE_OK, (struct body){.value_len = 8}, answer->cas);
        bytes_put_be64(out + n, answer->number);
        return n + 8;
    case VERB_TOUCH:
        n = put_header(out, request, CODE_OK, (struct body){.extras_len = 4}, answer->cas);
        bytes_put_be32(out + n, answer->flags);
        return n + 4;
    case VERB_SET:
    case VERB_ADD:
    case VERB_REPLACE:
    case VERB_APPEND:
    case VERB_PREPEND:
    case VERB_CAS:
        return put_header(out, request, CODE_OK, (struct body){0}, answer->cas);
    case VERB_LOGIN:
        return binary_put_words(request, bytes_of("Authenticated"), out);
    default:
        return put_header(out, request, CODE_OK, (struct body){0}, 0);
    }
}

size_t binary_put_answer(const struct request *request, const struct answer *answer, char *out)
{
    if (request->verb == VERB_REFUSED)
        return request->refusal == REFUSAL_HANGUP ? 0 : put_failure(request, STATUS_REFUSED, out);
    bool silent = request->verb == VERB_GET ? answer->status == STATUS_MISS : answer->status == STATUS_OK;
    if (request->quiet && silent)
        return 0;
    return answer->status == STATUS_OK ? put_success(request, answer, out)
                                       : put_failure(request, answer->status, out);
}

size_t binary_put_hit_head(const struct request *request, const struct answer *answer, char *out)
{
    struct bytes key = request->with_key ? request->key : (struct bytes){0};
    struct body body = {.extras_len = 4, .key_len = key.len, .value_len = answer->value_len};
    size_t n = put_header(out, request, CODE_OK, body, answer->cas);
    bytes_put_be32(out + n, answer->flags);
    n += 4;
    return n + put_bytes(out + n, key);
}

/* An empty name makes the empty packet that ends a stats answer. */
size_t binary_put_stat(const struct request *request, struct bytes name, struct bytes value, char *out)
{
    if (name.len == 0)
        value.len = 0;
    struct body body = {.key_len = name.len, .value_len = value.len};
    size_t n = put_header(out, request, CODE_OK, body, 0);
    n += put_bytes(out + n, name);
    return n + put_bytes(out + n, value);
}

size_t binary_put_words(const struct request *request, struct bytes words, char *out)
{
    size_t n = put_header(out, request, CODE_OK, (struct body){.value_len = words.len}, 0);
    return n + put_bytes(out + n, words);
}

size_t binary_put_error(const struct request *request, struct bytes words, char *out)
{
    size_t n = put_header(out, request, CODE_MEMORY, (struct body){.value_len = words.len}, 0);
    return n + put_bytes(out + n, words);
}
