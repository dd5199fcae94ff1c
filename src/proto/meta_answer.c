/* The answers to meta commands: a code of two letters, and what the flags asked for; see meta.h. */
#include "proto/meta.h"
#include "proto/put.h"
#include "proto/text.h"
#include "proto/words.h"

/* T and N change the time that is left from where they stand on: a t sees what those before it have done. */
static int64_t ttl_after(char letter, const struct answer *answer, int64_t ttl_s)
{
    if (letter == 'T')
        return answer->touched_ttl_s;
    return letter == 'N' && answer->is_created ? answer->created_ttl_s : ttl_s;
}

static char *put_of_item(char *out, char letter, const struct answer *answer)
{
    switch (letter) {
    case 's':
        return put_u64(put_flag(out, 's'), answer->value_len);
    case 'c':
        return put_u64(put_flag(out, 'c'), answer->cas);
    case 'f':
        return put_u64(put_flag(out, 'f'), answer->flags);
    case 'l':
        return put_u64(put_flag(out, 'l'), answer->idle_s);
    case 'h':
        return put_char(put_flag(out, 'h'), answer->was_fetched ? '1' : '0');
    default:
        return out;
    }
}

/* Which of those each command knows. */
static bool shows(const struct request *request, char letter)
{
    const char *letters = request->meta == META_GET ? "scflh" : request->meta == META_SET ? "sc" : "c";
    return strchr(letters, letter) != NULL;
}

static char *put_flags(char *out, const struct request *request, const struct answer *answer)
{
    bool has_item = answer->status == STATUS_OK && request->meta != META_DELETE;
    bool has_ttl = has_item && request->meta != META_SET;
    int64_t ttl_s = answer->is_created ? -1 : answer->ttl_s;
    char *p = out;
    struct bytes rest = request->argument;
    for (struct bytes word = words_next(&rest); word.len > 0; word = words_next(&rest)) {
        char letter = word.p[0];
        ttl_s = ttl_after(letter, answer, ttl_s);
        if (letter == 't' && has_ttl)
            p = put_ttl(p, ttl_s);
        else if ((has_item || request->meta == META_SET) && shows(request, letter))
            p = put_of_item(p, letter, answer);
        else
            p = put_echo(p, request, word);
    }
    return p;
}

/* Empty: one of the words that the other commands have for it, too. */
static const char *code_of(const struct request *request, enum status status)
{
    if (status == STATUS_OK)
        return "HD";
    if (status == STATUS_MISS)
        return request->meta == META_GET || request->meta == META_DEBUG ? "EN" : "NF";
    if (status == STATUS_EXISTS)
        return "EX";
    return status == STATUS_NOT_STORED ? "NS" : "";
}

/* Is the answer the one that the quiet do without? */
static bool is_expected(const struct request *request, enum status status)
{
    return status == (request->meta == META_GET ? STATUS_MISS : STATUS_OK);
}

/* The number that ma has come to, as a value. */
static size_t put_count(const struct request *request, const struct answer *answer, char *out)
{
    char digits[NUM_MAX];
    struct bytes number = {digits, num_format_u64(answer->number, digits)};
    char *p = put_u64(put_word(out, "VA "), number.len);
    return (size_t)(put_end(put(put_end(put_flags(p, request, answer)), number)) - out);
}

static struct bytes words_for(const struct request *request, const struct answer *answer)
{
    if (answer->status != STATUS_FULL || request->meta == META_SET)
        return text_words_for(request, answer->status);
    return bytes_of(answer->is_created ? "SERVER_ERROR Out of memory allocating new item\r\n"
                                       : "SERVER_ERROR out of memory\r\n");
}

/* The size and the cas of what was not stored: what was sent, and 0. */
static struct answer with_what_was_sent(const struct request *request, const struct answer *answer)
{
    struct answer shown = *answer;
    if (answer->status != STATUS_OK) {
        shown.value_len = request->value.len;
        shown.cas = 0;
    }
    return shown;
}

size_t meta_put_answer(const struct request *request, const struct answer *answer, char *out)
{
    const char *code = code_of(request, answer->status);
    if (request->quiet && is_expected(request, answer->status))
        return 0;
    if (*code == '\0')
        return (size_t)(put(out, words_for(request, answer)) - out);
    if (request->meta == META_DEBUG)
        return (size_t)(put_end(put_word(out, code)) - out);
    if (request->meta == META_COUNT && answer->status == STATUS_OK && !request->without_value)
        return put_count(request, answer, out);
    struct answer shown = with_what_was_sent(request, answer);
    return (size_t)(put_end(put_flags(put_word(out, code), request, &shown)) - out);
}

static size_t put_debug(const struct request *request, const struct answer *answer, char *out)
{
    char *p = put_word(put(put_word(out, "ME "), request->key), " exp=");
    p = answer->ttl_s < 0 ? put_word(p, "-1") : put_u64(p, (uint64_t)answer->ttl_s);
    p = put_u64(put_word(p, " la="), answer->idle_s);
    p = put_u64(put_word(p, " cas="), answer->cas);
    p = put_word(p, answer->was_fetched ? " fetch=yes" : " fetch=no");
    return (size_t)(put_end(put_u64(put_word(p, " cls=1 size="), answer->size)) - out);
}

/* Z: somebody else has won; X: it is stale; W: this one has won. */
size_t meta_put_hit_head(const struct request *request, const struct answer *answer, char *out)
{
    if (request->meta == META_DEBUG)
        return put_debug(request, answer, out);
    char *p = out;
    if (request->without_value)
        p = put_word(p, "HD");
    else
        p = put_u64(put_word(p, "VA "), answer->value_len);
    p = put_flags(p, request, answer);
    if (answer->was_won)
        p = put_flag(p, 'Z');
    if (answer->is_stale)
        p = put_flag(p, 'X');
    if (answer->has_won)
        p = put_flag(p, 'W');
    return (size_t)(put_end(p) - out);
}

size_t meta_put_hit_tail(const struct request *request, char *out)
{
    return request->without_value ? 0 : (size_t)(put_end(out) - out);
}
