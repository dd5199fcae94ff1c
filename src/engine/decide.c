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

static void refuse(struct verdict *verdict, enum op_result result)
{
    verdict->kind = VERDICT_NOTHING;
    verdict->result = result;
}

/* The conditions of the storage commands; OP_OK when the value is to be stored. */
static enum op_result storage_condition(const struct op *op, const struct decide_item *item)
{
    if (op->kind == OP_ADD)
        return item->found ? OP_NOT_STORED : OP_OK;
    if (!item->found) {
        if (op->kind != OP_SET)
            return OP_NOT_STORED;
        return op->compare_cas ? OP_MISS : OP_OK;
    }
    return op->compare_cas && op->cas != item->cas ? OP_EXISTS : OP_OK;
}

static void decide_storage(const struct op *op, const struct decide_item *item, uint32_t expiry_s,
                           uint64_t value_max, struct verdict *verdict)
{
    verdict->kind = VERDICT_PUT;
    verdict->result = storage_condition(op, item);
    verdict->write = (struct store_write){.head = op->value, .flags = op->flags, .expiry_s = expiry_s};
    if (op->kind == OP_APPEND || op->kind == OP_PREPEND) {
        struct bytes old = item->value;
        verdict->write.head = op->kind == OP_APPEND ? old : op->value;
        verdict->write.tail = op->kind == OP_APPEND ? op->value : old;
        verdict->write.flags = item->flags;
        verdict->write.expiry_s = item->expiry_s;
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

static void decide_arithmetic(const struct op *op, const struct decide_item *item, uint32_t expiry_s,
                              struct verdict *verdict)
{
    if (!item->found) {
        if (!op->create) {
            refuse(verdict, OP_MISS);
            return;
        }
        put_number(verdict, op->initial);
        verdict->write.expiry_s = expiry_s;
        return;
    }
    if (op->compare_cas && op->cas != item->cas) {
        refuse(verdict, OP_EXISTS);
        return;
    }
    uint64_t number;
    if (!read_number(item->value, &number)) {
        refuse(verdict, OP_NON_NUMERIC);
        return;
    }
    if (op->kind == OP_INCR)
        number += op->delta;
    else
        number = number > op->delta ? number - op->delta : 0;
    put_number(verdict, number);
    pad_to_old_length(verdict, item->value.len);
    verdict->write.flags = item->flags;
    verdict->write.expiry_s = item->expiry_s;
}

static void decide_on_found(const struct op *op, const struct decide_item *item, uint32_t expiry_s,
                            struct verdict *verdict)
{
    if (!item->found) {
        refuse(verdict, OP_MISS);
        return;
    }
    if (op->kind == OP_DELETE && op->compare_cas && op->cas != item->cas) {
        refuse(verdict, OP_EXISTS);
        return;
    }
    verdict->result = OP_OK;
    verdict->expiry_s = expiry_s;
    verdict->kind = op->kind == OP_GET      ? VERDICT_READ
                    : op->kind == OP_DELETE ? VERDICT_REMOVE
                                            : VERDICT_TOUCH;
}

void decide(const struct op *op, const struct decide_item *item, uint32_t expiry_s, uint64_t value_max,
            struct verdict *ret)
{
    ret->write = (struct store_write){0};
    ret->number = 0;
    switch (op->kind) {
    case OP_GET:
    case OP_DELETE:
    case OP_TOUCH:
        decide_on_found(op, item, expiry_s, ret);
        return;
    case OP_SET:
    case OP_ADD:
    case OP_REPLACE:
    case OP_APPEND:
    case OP_PREPEND:
        decide_storage(op, item, expiry_s, value_max, ret);
        return;
    case OP_INCR:
    case OP_DECR:
        decide_arithmetic(op, item, expiry_s, ret);
        return;
    }
    CHECK(!"an op kind");
}
