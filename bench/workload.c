/* Sessions, values and the mix of requests, see workload.h. */
#include "workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char KEY_PREFIX[] = "memc.sess.key.";

/* Spread of the sizes: two thirds of all lie within a factor of e^0.6 = 1.8 of the median. */
static const double SIZE_SIGMA = 0.6;

static void keys_fill(struct workload *w)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv"; /* as PHP's session ids */
    const size_t prefix = sizeof KEY_PREFIX - 1;
    uint64_t state = w->seed;
    for (uint32_t i = 0; i < w->n_sessions; i++) {
        memcpy(w->keys[i], KEY_PREFIX, prefix);
        uint64_t bits = 0;
        for (size_t at = prefix, left = 0; at < WORKLOAD_KEY_LEN; at++, left--, bits >>= 5) {
            if (left == 0) {
                bits = workload_random(&state);
                left = 12; /* 5 bits each */
            }
            w->keys[i][at] = digits[bits & 31];
        }
    }
}

/* The inverse of the normal distribution, by bisection: it runs 4,096 times. */
static double normal_quantile(double share)
{
    double low = -8, high = 8;
    while (high - low > 1e-9) {
        double mid = (low + high) / 2;
        if (0.5 * erfc(-mid / sqrt(2)) < share)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static void sizes_fill(struct workload *w, struct workload_sizes sizes)
{
    double mu = log((double)sizes.mean) - SIZE_SIGMA * SIZE_SIGMA / 2;
    for (int i = 0; i < WORKLOAD_SIZES; i++) {
        double size = exp(mu + SIZE_SIGMA * normal_quantile((i + 0.5) / WORKLOAD_SIZES));
        size = fmin(fmax(size, sizes.min), sizes.max);
        w->sizes[i] = (uint16_t)lround(size);
    }
}

/* One field in the manner of PHP's session format; returns its length. */
static size_t field_format(uint64_t r, char *ret, size_t room)
{
    static const char *const names[] = {"user_id",   "csrf_token", "cart", "locale",
                                        "last_seen", "flash",      "roles"};
    const char *name = names[r % (sizeof names / sizeof *names)];
    unsigned n = (unsigned)(r >> 8 & 0xffff);
    int len;
    if (r >> 32 & 1)
        len = snprintf(ret, room, "%s|s:16:\"%016llx\";", name, (unsigned long long)(r * 31));
    else if (r >> 33 & 1)
        len = snprintf(ret, room, "%s|a:2:{s:2:\"id\";i:%u;s:3:\"qty\";i:%u;}", name, n, n % 9);
    else
        len = snprintf(ret, room, "%s|i:%u;", name, n);
    return (size_t)len;
}

static void pool_fill(struct workload *w, size_t len)
{
    uint64_t state = w->seed ^ 0x706f6f6c;
    for (size_t at = 0; at < len;) {
        char field[128];
        size_t n = field_format(workload_random(&state), field, sizeof field);
        if (n > len - at)
            n = len - at;
        memcpy(w->pool + at, field, n);
        at += n;
    }
}

bool workload_init(struct workload *w, uint64_t seed, uint32_t n_sessions, struct workload_sizes sizes)
{
    const size_t pool_len = WORKLOAD_POOL + WORKLOAD_VALUE_MAX;
    *w = (struct workload){.seed = seed, .n_sessions = n_sessions};
    w->keys = calloc(n_sessions, sizeof *w->keys);
    w->generations = calloc(n_sessions, sizeof *w->generations);
    w->pool = malloc(pool_len);
    if (!w->keys || !w->generations || !w->pool) {
        workload_fini(w);
        return false;
    }
    keys_fill(w);
    sizes_fill(w, sizes);
    pool_fill(w, pool_len);
    return true;
}

void workload_fini(struct workload *w)
{
    free(w->keys);
    free(w->generations);
    free(w->pool);
    *w = (struct workload){0};
}

/* What a session holds in a generation, in one number: its size, its text and its stamp come from it. */
static uint64_t value_number(const struct workload *w, const struct request *request)
{
    uint64_t state = w->seed ^ ((uint64_t)request->session << 32 | request->generation);
    return workload_random(&state);
}

static uint32_t number_len(const struct workload *w, uint64_t number)
{
    return w->sizes[number % WORKLOAD_SIZES];
}

static const char *number_text(const struct workload *w, uint64_t number)
{
    return w->pool + (number >> 16) % WORKLOAD_POOL;
}

static void number_stamp(uint64_t number, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < WORKLOAD_VALUE_MIN; i++, number >>= 4)
        ret[i] = digits[number & 15];
}

uint32_t workload_value_len(const struct workload *w, const struct request *request)
{
    return number_len(w, value_number(w, request));
}

uint32_t workload_value_write(const struct workload *w, const struct request *request, char *ret)
{
    uint64_t number = value_number(w, request);
    uint32_t len = number_len(w, number);
    number_stamp(number, ret);
    memcpy(ret + WORKLOAD_VALUE_MIN, number_text(w, number), len - WORKLOAD_VALUE_MIN);
    return len;
}

bool workload_value_matches(const struct workload *w, const struct request *request, struct bytes value)
{
    uint64_t number = value_number(w, request);
    char stamp[WORKLOAD_VALUE_MIN];
    if (value.len != number_len(w, number))
        return false;
    number_stamp(number, stamp);
    return memcmp(value.p, stamp, sizeof stamp) == 0 &&
           memcmp(value.p + sizeof stamp, number_text(w, number), value.len - sizeof stamp) == 0;
}

uint64_t workload_stored_bytes(const struct workload *w)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < w->n_sessions; i++) {
        struct request now = {.session = i, .generation = w->generations[i]};
        sum += WORKLOAD_KEY_LEN + workload_value_len(w, &now);
    }
    return sum;
}
