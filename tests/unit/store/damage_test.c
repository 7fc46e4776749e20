/* Files that LMDB would crash on, or believe: each kind of damage is refused and said, with its page.
 *
 * Reads best next: runtime/store/lmdb_walk.c, image.h. */
#include "image.h"
#include "stores.h"

#include <lmdb.h>

static char path[280];
static char spec[300];

static void prepare(void)
{
    stores_prepare();
    snprintf(path, sizeof path, "%s", stores_path("requests"));
    snprintf(spec, sizeof spec, "lmdb:%s", path);
}

TestSuite(damage, .timeout = 60, .init = prepare, .fini = stores_clean);

static unsigned word_of(const uint8_t *at)
{
    return at[0] | (unsigned)at[1] << 8;
}

#define CHANGE_HEAD(name, page, change)                                                                        \
    static void name(void)                                                                                     \
    {                                                                                                          \
        struct lmdb_head head = image_head(page);                                                              \
        change;                                                                                                \
        image_set_head(page, &head);                                                                           \
    }
CHANGE_HEAD(head_lost, image_newer(), head.txn = 0)
CHANGE_HEAD(head_of_another, image_newer(), head.txn ^= 1)
CHANGE_HEAD(head_far_ahead, image_newer(), head.txn += 2)
CHANGE_HEAD(page_size, 0, head.free.pad = 512)
CHANGE_HEAD(page_size_of_one, 1, head.free.pad = 8192)
CHANGE_HEAD(version_of_one, 1, head.version = 2)
CHANGE_HEAD(last_page_small, image_newer(), head.last_page = 0)
CHANGE_HEAD(last_page_beyond_map, image_newer(), head.last_page = head.map_bytes / IMAGE_PAGE)
CHANGE_HEAD(last_page_endless, image_newer(), head.last_page = SIZE_MAX; head.map_bytes = SIZE_MAX)
CHANGE_HEAD(last_page_low, image_newer(), head.last_page = 4)
CHANGE_HEAD(free_list_kind, image_newer(), head.free.flags |= MDB_DUPSORT)
CHANGE_HEAD(names_beyond, image_newer(), head.main.root = 5000)
CHANGE_HEAD(names_twice, image_newer(), head.free.root = head.main.root)
CHANGE_HEAD(names_in_head, image_newer(), head.main.root = 1)
CHANGE_HEAD(names_without_depth, image_newer(), head.main.depth = 0)
CHANGE_HEAD(names_too_deep, image_newer(), head.main.depth = LMDB_DEPTH_MAX + 1)
CHANGE_HEAD(names_deeper, image_newer(), head.main.depth++)
CHANGE_HEAD(names_miscounted, image_newer(), head.main.entries = 0)
CHANGE_HEAD(names_gone, image_newer(), head.main.root = LMDB_NO_PAGE)

static void first_page_zeroed(void)
{
    memset(image, 0, IMAGE_PAGE);
}

static void second_page_zeroed(void)
{
    memset(image + IMAGE_PAGE, 0, IMAGE_PAGE);
}

static void all_zeroed(void)
{
    memset(image, 0, image_size);
}

static void newer_format(void)
{
    for (unsigned page = 0; page < 2; page++) {
        struct lmdb_head head = image_head(page);
        head.version = 2;
        image_set_head(page, &head);
    }
}

static void cut_in_the_head(void)
{
    image_size = 100;
}

static void cut_behind_the_first_head(void)
{
    image_size = IMAGE_PAGE;
}

static void cut_in_a_page(void)
{
    image_size = (image_tree("semel.journal").root + 1) * IMAGE_PAGE - 1;
}

static void leaf_zeroed(void)
{
    memset(image_page(image_journal_leaf()), 0, IMAGE_PAGE);
}

#define CHANGE_LEAF(name, change)                                                                              \
    static void name(void)                                                                                     \
    {                                                                                                          \
        size_t leaf = image_journal_leaf();                                                                    \
        struct lmdb_page_start start = image_start(leaf);                                                      \
        change;                                                                                                \
        image_set_start(leaf, start);                                                                          \
    }
CHANGE_LEAF(leaf_misplaced, start.number++)
CHANGE_LEAF(leaf_of_another_kind, start.flags = LMDB_BRANCH)
CHANGE_LEAF(leaf_lower_odd, start.lower++)
CHANGE_LEAF(leaf_lower_small, start.lower = 4)
CHANGE_LEAF(leaf_lower_above_upper, start.lower = (uint16_t)(start.upper + 2))
CHANGE_LEAF(leaf_empty, start.lower = 16)
CHANGE_LEAF(leaf_upper_beyond, start.upper = IMAGE_PAGE + 2)
CHANGE_LEAF(leaf_with_a_gap, start.upper -= 2)

static void node_beyond(void)
{
    image_page(image_journal_leaf())[17] = 0x0f, image_page(image_journal_leaf())[16] = 0xfe;
}

static void node_twice(void)
{
    memcpy(image_page(image_journal_leaf()) + 18, image_page(image_journal_leaf()) + 16, 2);
}

static void key_long(void)
{
    memcpy(image_node(image_journal_leaf(), 0) + 6, "\x00\x02", 2);
}

static void key_empty(void)
{
    memcpy(image_node(image_journal_leaf(), 0) + 6, "\x00\x00", 2);
}

static void value_long(void)
{
    memcpy(image_node(image_journal_leaf(), 0), "\xff\xff\xff\x7f", 4);
}

static void value_short(void)
{
    image_node(image_journal_leaf(), 0)[1]--;
}

static void node_flags(void)
{
    image_node(image_journal_leaf(), 0)[4] = 0x10;
}

static void node_is_a_tree(void)
{
    image_node(image_journal_leaf(), 0)[4] = LMDB_TREE;
}

static void keys_out_of_order(void)
{
    image_node(image_journal_leaf(), 0)[8] = 0xff;
}

static void branch_to_itself(void)
{
    struct lmdb_tree tree = image_tree("semel.journal");
    memcpy(image_node(tree.root, 1), &tree.root, 4);
}

static void branch_beyond(void)
{
    memcpy(image_node(image_tree("semel.journal").root, 1), "\xff\xff\xff\x00", 4);
}

#define CHANGE_TREE(name, of, change)                                                                          \
    static void name(void)                                                                                     \
    {                                                                                                          \
        struct lmdb_tree tree = image_tree(of);                                                                \
        change;                                                                                                \
        image_set_tree(of, tree);                                                                              \
    }
CHANGE_TREE(journal_shared, "semel.journal", tree.root = image_tree("semel.meta").root; tree.depth = 1)
CHANGE_TREE(journal_miscounted, "semel.journal", tree.entries++)
CHANGE_TREE(journal_sorted, "semel.journal", tree.flags = MDB_DUPSORT)
CHANGE_TREE(handler_unknown, "handler", tree.flags = 0x100)
CHANGE_TREE(handler_of_numbers, "handler", tree.flags = MDB_INTEGERKEY; image_node(tree.root, 0)[6] = 3)
CHANGE_TREE(handler_sorted, "handler", tree.flags = MDB_DUPSORT)

static void tree_cut_short(void)
{
    image_tree_at(
        "handler")[-7 - 8] -= 2; /* the low byte of the value's size, in front of flags, key size and name */
}

#define CHANGE_WITHIN(name, change)                                                                            \
    static void name(void)                                                                                     \
    {                                                                                                          \
        struct lmdb_page_start start;                                                                          \
        memcpy(&start, image_values_within(), sizeof start);                                                   \
        change;                                                                                                \
        memcpy(image_values_within(), &start, sizeof start);                                                   \
    }
CHANGE_WITHIN(within_of_another_kind, start.flags |= LMDB_FIXED)
CHANGE_WITHIN(within_cut_short, start.lower = (uint16_t)(start.lower - 2))
CHANGE_WITHIN(within_beyond, start.upper = 4000)

static void value_with_a_value(void)
{
    uint8_t *page = image_values_within();
    uint8_t *node = page + word_of(page + sizeof(struct lmdb_page_start));
    node[0] += 2; /* its key is as much shorter, so that it still fits */
    node[6] -= 2;
}

#define CHANGE_VALUES(name, change)                                                                            \
    static void name(void)                                                                                     \
    {                                                                                                          \
        struct lmdb_tree tree;                                                                                 \
        memcpy(&tree, image_values_tree(), sizeof tree);                                                       \
        change;                                                                                                \
        memcpy(image_values_tree(), &tree, sizeof tree);                                                       \
    }
CHANGE_VALUES(values_beyond, tree.root = 5000)
CHANGE_VALUES(values_elsewhere, tree.root = image_tree("handler").root; tree.depth = 1)
CHANGE_VALUES(values_unknown, tree.flags = MDB_DUPFIXED)
CHANGE_VALUES(values_gone, tree.root = LMDB_NO_PAGE)
CHANGE_VALUES(values_too_deep, tree.depth++)

static void far_of_another_kind(void)
{
    struct lmdb_page_start start = image_start(image_far_page());
    start.flags = LMDB_LEAF;
    image_set_start(image_far_page(), start);
}

static void far_too_short(void)
{
    struct lmdb_page_start start = image_start(image_far_page());
    start.count = 2;
    image_set_start(image_far_page(), start);
}

static void far_beyond(void)
{
    struct lmdb_page_start start = image_start(image_far_page());
    start.count = 4000;
    image_set_start(image_far_page(), start);
}

static void free_list_long(void)
{
    image_free_list()[1] = 1;
}

static void free_page_twice(void)
{
    memcpy(image_free_list() + 16, image_free_list() + 8, 8);
}

static void free_page_in_use(void)
{
    size_t root = image_head_now().main.root;
    memcpy(image_free_list() + 8, &root, 8);
    image_free_list()[0] = 1;
}

static void free_page_a_head(void)
{
    memset(image_free_list() + 8, 0, 8);
    image_free_list()[0] = 1;
}

static void free_since_never(void)
{
    size_t txn = image_head_now().txn + 1;
    memcpy(image_free_list() - 8, &txn, 8);
    struct lmdb_head head = image_head_now();
    head.free.entries = 1;
    image_set_head(image_newer(), &head);
}

struct damage {
    void (*make)(void);
    enum semel_code code;
    const char *text;
};

static const struct damage damages[] = {
    {head_lost, SEMEL_DATA_LOSS, "its transaction is not one that stands here"},
    {head_of_another, SEMEL_DATA_LOSS, "its transaction is not one that stands here"},
    {head_far_ahead, SEMEL_DATA_LOSS, "the two heads are not neighbours"},
    {page_size, SEMEL_DATA_LOSS, "page 0: its page size is impossible"},
    {page_size_of_one, SEMEL_DATA_LOSS, "page 1: the two heads contradict each other"},
    {version_of_one, SEMEL_DATA_LOSS, "page 1: the two heads contradict each other"},
    {newer_format, SEMEL_FAILED_PRECONDITION, "has LMDB's format 2, this program knows 1"},
    {last_page_small, SEMEL_DATA_LOSS, "its last page is impossible"},
    {last_page_beyond_map, SEMEL_DATA_LOSS, "its last page is impossible"},
    {last_page_endless, SEMEL_DATA_LOSS, "its last page is impossible"},
    {last_page_low, SEMEL_DATA_LOSS, "nothing can stand there"},
    {free_list_kind, SEMEL_DATA_LOSS, "the free list is of an unknown kind"},
    {names_beyond, SEMEL_DATA_LOSS, "page 5000: nothing can stand there"},
    {names_twice, SEMEL_DATA_LOSS, "it is used twice"},
    {names_in_head, SEMEL_DATA_LOSS, "page 1: nothing can stand there"},
    {names_without_depth, SEMEL_DATA_LOSS, "it is the root of a tree of impossible depth"},
    {names_too_deep, SEMEL_DATA_LOSS, "it is the root of a tree of impossible depth"},
    {names_deeper, SEMEL_DATA_LOSS, "it is of another kind than its place"},
    {names_miscounted, SEMEL_DATA_LOSS, "its tree has lost entries"},
    {names_gone, SEMEL_DATA_LOSS, "a tree without pages has entries"},
    {first_page_zeroed, SEMEL_DATA_LOSS, "page 0: it is overwritten"},
    {second_page_zeroed, SEMEL_DATA_LOSS, "page 1: it is overwritten"},
    {all_zeroed, SEMEL_FAILED_PRECONDITION, "is no LMDB file; name another one"},
    {cut_in_the_head, SEMEL_FAILED_PRECONDITION, "is no LMDB file; name another one"},
    {cut_behind_the_first_head, SEMEL_DATA_LOSS, "page 1: the file ends before it"},
    {cut_in_a_page, SEMEL_DATA_LOSS, "the file ends before it"},
    {leaf_zeroed, SEMEL_DATA_LOSS, "it is of another kind than its place"},
    {leaf_misplaced, SEMEL_DATA_LOSS, "it stands in the place of another"},
    {leaf_of_another_kind, SEMEL_DATA_LOSS, "it is of another kind than its place"},
    {leaf_lower_odd, SEMEL_DATA_LOSS, "its bounds make no sense"},
    {leaf_lower_small, SEMEL_DATA_LOSS, "its bounds make no sense"},
    {leaf_lower_above_upper, SEMEL_DATA_LOSS, "its bounds make no sense"},
    {leaf_empty, SEMEL_DATA_LOSS, "it is empty"},
    {leaf_upper_beyond, SEMEL_DATA_LOSS, "its bounds make no sense"},
    {leaf_with_a_gap, SEMEL_DATA_LOSS, "its nodes overlap, or do not fill it"},
    {node_beyond, SEMEL_DATA_LOSS, "a node reaches beyond its page"},
    {node_twice, SEMEL_DATA_LOSS, "two nodes are one"},
    {key_long, SEMEL_DATA_LOSS, "a node reaches beyond its page"},
    {key_empty, SEMEL_DATA_LOSS, "a key has an impossible size"},
    {value_long, SEMEL_DATA_LOSS, "a node reaches beyond its page"},
    {value_short, SEMEL_DATA_LOSS, "its nodes overlap, or do not fill it"},
    {node_flags, SEMEL_DATA_LOSS, "a node has unknown flags"},
    {node_is_a_tree, SEMEL_DATA_LOSS, "a node is of an unknown kind"},
    {keys_out_of_order, SEMEL_DATA_LOSS, "its keys are not in order"},
    {branch_to_itself, SEMEL_DATA_LOSS, "it is used twice"},
    {branch_beyond, SEMEL_DATA_LOSS, "nothing can stand there"},
    {journal_shared, SEMEL_DATA_LOSS, "its tree has lost entries"},
    {journal_miscounted, SEMEL_DATA_LOSS, "its tree has lost entries"},
    {journal_sorted, SEMEL_DATA_LOSS, "a database is of an unknown kind"},
    {handler_unknown, SEMEL_DATA_LOSS, "a database is of an unknown kind"},
    {handler_of_numbers, SEMEL_DATA_LOSS, "a number has an impossible size"},
    {handler_sorted, SEMEL_DATA_LOSS, "a node is of an unknown kind"},
    {tree_cut_short, SEMEL_DATA_LOSS, "its nodes overlap, or do not fill it"},
    {within_of_another_kind, SEMEL_DATA_LOSS, "it is of another kind than its place"},
    {within_cut_short, SEMEL_DATA_LOSS, "its nodes overlap, or do not fill it"},
    {within_beyond, SEMEL_DATA_LOSS, "its bounds make no sense"},
    {value_with_a_value, SEMEL_DATA_LOSS, "a value has a value"},
    {values_beyond, SEMEL_DATA_LOSS, "page 5000: nothing can stand there"},
    {values_elsewhere, SEMEL_DATA_LOSS, "it is used twice"},
    {values_unknown, SEMEL_DATA_LOSS, "the values of a key are of an unknown kind"},
    {values_gone, SEMEL_DATA_LOSS, "the values of a key are of an unknown kind"},
    {values_too_deep, SEMEL_DATA_LOSS, "it is of another kind than its place"},
    {far_of_another_kind, SEMEL_DATA_LOSS, "it is of another kind than its place"},
    {far_too_short, SEMEL_DATA_LOSS, "it is too short for its value"},
    {far_beyond, SEMEL_DATA_LOSS, "nothing can stand there"},
    {free_list_long, SEMEL_DATA_LOSS, "a list of free pages is cut short"},
    {free_page_twice, SEMEL_DATA_LOSS, "a list of free pages is not in order"},
    {free_page_in_use, SEMEL_DATA_LOSS, "it is used twice"},
    {free_page_a_head, SEMEL_DATA_LOSS, "page 0: nothing can stand there"},
    {free_since_never, SEMEL_DATA_LOSS, "pages are free since a transaction that never was"},
};

Test(damage, is_said_with_its_page)
{
    static uint8_t whole[IMAGE_ROOM];
    image_make(path);
    size_t whole_size = image_size;
    memcpy(whole, image, image_size);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const struct damage *damage = &damages[i];
        memcpy(image, whole, whole_size);
        image_size = whole_size;
        damage->make();
        image_write(path);
        struct store_problem problem = stores_refusal(spec);
        cr_assert_eq(problem.code, damage->code, "%zu: %s", i, problem.text);
        cr_assert_not_null(strstr(problem.text, damage->text), "%zu: '%s' says nothing of '%s'", i,
                           problem.text, damage->text);
        if (damage->code == SEMEL_DATA_LOSS)
            cr_assert_not_null(strstr(problem.text, "is damaged (page "), "%s", problem.text);
    }
}
