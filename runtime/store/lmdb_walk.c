/* Walking the trees: what stands in their nodes, by the kind of the tree.
 *
 * Reads best next: lmdb_walk.h. */
#include "store/lmdb_walk.h"

#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

/* Databases of ours start with this, and have keys in order. */
#define OURS "semel."

enum {
    NAME_FLAGS = MDB_REVERSEKEY | MDB_DUPSORT | MDB_INTEGERKEY | MDB_DUPFIXED | MDB_INTEGERDUP | MDB_REVERSEDUP,
};

/* A tree that is being walked. */
enum kind { KIND_FREE, KIND_MAIN, KIND_NAMED, KIND_VALUES };
struct walk {
    enum kind kind;
    const struct lmdb_tree *tree;
    struct walk *database;      /* VALUES: whose they are */
    bool ordered;               /* its keys must ascend */
    size_t entries;             /* nodes so far: if it is ordered, as many as the tree says */
    size_t key_size;            /* of integers: the first one's; 0: none yet */
    size_t value_size;          /* the same, of values that have others beside them */
    uint8_t last[LMDB_KEY_MAX]; /* the key before */
    size_t last_size;
    bool last_is_bound; /* it stood in a branch: the next may be the same */
};

static bool read_page(struct lmdb_check *check, uint64_t number, uint8_t **ret_bytes)
{
    uint8_t **buffer = &check->buffers[check->level];
    if (!lmdb_check_claim(check, number, 1, true))
        return false;
    if (*buffer == NULL && (*buffer = malloc(check->page_size)) == NULL)
        return lmdb_check_no_memory(check);
    *ret_bytes = *buffer;
    return lmdb_check_read(check, *buffer, check->page_size, number * check->page_size);
}

/* ---- keys ---- */

static int compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static size_t word_at(const uint8_t *at)
{
    size_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static bool ascends(const struct walk *walk, const struct lmdb_node *node, bool branch)
{
    if (walk->last_size == 0)
        return true;
    int order = walk->kind == KIND_FREE
                    ? (word_at(node->key) > word_at(walk->last)) - (word_at(node->key) < word_at(walk->last))
                    : compare(node->key, node->key_size, walk->last, walk->last_size);
    return order > 0 || (order == 0 && walk->last_is_bound && !branch);
}

/* Integers are compared in one size: one of another size would be read beyond its end. */
static const char *check_integer(size_t *size, size_t found)
{
    if (found != sizeof(size_t) && found != sizeof(unsigned))
        return "a number has an impossible size";
    if (*size != 0 && *size != found)
        return "its numbers have two sizes";
    *size = found;
    return NULL;
}

/* Whether a value that has others beside it can be compared with them. */
static const char *check_value(struct walk *database, size_t size)
{
    if (size > LMDB_KEY_MAX)
        return "a value among others is too large";
    if ((database->tree->flags & MDB_INTEGERDUP) == 0)
        return NULL;
    return check_integer(&database->value_size, size);
}

static const char *check_key(struct walk *walk, const struct lmdb_node *node, bool branch)
{
    if ((walk->tree->flags & MDB_INTEGERKEY) != 0) {
        const char *wrong = check_integer(&walk->key_size, node->key_size);
        if (wrong != NULL)
            return wrong;
    }
    if (walk->kind == KIND_VALUES)
        return check_value(walk->database, node->key_size);
    if (!walk->ordered)
        return NULL;
    if (!ascends(walk, node, branch))
        return "its keys are not in order";
    memcpy(walk->last, node->key, node->key_size);
    walk->last_size = node->key_size;
    walk->last_is_bound = branch;
    return NULL;
}

/* ---- trees ---- */

static bool walk_tree(struct lmdb_check *check, struct walk *walk);

static bool check_values_tree(struct lmdb_check *check, struct walk *database, const struct lmdb_node *node,
                              uint64_t page)
{
    struct lmdb_tree tree;
    unsigned flags = database->tree->flags & MDB_DUPFIXED;
    if (flags != 0 && (database->tree->flags & MDB_INTEGERDUP) != 0)
        flags |= MDB_INTEGERKEY;
    if (node->value_size != sizeof tree)
        return lmdb_check_damaged(check, "a tree has an impossible size", page);
    memcpy(&tree, node->value, sizeof tree);
    if (tree.flags != flags || tree.root == LMDB_NO_PAGE)
        return lmdb_check_damaged(check, "the values of a key are of an unknown kind", page);
    const char *wrong = flags != 0 ? check_value(database, tree.pad) : NULL;
    if (wrong != NULL)
        return lmdb_check_damaged(check, wrong, page);
    struct walk walk = {.kind = KIND_VALUES, .tree = &tree, .database = database};
    return walk_tree(check, &walk);
}

/* All values of a key, in a page within the page. */
static bool check_values_within(struct lmdb_check *check, struct walk *database, const struct lmdb_node *node,
                                uint64_t number)
{
    struct lmdb_page page;
    bool fixed = (database->tree->flags & MDB_DUPFIXED) != 0;
    uint16_t flags = LMDB_LEAF | LMDB_WITHIN | LMDB_DIRTY | (fixed ? LMDB_FIXED : 0);
    const char *wrong = lmdb_page_open(&page, node->value, node->value_size, flags, &check->scratch);
    if (wrong == NULL && fixed)
        wrong = check_value(database, page.start.pad);
    for (unsigned n = 0; wrong == NULL && !fixed && n < page.count; n++) {
        struct lmdb_node value = lmdb_page_node(&page, n);
        wrong = value.flags != 0 || value.value_size != 0 ? "a value has a value"
                                                          : check_value(database, value.key_size);
    }
    return wrong == NULL || lmdb_check_damaged(check, wrong, number);
}

static bool check_named_node(struct lmdb_check *check, struct walk *walk, const struct lmdb_node *node,
                             uint64_t page)
{
    bool sorted = (walk->tree->flags & MDB_DUPSORT) != 0;
    if (sorted && node->flags == (LMDB_VALUES | LMDB_TREE))
        return check_values_tree(check, walk, node, page);
    if (sorted && node->flags == LMDB_VALUES)
        return check_values_within(check, walk, node, page);
    if (!sorted && node->flags == LMDB_FAR)
        return lmdb_check_far(check, word_at(node->value), node->value_size);
    if (node->flags != 0)
        return lmdb_check_damaged(check, "a node is of an unknown kind", page);
    const char *wrong = sorted ? check_value(walk, node->value_size) : NULL;
    return wrong == NULL || lmdb_check_damaged(check, wrong, page);
}

static bool check_database(struct lmdb_check *check, const struct lmdb_node *node, uint64_t page)
{
    struct lmdb_tree tree;
    if (node->value_size != sizeof tree)
        return lmdb_check_damaged(check, "a tree has an impossible size", page);
    memcpy(&tree, node->value, sizeof tree);
    bool ours = node->key_size >= sizeof OURS - 1 && memcmp(node->key, OURS, sizeof OURS - 1) == 0;
    if ((tree.flags & ~NAME_FLAGS) != 0 || (ours && tree.flags != 0))
        return lmdb_check_damaged(check, "a database is of an unknown kind", page);
    struct walk walk = {.kind = KIND_NAMED, .tree = &tree, .ordered = ours};
    return walk_tree(check, &walk);
}

static bool check_main_node(struct lmdb_check *check, const struct lmdb_node *node, uint64_t page)
{
    if (node->flags == LMDB_TREE)
        return check_database(check, node, page);
    if (node->flags == LMDB_FAR)
        return lmdb_check_far(check, word_at(node->value), node->value_size);
    return node->flags == 0 || lmdb_check_damaged(check, "a node is of an unknown kind", page);
}

/* Page numbers, from the highest on, behind their count. */
static bool claim_free(struct lmdb_check *check, const uint8_t *list, size_t size, uint64_t page)
{
    size_t count = size < sizeof count ? SIZE_MAX : word_at(list);
    if (count > size / sizeof count - 1)
        return lmdb_check_damaged(check, "a list of free pages is cut short", page);
    uint64_t before = UINT64_MAX;
    for (size_t i = 1; i <= count; i++) {
        uint64_t number = word_at(list + i * sizeof count);
        if (number >= before)
            return lmdb_check_damaged(check, "a list of free pages is not in order", page);
        if (!lmdb_check_claim(check, number, 1, false))
            return false;
        before = number;
    }
    return true;
}

static bool check_free_node(struct lmdb_check *check, const struct lmdb_node *node, uint64_t page)
{
    if (word_at(node->key) == 0 || word_at(node->key) > check->head.txn)
        return lmdb_check_damaged(check, "pages are free since a transaction that never was", page);
    if (node->flags == 0)
        return claim_free(check, node->value, node->value_size, page);
    uint64_t far = word_at(node->value);
    if (node->flags != LMDB_FAR)
        return lmdb_check_damaged(check, "a node is of an unknown kind", page);
    if (!lmdb_check_far(check, far, node->value_size))
        return false;
    uint8_t *list = malloc((size_t)node->value_size + 1);
    bool fine = list != NULL || lmdb_check_no_memory(check);
    fine = fine &&
           lmdb_check_read(check, list, node->value_size,
                           far * check->page_size + sizeof(struct lmdb_page_start)) &&
           claim_free(check, list, node->value_size, far);
    free(list);
    return fine;
}

static bool check_leaf_node(struct lmdb_check *check, struct walk *walk, const struct lmdb_node *node,
                            uint64_t page)
{
    walk->entries++;
    switch (walk->kind) {
    case KIND_FREE: return check_free_node(check, node, page);
    case KIND_MAIN: return check_main_node(check, node, page);
    case KIND_NAMED: return check_named_node(check, walk, node, page);
    default: break;
    }
    return (node->flags == 0 && node->value_size == 0) ||
           lmdb_check_damaged(check, "a value has a value", page);
}

static bool walk_page(struct lmdb_check *check, struct walk *walk, uint64_t number, unsigned height);

static bool walk_nodes(struct lmdb_check *check, struct walk *walk, const struct lmdb_page *page,
                       unsigned height)
{
    bool branch = height > 1;
    for (unsigned n = 0; n < page->count; n++) {
        struct lmdb_node node = lmdb_page_node(page, n);
        const char *wrong = branch && n == 0 ? NULL : check_key(walk, &node, branch);
        if (wrong != NULL)
            return lmdb_check_damaged(check, wrong, page->start.number);
        bool fine = branch ? walk_page(check, walk, node.child, height - 1)
                           : check_leaf_node(check, walk, &node, page->start.number);
        if (!fine)
            return false;
    }
    return true;
}

/* height: how many levels there are from here on. */
static bool walk_page(struct lmdb_check *check, struct walk *walk, uint64_t number, unsigned height)
{
    struct lmdb_page page;
    uint8_t *bytes = NULL;
    bool fixed = walk->kind == KIND_VALUES && (walk->tree->flags & MDB_DUPFIXED) != 0;
    uint16_t flags = height > 1 ? LMDB_BRANCH : LMDB_LEAF | (fixed ? LMDB_FIXED : 0);
    if (!read_page(check, number, &bytes))
        return false;
    const char *wrong = lmdb_page_open(&page, bytes, check->page_size, flags, &check->scratch);
    if (wrong == NULL && page.start.number != number)
        wrong = "it stands in the place of another";
    if (wrong == NULL && height > 1 && page.count < 2)
        wrong = "it has one branch only";
    if (wrong == NULL && (flags & LMDB_FIXED) != 0 && page.start.pad != walk->tree->pad)
        wrong = "its values have another size than their tree";
    if (wrong != NULL)
        return lmdb_check_damaged(check, wrong, number);
    if ((flags & LMDB_FIXED) != 0)
        return true;
    check->level++;
    bool fine = walk_nodes(check, walk, &page, height);
    check->level--;
    return fine;
}

static bool walk_tree(struct lmdb_check *check, struct walk *walk)
{
    const struct lmdb_tree *tree = walk->tree;
    if (tree->root == LMDB_NO_PAGE)
        return (tree->depth == 0 && (!walk->ordered || tree->entries == 0)) ||
               lmdb_check_damaged(check, "a tree without pages has entries", check->head.txn % LMDB_HEADS);
    if (tree->depth == 0 || tree->depth > LMDB_DEPTH_MAX)
        return lmdb_check_damaged(check, "it is the root of a tree of impossible depth", tree->root);
    if (!walk_page(check, walk, tree->root, tree->depth))
        return false;
    /* LMDB 0.9.24 miscounts entries when a cursor deletes some of a key's values; nothing it does depends on it. */
    return !walk->ordered || walk->entries == tree->entries ||
           lmdb_check_damaged(check, "its tree has lost entries", tree->root);
}

bool lmdb_walk(struct lmdb_check *check)
{
    struct walk free_list = {
        .kind = KIND_FREE, .tree = &check->head.free, .ordered = true, .key_size = sizeof(size_t)};
    struct walk names = {.kind = KIND_MAIN, .tree = &check->head.main, .ordered = true};
    if (check->head.main.flags != 0) {
        store_fail(check->problem, SEMEL_FAILED_PRECONDITION,
                   "%s is the LMDB file of another program; name another one", check->path);
        return false;
    }
    return walk_tree(check, &names) && walk_tree(check, &free_list);
}
