/* memcached's rules, one op kind after the other; see decide.h. */
#include "engine/decide.h"
#include "base/check.h"

uint32_t decide_expiry(int64_t exptime, uint32_t now_s, const struct clock *clock)
{
    if (exptime == 0)
        return 0;
    if (exptime < 0)
        return DECIDE_EXPIRED;
    int64_t relative = exptime > DECIDE_RELATIVE_MAX_S ? exptime - clock_wall_s(clock) : exptime;
    if (relative <= 0)
        return DECIDE_EXPIRED;
    if (relative >= (int64_t)UINT32_MAX - now_s)
        return UINT32_MAX;
    return now_s + (uint32_t)relative;
}

struct decide_lives decide_lives(const struct op *op, const struct clock *clock)
{
    struct decide_lives lives = {0};
    if (op->exptime != 0)
        lives.expiry_s = decide_expiry(op->exptime, op->now_s, clock);
    if (op->create && op->create_exptime != 0)
        lives.create_expiry_s = decide_expiry(op->create_exptime, op->now_s, clock);
    if (op->recache && op->recache_exptime != 0)
        lives.recache_s = decide_expiry(op->recache_exptime, op->now_s, clock);
    return lives;
}

static void refuse(struct verdict *verdict, enum op_result result)
{
    verdict->kind = VERDICT_NOTHING;
    verdict->result = result;
}

/* What op->create makes lives as long as the last of the two says. */
static uint32_t created_expiry(const struct op *op, const struct decide_lives *lives)
{
    return op->touch && !op->create_last ? lives->expiry_s : lives->create_expiry_s;
}

/* A writer who knows that his value may be an old one: it is taken, for others to renew. */
static bool is_older(const struct op *op, const struct decide_item *item)
{
    return op->kind == OP_SET && op->invalidate && op->cas != 0 && op->cas < item->cas;
}

static bool is_onto(const struct op *op)
{
    return op->kind == OP_APPEND || op->kind == OP_PREPEND;
}

/* The conditions of the storage commands; OP_OK when the value is to be stored. */
static enum op_result storage_condition(const struct op *op, const struct decide_item *item)
{
    if (op->kind == OP_ADD)
        return item->found ? OP_NOT_STORED : OP_OK;
    if (!item->found) {
        if (op->kind != OP_SET)
            return op->create && is_onto(op) ? OP_OK : OP_NOT_STORED;
        return op->compare_cas ? OP_MISS : OP_OK;
    }
    return op->compare_cas && op->cas != item->cas && !is_older(op, item) ? OP_EXISTS : OP_OK;
}

static void put_onto(const struct op *op, const struct decide_item *item, const struct decide_lives *lives,
                     struct store_write *write)
{
    struct bytes old = item->value;
    if (!item->found) {
        write->expiry_s = lives->create_expiry_s;
        return;
    }
    write->head = op->kind == OP_APPEND ? old : op->value;
    write->tail = op->kind == OP_APPEND ? op->value : old;
    write->flags = item->flags;
    write->expiry_s = item->expiry_s;
}

static void decide_storage(const struct op *op, const struct decide_item *item,
                           const struct decide_lives *lives, uint64_t value_max, struct verdict *verdict)
{
    verdict->kind = VERDICT_PUT;
    verdict->result = storage_condition(op, item);
    verdict->write = (struct store_write){
        .head = op->value, .flags = op->flags, .expiry_s = lives->expiry_s, .cas = op->new_cas};
    if (is_onto(op))
        put_onto(op, item, lives, &verdict->write);
    if (op->compare_cas && item->found && op->cas != item->cas) { /* an older one, or refused */
        verdict->write.expiry_s = item->expiry_s;
        verdict->write.is_stale = true;
        verdict->marks_won = item->is_won;
    }
    if (verdict->result == OP_OK && verdict->write.head.len + verdict->write.tail.len > value_max)
        verdict->result = OP_TOO_LARGE;
    if (verdict->result != OP_OK)
        verdict->kind = VERDICT_NOTHING;
}

static void put_number(struct verdict *verdict, uint64_t number)
{
    verdict->kind = VERDICT_PUT;
    verdict->result = OP_OK;
    verdict->number = number;
    verdict->ndigits = num_format_u64(number, verdict->digits);
    verdict->write.head = (struct bytes){.p = verdict->digits, .len = verdict->ndigits};
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The number that memcached sees in a value (it asks strtoull): space may go before it, and anything after
 * it that begins with a space, such as the padding of a number that has become shorter. */
static bool read_number(struct bytes value, uint64_t *ret)
{
    size_t at = 0;
    while (at < value.len && is_space(value.p[at]))
        at++;
    if (at < value.len && value.p[at] == '+')
        at++;
    size_t end = at;
    while (end < value.len && value.p[end] >= '0' && value.p[end] <= '9')
        end++;
    if (end < value.len && value.p[end] != '\0' && !is_space(value.p[end]))
        return false;
    return num_parse_u64((struct bytes){.p = value.p + at, .len = end - at}, ret);
}

static void pad_to_old_length(struct verdict *verdict, size_t old_len)
{
    static const char spaces[] = "                                                                ";
    if (verdict->ndigits < old_len && old_len < sizeof spaces)
        verdict->write.tail = (struct bytes){.p = spaces, .len = old_len - verdict->ndigits};
}

/* A number that is no longer than before is written over it, and what is known of the item stays true. */
static void put_over(const struct op *op, const struct decide_item *item, const struct decide_lives *lives,
                     struct verdict *verdict)
{
    bool in_place = verdict->ndigits <= item->value.len;
    verdict->write.flags = item->flags;
    verdict->write.expiry_s = op->touch ? lives->expiry_s : item->expiry_s;
    verdict->write.is_stale = in_place && item->is_stale;
    verdict->write.is_in_place = in_place;
    verdict->marks_won = in_place && item->is_won;
    verdict->marks_fetched = in_place && item->is_fetched;
    pad_to_old_length(verdict, item->value.len);
}

static void decide_arithmetic(const struct op *op, const struct decide_item *item,
                              const struct decide_lives *lives, struct verdict *verdict)
{
    uint64_t number = op->initial;
    verdict->write.cas = op->new_cas;
    verdict->write.expiry_s = created_expiry(op, lives);
    verdict->is_created = !item->found;
    if (!item->found && !op->create)
        refuse(verdict, OP_MISS);
    else if (!item->found)
        put_number(verdict, number);
    else if (op->compare_cas && op->cas != item->cas &&
             item->value.len > 0) /* what is empty is no number first */
        refuse(verdict, OP_EXISTS);
    else if (!read_number(item->value, &number))
        refuse(verdict, OP_NON_NUMERIC);
    else {
        if (op->kind == OP_INCR)
            number += op->delta;
        else
            number = number > op->delta ? number - op->delta : 0;
        put_number(verdict, number);
        put_over(op, item, lives, verdict);
    }
}

/* Is this reader the one who is told to renew the item? Nobody is while another has been. */
static bool wins(const struct op *op, const struct decide_item *item, const struct decide_lives *lives)
{
    uint32_t life_s = op->recache_last ? lives->expiry_s : item->expiry_s;
    bool ends_soon = op->recache && life_s != 0 && life_s < lives->recache_s;
    return op->renewing && !item->is_won && (ends_soon || item->is_stale);
}

static void decide_get(const struct op *op, const struct decide_item *item, const struct decide_lives *lives,
                       struct verdict *verdict)
{
    verdict->expiry_s = lives->expiry_s;
    if (item->found) {
        verdict->kind = VERDICT_READ;
        verdict->wins = wins(op, item, lives);
    } else if (op->create) {
        verdict->kind = VERDICT_MAKE;
        verdict->write = (struct store_write){.expiry_s = created_expiry(op, lives), .cas = op->new_cas};
        verdict->is_created = true;
        verdict->wins = op->renewing;
        verdict->marks_fetched = !op->unseen; /* its maker has read it */
    } else {
        refuse(verdict, OP_MISS);
    }
    verdict->marks_won = verdict->wins;
}

/* A delete that leaves something: the item without its value, or as stale, or both. */
static void put_remains(const struct op *op, const struct decide_item *item, const struct decide_lives *lives,
                        struct verdict *verdict)
{
    verdict->kind = VERDICT_PUT;
    verdict->write = (struct store_write){.head = item->value,
                                          .flags = item->flags,
                                          .expiry_s = op->touch ? lives->expiry_s : item->expiry_s,
                                          .cas = op->new_cas,
                                          .is_stale = op->invalidate,
                                          .is_in_place = !op->drop_value};
    verdict->marks_fetched = item->is_fetched && !op->drop_value;
    if (!op->drop_value)
        return;
    verdict->write.head = (struct bytes){0};
    verdict->write.flags = op->flags;
    verdict->write.expiry_s = lives->expiry_s;
    if (op->new_cas == 0 && !op->invalidate)
        verdict->write.cas = item->cas;
}

static void decide_delete(const struct op *op, const struct decide_item *item,
                          const struct decide_lives *lives, struct verdict *verdict)
{
    if (!item->found)
        refuse(verdict, OP_MISS);
    else if (op->compare_cas && op->cas != item->cas)
        refuse(verdict, OP_EXISTS);
    else if (op->invalidate || op->drop_value)
        put_remains(op, item, lives, verdict);
    else
        verdict->kind = VERDICT_REMOVE;
}

static void decide_touch(const struct decide_item *item, const struct decide_lives *lives,
                         struct verdict *verdict)
{
    verdict->kind = VERDICT_TOUCH;
    verdict->expiry_s = lives->expiry_s;
    if (!item->found)
        refuse(verdict, OP_MISS);
}

static int64_t ttl_of(uint32_t expiry_s, uint32_t now_s)
{
    if (expiry_s == 0)
        return -1;
    return expiry_s > now_s ? (int64_t)expiry_s - now_s : 0;
}

void decide_describe(const struct op *op, const struct decide_item *item, const struct decide_lives *lives,
                     const struct verdict *verdict, struct op_hit *ret)
{
    ret->ttl_s = ttl_of(item->expiry_s, op->now_s);
    ret->touched_ttl_s = ttl_of(lives->expiry_s, op->now_s);
    ret->created_ttl_s = ttl_of(lives->create_expiry_s, op->now_s);
    ret->is_created = verdict->is_created;
    ret->is_stale = item->is_stale;
    ret->was_won = item->is_won;
    ret->has_won = verdict->wins;
}

void decide(const struct op *op, const struct decide_item *item, const struct decide_lives *lives,
            uint64_t value_max, struct verdict *ret)
{
    ret->result = OP_OK;
    ret->write = (struct store_write){0};
    ret->number = 0;
    ret->is_created = false;
    ret->wins = false;
    ret->marks_won = false;
    ret->marks_fetched = false;
    switch (op->kind) {
    case OP_GET:
        decide_get(op, item, lives, ret);
        return;
    case OP_DELETE:
        decide_delete(op, item, lives, ret);
        return;
    case OP_TOUCH:
        decide_touch(item, lives, ret);
        return;
    case OP_SET:
    case OP_ADD:
    case OP_REPLACE:
    case OP_APPEND:
    case OP_PREPEND:
        decide_storage(op, item, lives, value_max, ret);
        return;
    case OP_INCR:
    case OP_DECR:
        decide_arithmetic(op, item, lives, ret);
        return;
    case OP_OPEN:
    case OP_WRITE:
    case OP_CLOSE:
    case OP_KILL:
        break; /* session.c */
    }
    CHECK(!"an op of memcached's");
}
