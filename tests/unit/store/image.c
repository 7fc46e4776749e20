/* Making the file, and finding one's way in it.
 *
 * Reads best next: image.h. */
#include "image.h"

#include "stores.h"

#include <lmdb.h>

uint8_t image[IMAGE_ROOM];
size_t image_size;

/* Batches, of which some are deleted again, and a handler's database with a long value. */
/* Two keys: one has few values, which stand in the page itself, the other many, which are a tree. */
static void put_sorted(MDB_txn *txn)
{
    MDB_dbi sorted;
    MDB_val few = {1, (void *)"a"};
    MDB_val many = {1, (void *)"b"};
    cr_assert_eq(mdb_dbi_open(txn, "sorted", MDB_CREATE | MDB_DUPSORT, &sorted), 0);
    for (int i = 0; i < 300; i++) {
        char text[16];
        MDB_val value = {(size_t)snprintf(text, sizeof text, "value %04d", i), text};
        cr_assert_eq(mdb_put(txn, sorted, i < 3 ? &few : &many, &value, 0), 0);
    }
}

void image_make(const char *path)
{
    char spec[300];
    snprintf(spec, sizeof spec, "lmdb:%s", path);
    struct store *store = stores_open(spec);
    static uint8_t bytes[9000];
    MDB_dbi own;
    MDB_val key = {4, (void *)"long"};
    MDB_val value = {sizeof bytes, bytes};
    MDB_txn *txn = store->ops->enter(store);
    cr_assert_not_null(txn);
    cr_assert_eq(mdb_dbi_open(txn, "handler", MDB_CREATE, &own), 0);
    cr_assert_eq(mdb_put(txn, own, &key, &value, 0), 0);
    put_sorted(txn);
    cr_assert(store->ops->leave(store, true));
    for (uint64_t number = 1; number <= 20; number++)
        cr_assert_eq(stores_commit(store, number, bytes, 4000, number > 10 ? number - 5 : 1), STORE_COMMITTED);
    store->ops->close(store);
    FILE *from = fopen(path, "rb");
    image_size = fread(image, 1, sizeof image, from);
    fclose(from);
    cr_assert(image_size > 10 * IMAGE_PAGE && image_size < sizeof image && image_size % IMAGE_PAGE == 0);
}

void image_write(const char *path)
{
    FILE *to = fopen(path, "wb");
    cr_assert_eq(fwrite(image, 1, image_size, to), image_size);
    cr_assert_eq(fclose(to), 0);
}

/* Nothing here is aligned by more than two bytes: all is reached by copies. */
struct lmdb_head image_head(unsigned page)
{
    struct lmdb_head head;
    memcpy(&head, image + page * IMAGE_PAGE + sizeof(struct lmdb_page_start), sizeof head);
    return head;
}

void image_set_head(unsigned page, const struct lmdb_head *head)
{
    memcpy(image + page * IMAGE_PAGE + sizeof(struct lmdb_page_start), head, sizeof *head);
}

unsigned image_newer(void)
{
    return image_head(1).txn > image_head(0).txn;
}

struct lmdb_head image_head_now(void)
{
    return image_head(image_newer());
}

uint8_t *image_page(size_t number)
{
    cr_assert_lt(number, image_size / IMAGE_PAGE);
    return image + number * IMAGE_PAGE;
}

struct lmdb_page_start image_start(size_t number)
{
    struct lmdb_page_start start;
    memcpy(&start, image_page(number), sizeof start);
    return start;
}

void image_set_start(size_t number, struct lmdb_page_start start)
{
    memcpy(image_page(number), &start, sizeof start);
}

static uint16_t word_at(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

/* The n-th node of a page. */
uint8_t *image_node(size_t number, unsigned n)
{
    uint8_t *page = image_page(number);
    return page + word_at(page + sizeof(struct lmdb_page_start) + 2 * n);
}

/* Where a database's tree stands in the main one: the value behind the name. */
uint8_t *image_tree_at(const char *name)
{
    size_t size = strlen(name);
    size_t root = image_head_now().main.root;
    for (unsigned n = 0;; n++) {
        uint8_t *node = image_node(root, n);
        if (word_at(node + 6) == size && memcmp(node + 8, name, size) == 0)
            return node + 8 + size;
    }
}

struct lmdb_tree image_tree(const char *name)
{
    struct lmdb_tree tree;
    memcpy(&tree, image_tree_at(name), sizeof tree);
    return tree;
}

void image_set_tree(const char *name, struct lmdb_tree tree)
{
    memcpy(image_tree_at(name), &tree, sizeof tree);
}

/* A leaf of the journal with more than one node. */
size_t image_journal_leaf(void)
{
    struct lmdb_tree tree = image_tree("semel.journal");
    cr_assert_eq(tree.depth, 2);
    for (unsigned n = 0;; n++) {
        size_t leaf = word_at(image_node(tree.root, n));
        if (image_start(leaf).lower > sizeof(struct lmdb_page_start) + 2)
            return leaf;
    }
}

size_t image_far_page(void)
{
    return word_at(image_node(image_tree("handler").root, 0) + 8 + 4);
}

/* The list of the first node: its count, then the pages. */
uint8_t *image_free_list(void)
{
    cr_assert_eq(image_head_now().free.depth, 1);
    return image_node(image_head_now().free.root, 0) + 8 + 8;
}

uint8_t *image_values_within(void)
{
    return image_node(image_tree("sorted").root, 0) + 8 + 1;
}

uint8_t *image_values_tree(void)
{
    return image_node(image_tree("sorted").root, 1) + 8 + 1;
}
