/* A B+tree of pairs, see pairs.h. */
#include "engine/pairs.h"
#include "base/check.h"

#include <string.h>

struct pair {
    uint64_t first;
    uint64_t second;
};

struct child {
    struct pair low;
    struct pairs_node *node;
};

enum {
    HEAD_BYTES = 8,
    LEAF_MAX = (PAIRS_NODE_BYTES - HEAD_BYTES) / (int)sizeof(struct pair),
    BRANCH_MAX = (PAIRS_NODE_BYTES - HEAD_BYTES) / (int)sizeof(struct child),
    LEAF_LEAST = LEAF_MAX / 10, /* what a split leaves at least */
};

/* Entries are pairs at level 0, children above; either begins with a pair, by which it is found. The low of the very
 * first child of a level is 0, 0; that of any other branch's first child is the one that its parent has for the branch. */
struct pairs_node {
    uint16_t n;
    uint16_t level;
    uint32_t unused;
    char entries[PAIRS_NODE_BYTES - HEAD_BYTES];
};

_Static_assert(sizeof(struct pairs_node) == PAIRS_NODE_BYTES, "a node fills its page");

/* Where a way down has gone, by level: which child; at level 0, how many pairs are not above the one looked for. */
struct step {
    struct pairs_node *node;
    size_t at;
};

static size_t capacity_of(const struct pairs_node *node)
{
    return node->level == 0 ? LEAF_MAX : BRANCH_MAX;
}

static size_t entry_len(const struct pairs_node *node)
{
    return node->level == 0 ? sizeof(struct pair) : sizeof(struct child);
}

static void *entry_at(const struct pairs_node *node, size_t at)
{
    return (char *)node->entries + at * entry_len(node);
}

static const struct pair *pair_at(const struct pairs_node *node, size_t at)
{
    return entry_at(node, at);
}

static struct pairs_node *child_at(const struct pairs_node *node, size_t at)
{
    return ((struct child *)entry_at(node, at))->node;
}

static int compare(const struct pair *a, const struct pair *b)
{
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return (a->second > b->second) - (a->second < b->second);
}

static struct pairs_node *take_node(struct pairs *pairs)
{
    struct pairs_node *node = pairs->memory.take(pairs->memory.arg);
    if (node != NULL)
        pairs->nnodes++;
    return node;
}

static void give_node(struct pairs *pairs, struct pairs_node *node)
{
    pairs->nnodes--;
    pairs->memory.give(pairs->memory.arg, node);
}

void pairs_init(struct pairs *pairs, struct pairs_memory memory)
{
    *pairs = (struct pairs){.memory = memory};
}

/* As deep as the tree. */
static void give_below(struct pairs *pairs, struct pairs_node *node)
{
    for (size_t i = 0; node->level > 0 && i < node->n; i++)
        give_below(pairs, child_at(node, i));
    give_node(pairs, node);
}

void pairs_fini(struct pairs *pairs)
{
    if (pairs->root != NULL)
        give_below(pairs, pairs->root);
    pairs->root = NULL;
    pairs->npairs = 0;
}

/* How many entries of the node are not above the pair. */
static size_t count_up_to(const struct pairs_node *node, const struct pair *pair)
{
    size_t from = 0;
    size_t to = node->n;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (compare(pair_at(node, middle), pair) <= 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* True: the pair is there, the last one that the way ends behind. */
static bool descend(const struct pairs *pairs, const struct pair *pair, struct step way[PAIRS_LEVELS_MAX])
{
    struct pairs_node *node = pairs->root;
    for (size_t level = node->level; level > 0; level--) {
        way[level] = (struct step){.node = node, .at = count_up_to(node, pair) - 1};
        node = child_at(node, way[level].at);
    }
    size_t at = count_up_to(node, pair);
    way[0] = (struct step){.node = node, .at = at};
    return at > 0 && compare(pair_at(node, at - 1), pair) == 0;
}

static void insert(struct pairs_node *node, size_t at, const struct child *entry)
{
    memmove(entry_at(node, at + 1), entry_at(node, at), (node->n - at) * entry_len(node));
    memcpy(entry_at(node, at), entry, entry_len(node));
    node->n++;
}

static void cut(struct pairs_node *node, size_t at)
{
    node->n--;
    memmove(entry_at(node, at), entry_at(node, at + 1), (node->n - at) * entry_len(node));
}

/* How many of a full node and one more stay in it: half of them. Where a long row of one `first` grows at its end, all
 * up to there do, so what lies behind is no longer in its way, and then as many as may: it will grow there again. */
static size_t stay_of(const struct pairs_node *node, size_t at, const struct pair *pair)
{
    size_t all = capacity_of(node) + 1;
    if (node->level > 0 || at < LEAF_LEAST || pair_at(node, at - LEAF_LEAST)->first != pair->first)
        return all / 2;
    if (at < node->n && pair_at(node, at)->first == pair->first)
        return all / 2;
    return at + 1 < all - LEAF_LEAST ? at + 1 : all - LEAF_LEAST;
}

/* Adds an entry to a full node, the upper part of which moves to a fresh one. */
static void split(struct pairs_node *node, size_t at, const struct child *entry, struct pairs_node *fresh)
{
    size_t nstay = stay_of(node, at, &entry->low);
    size_t nold = at < nstay ? nstay - 1 : nstay;
    fresh->level = node->level;
    fresh->n = (uint16_t)(node->n - nold);
    memcpy(entry_at(fresh, 0), entry_at(node, nold), fresh->n * entry_len(node));
    node->n = (uint16_t)nold;
    if (at < nstay)
        insert(node, at, entry);
    else
        insert(fresh, at - nstay, entry);
}

/* Nodes for all that is full on the way; false: there are not enough, and none was taken. */
static bool take_spares(struct pairs *pairs, const struct step *way, struct pairs_node **spares)
{
    size_t nlevels = (size_t)pairs->root->level + 1;
    size_t nfull = 0;
    while (nfull < nlevels && way[nfull].node->n == capacity_of(way[nfull].node))
        nfull++;
    size_t nspares = nfull == nlevels ? nfull + 1 : nfull; /* and a root above */
    CHECK(nspares <= PAIRS_LEVELS_MAX);
    for (size_t i = 0; i < nspares; i++) {
        spares[i] = take_node(pairs);
        if (spares[i] != NULL)
            continue;
        while (i > 0)
            give_node(pairs, spares[--i]);
        return false;
    }
    return true;
}

static void grow(struct pairs *pairs, struct pairs_node *root, const struct child *entry)
{
    root->level = (uint16_t)(pairs->root->level + 1);
    root->n = 0;
    insert(root, 0, &(struct child){.node = pairs->root});
    insert(root, 1, entry);
    pairs->root = root;
}

static enum pairs_add add_first(struct pairs *pairs, const struct child *entry)
{
    struct pairs_node *root = take_node(pairs);
    if (root == NULL)
        return PAIRS_NO_ROOM;
    root->level = 0;
    root->n = 0;
    insert(root, 0, entry);
    pairs->root = root;
    pairs->npairs++;
    return PAIRS_ADDED;
}

enum pairs_add pairs_add(struct pairs *pairs, uint64_t first, uint64_t second)
{
    struct step way[PAIRS_LEVELS_MAX];
    struct pairs_node *spares[PAIRS_LEVELS_MAX];
    struct child entry = {.low = {.first = first, .second = second}};
    if (pairs->root == NULL)
        return add_first(pairs, &entry);
    if (descend(pairs, &entry.low, way))
        return PAIRS_THERE;
    if (!take_spares(pairs, way, spares))
        return PAIRS_NO_ROOM;
    pairs->npairs++;
    size_t at = way[0].at;
    for (size_t level = 0;; level++) {
        if (level > pairs->root->level) {
            grow(pairs, spares[level], &entry);
            break;
        }
        struct pairs_node *node = way[level].node;
        if (node->n < capacity_of(node)) {
            insert(node, at, &entry);
            break;
        }
        split(node, at, &entry, spares[level]);
        entry = (struct child){.low = *pair_at(spares[level], 0), .node = spares[level]};
        at = way[level + 1].at + 1;
    }
    return PAIRS_ADDED;
}

/* Both have half of what they have. */
static void even_out(struct pairs_node *left, struct pairs_node *right)
{
    size_t len = entry_len(left);
    size_t nleft = (size_t)(left->n + right->n) / 2;
    if (left->n < nleft) {
        size_t n = nleft - left->n;
        memcpy(entry_at(left, left->n), entry_at(right, 0), n * len);
        memmove(entry_at(right, 0), entry_at(right, n), (right->n - n) * len);
    } else {
        size_t n = left->n - nleft;
        memmove(entry_at(right, n), entry_at(right, 0), right->n * len);
        memcpy(entry_at(right, 0), entry_at(left, nleft), n * len);
    }
    right->n = (uint16_t)(left->n + right->n - nleft);
    left->n = (uint16_t)nleft;
}

/* A child has become small: its neighbour takes it in, or, where both would be nearly full, shares with it. True: the
 * parent has one child less. */
static bool join(struct pairs *pairs, struct pairs_node *parent, size_t at)
{
    size_t right_at = at > 0 ? at : 1;
    struct pairs_node *left = child_at(parent, right_at - 1);
    struct pairs_node *right = child_at(parent, right_at);
    size_t n = (size_t)(left->n + right->n);
    if (4 * n > 3 * capacity_of(left)) {
        even_out(left, right);
        struct child *child = entry_at(parent, right_at);
        child->low = *pair_at(right, 0);
        return false;
    }
    memcpy(entry_at(left, left->n), entry_at(right, 0), right->n * entry_len(left));
    left->n = (uint16_t)n;
    cut(parent, right_at);
    give_node(pairs, right);
    return true;
}

/* A root with one child, or with none, is none. */
static void shrink(struct pairs *pairs)
{
    struct pairs_node *root = pairs->root;
    if (root->n > (root->level == 0 ? 0 : 1))
        return;
    pairs->root = root->level == 0 ? NULL : child_at(root, 0);
    give_node(pairs, root);
}

bool pairs_remove(struct pairs *pairs, uint64_t first, uint64_t second)
{
    struct step way[PAIRS_LEVELS_MAX];
    const struct pair pair = {.first = first, .second = second};
    if (pairs->root == NULL || !descend(pairs, &pair, way))
        return false;
    pairs->npairs--;
    cut(way[0].node, way[0].at - 1);
    for (size_t level = 0; level < pairs->root->level; level++) {
        const struct pairs_node *node = way[level].node;
        if (node->n >= capacity_of(node) / 3 || !join(pairs, way[level + 1].node, way[level + 1].at))
            break;
    }
    shrink(pairs);
    return true;
}

/* False: that was the last leaf. */
static bool go_to_next_leaf(struct step *way, size_t root_level)
{
    size_t level = 1;
    while (level <= root_level && way[level].at + 1 == way[level].node->n)
        level++;
    if (level > root_level)
        return false;
    way[level].at++;
    for (; level > 0; level--)
        way[level - 1] = (struct step){.node = child_at(way[level].node, way[level].at)};
    return true;
}

size_t pairs_after(const struct pairs *pairs, uint64_t first, uint64_t after, bool inclusive, uint64_t *ret,
                   size_t max)
{
    struct step way[PAIRS_LEVELS_MAX];
    const struct pair pair = {.first = first, .second = after};
    size_t n = 0;
    if (pairs->root == NULL)
        return 0;
    if (descend(pairs, &pair, way) && inclusive)
        way[0].at--;
    while (n < max) {
        if (way[0].at == way[0].node->n && !go_to_next_leaf(way, pairs->root->level))
            break;
        const struct pair *next = pair_at(way[0].node, way[0].at++);
        if (next->first != first)
            break;
        ret[n++] = next->second;
    }
    return n;
}

/* What a walk through all has seen. */
struct tally {
    uint64_t npairs;
    uint64_t nnodes;
};

/* All in the node is from `low` on, and below `end` unless that is NULL. As deep as the tree. */
static void check_node(const struct pairs_node *node, const struct pair *low, const struct pair *end,
                       bool is_root, struct tally *tally)
{
    tally->nnodes++;
    CHECK(node->n <= capacity_of(node));
    CHECK(node->n >= (is_root ? (node->level > 0 ? 2 : 1) : (node->level > 0 ? BRANCH_MAX / 3 : LEAF_LEAST)));
    for (size_t i = 0; i < node->n; i++) {
        const struct pair *pair = pair_at(node, i);
        const struct pair *next = i + 1 < node->n ? pair_at(node, i + 1) : end;
        CHECK(compare(pair, i == 0 ? low : pair_at(node, i - 1)) >= (i == 0 ? 0 : 1));
        CHECK(next == NULL || compare(pair, next) < 0);
        if (node->level == 0)
            continue;
        CHECK(i > 0 || compare(pair, low) == 0);
        CHECK(child_at(node, i)->level + 1 == node->level);
        check_node(child_at(node, i), pair, next, false, tally);
    }
    if (node->level == 0)
        tally->npairs += node->n;
}

void pairs_check(const struct pairs *pairs)
{
    struct tally tally = {0};
    if (pairs->root != NULL)
        check_node(pairs->root, &(struct pair){0}, NULL, true, &tally);
    CHECK(tally.npairs == pairs->npairs);
    CHECK(tally.nnodes == pairs->nnodes);
}
