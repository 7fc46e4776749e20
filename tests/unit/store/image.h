/* A small file of ours in memory, to be damaged: its heads, pages, nodes and trees.  Nothing in it is aligned by more
 * than two bytes: all is reached by copies.
 *
 * Reads best next: damage_test.c. */
#ifndef TESTS_STORE_IMAGE_H
#define TESTS_STORE_IMAGE_H

#include "store/lmdb_page.h"

enum { IMAGE_PAGE = 4096, IMAGE_ROOM = 1 << 20 };

extern uint8_t image[IMAGE_ROOM];
extern size_t image_size;

/* Batches, of which some are deleted again, and two databases of a handler: one with a long value, one with many values
 * of a key.  The file is at path too. */
void image_make(const char *path);
void image_write(const char *path);

struct lmdb_head image_head(unsigned page);
void image_set_head(unsigned page, const struct lmdb_head *head);
/* Which page has the newer head, and that head. */
unsigned image_newer(void);
struct lmdb_head image_head_now(void);

uint8_t *image_page(size_t number);
struct lmdb_page_start image_start(size_t number);
void image_set_start(size_t number, struct lmdb_page_start start);

/* The n-th node of a page. */
uint8_t *image_node(size_t number, unsigned n);

/* A database's tree: where it stands in the main one, and a copy. */
uint8_t *image_tree_at(const char *name);
struct lmdb_tree image_tree(const char *name);
void image_set_tree(const char *name, struct lmdb_tree tree);

/* A leaf of the journal with more than one node. */
size_t image_journal_leaf(void);
/* The first page of the long value. */
size_t image_far_page(void);
/* All values of the one key, as a page within its page; and of the other, as a tree. */
uint8_t *image_values_within(void);
uint8_t *image_values_tree(void);
/* The list of free pages in the first node: its count, then the pages. */
uint8_t *image_free_list(void);

#endif
