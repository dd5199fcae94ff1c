/* The answers to session verbs: a code of two letters, what it has to tell, and what is said back; see session.h. */
#include "proto/session.h"

#include "base/check.h"
#include "proto/put.h"
#include "proto/text.h"
#include "proto/words.h"

static char *put_number(char *out, char letter, uint64_t number)
{
    return put_u64(put_flag(out, letter), number);
}

/* Empty: there is nothing to show. */
static char *put_text(char *out, char letter, struct bytes text)
{
    return text.len > 0 ? put(put_flag(out, letter), text) : out;
}

static char *put_token(char *out, const struct answer *answer)
{
    if (!answer->has_token)
        return out;
    char *p = put_number(out, 'K', answer->token_version);
    return put_u64(put_char(p, '-'), answer->token_fence);
}

/* What a copy of it elsewhere is to have. */
static char *put_copy(char *out, const struct answer *answer)
{
    if (!answer->has_revision)
        return out;
    CHECK(answer->ntags <= PROTO_TAGS_MAX);
    char *p = put_number(out, 'v', answer->revision);
    if (answer->life_s > 0)
        p = put_number(p, 'E', answer->life_s);
    for (size_t i = 0; i < answer->ntags; i++)
        p = put_text(p, 'G', answer->tags[i]);
    return p;
}

/* The key and the opaque, in the order in which they were asked for; and the end of the line. */
static size_t put_rest(char *p, const struct request *request, char *out)
{
    struct bytes rest = request->argument;
    for (struct bytes word = words_next(&rest); word.len > 0; word = words_next(&rest))
        p = put_echo(p, request, word);
    return (size_t)(put_end(p) - out);
}

/* Empty: one of the words that other commands have for it, too. */
static const char *code_of(const struct request *request, const struct answer *answer)
{
    switch (answer->status) {
    case STATUS_OK:
        return "HD";
    case STATUS_MISS:
        return request->verb == VERB_OPEN && answer->has_token ? "EN" : "NF";
    case STATUS_EXISTS:
        return "EX";
    case STATUS_BUSY:
        return "BS";
    case STATUS_GONE:
        return "GN";
    default:
        return "";
    }
}

static char *put_done(char *out, const struct request *request, const struct answer *answer)
{
    if (request->verb == VERB_WRITE)
        return put_token(put_number(out, 'c', answer->cas), answer);
    if (request->verb == VERB_KILL || request->verb == VERB_COUNT)
        return put_u64(put_char(out, ' '), answer->number);
    return out;
}

static char *put_busy(char *out, const struct answer *answer)
{
    CHECK(answer->holder.len <= PROTO_HOLDER_MAX);
    char *p = put_number(put_number(out, 'n', answer->waiting), 'm', answer->held_ms);
    return put_text(p, 'h', answer->holder);
}

size_t session_put_answer(const struct request *request, const struct answer *answer, char *out)
{
    const char *code = code_of(request, answer);
    if (*code == '\0')
        return (size_t)(put(out, text_words_for(request, answer->status)) - out);
    char *p = put_word(out, code);
    if (answer->status == STATUS_OK)
        p = put_done(p, request, answer);
    else if (answer->status == STATUS_BUSY)
        p = put_busy(p, answer);
    else if (*code == 'E' && answer->status == STATUS_MISS)
        p = put_number(put_token(p, answer), 'w', answer->waited_ms);
    if (answer->has_revision && answer->status == STATUS_MISS)
        p = put_number(p, 'v', answer->revision);
    if (answer->is_held && answer->status == STATUS_MISS)
        p = put_flag(p, 'l');
    return put_rest(p, request, out);
}

size_t session_put_hit_head(const struct request *request, const struct answer *answer, char *out)
{
    char *p = put_token(put_u64(put_word(out, "VA "), answer->value_len), answer);
    p = put_number(put_number(p, 'c', answer->cas), 'f', answer->flags);
    p = put_number(put_ttl(p, answer->ttl_s), 'a', answer->age_s);
    p = put_copy(put_number(p, 'w', answer->waited_ms), answer);
    if (answer->is_held)
        p = put_flag(p, 'l');
    return put_rest(answer->is_succeeded ? put_flag(p, 's') : p, request, out);
}

size_t proto_put_waiting(uint32_t position, char *out)
{
    return (size_t)(put_end(put_u64(put_word(out, "WT "), position)) - out);
}

size_t proto_put_session_line(const struct session_line *line, char *out)
{
    CHECK(line->handle.len <= PROTO_HANDLE_DIGITS && line->application.len <= PROTO_APPLICATION_MAX &&
          line->holder.len <= PROTO_HOLDER_MAX && line->ntags <= PROTO_TAGS_MAX);
    char *p = put(put_word(out, "SE "), line->handle);
    p = put_number(put_number(p, 'a', line->age_s), 'i', line->idle_s);
    p = put_number(put_ttl(p, line->ttl_s), 's', line->size);
    p = put_text(p, 'A', line->application);
    if (line->waiting > 0)
        p = put_number(p, 'n', line->waiting);
    if (line->is_held)
        p = put_number(p, 'm', line->held_ms);
    p = put_text(p, 'h', line->holder);
    for (size_t i = 0; i < line->ntags; i++) {
        CHECK(line->tags[i].len <= PROTO_TAG_MAX);
        p = put_text(p, 'G', line->tags[i]);
    }
    return (size_t)(put_end(p) - out);
}

size_t proto_put_event_line(const struct session_event *event, char *out)
{
    CHECK(event->kind.len <= PROTO_EVENT_KIND_MAX && event->handle.len <= PROTO_HANDLE_DIGITS &&
          event->application.len <= PROTO_APPLICATION_MAX && event->words.len <= PROTO_EVENT_WORDS_MAX);
    char *p = put_char(put_u64(put_word(out, "EV "), event->number), ' ');
    p = put_char(put_u64(p, event->wall_ms), ' ');
    p = put_char(put(p, event->kind), ' ');
    p = event->handle.len > 0 ? put(p, event->handle) : put_char(p, '-');
    p = put_text(p, 'A', event->application);
    if (event->words.len > 0)
        p = put(put_char(p, ' '), event->words);
    return (size_t)(put_end(p) - out);
}

size_t proto_put_list_end(const struct request *request, struct bytes cursor, char *out)
{
    CHECK(cursor.len <= PROTO_CURSOR_MAX);
    return put_rest(put_text(put_word(out, "EN"), 'C', cursor), request, out);
}
