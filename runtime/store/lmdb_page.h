/* One page of an LMDB file, as it stands on the disk: format LMDB 0.9, data version 1.  Numbers have the byte order and
 * the word size of the machine that made them.
 *
 * Whatever is read here is hostile input.  It must not know files, nor what a tree holds.  Reads best next:
 * lmdb_check.h. */
#ifndef STORE_LMDB_PAGE_H
#define STORE_LMDB_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LMDB_PAGE_MIN = 4096,
    LMDB_PAGE_MAX = 32768,
    LMDB_KEY_MAX = 511, /* as Debian's library was built */
    /* Of a tree: with two branches a page, more than the largest file has.  A cursor of LMDB holds 32. */
    LMDB_DEPTH_MAX = 28,
};

#define LMDB_MAGIC UINT32_C(0xBEEFC0DE)
#define LMDB_DATA_VERSION 1u
#define LMDB_NO_PAGE SIZE_MAX /* the root of an empty tree */

enum lmdb_page_flag {
    LMDB_BRANCH = 0x01,
    LMDB_LEAF = 0x02,
    LMDB_OVERFLOW = 0x04, /* a value that is longer than half a page: pages in a row */
    LMDB_HEAD = 0x08,     /* page 0 or 1 */
    LMDB_DIRTY = 0x10,    /* not on the disk, but in pages within a page, where it is not cleared */
    LMDB_FIXED = 0x20,    /* a leaf of values of one size, without nodes */
    LMDB_WITHIN = 0x40,   /* a leaf that is the value of a node: the values of one key */
};

enum lmdb_node_flag {
    LMDB_FAR = 0x01,    /* the value is in overflow pages */
    LMDB_TREE = 0x02,   /* the value is a tree: a named database, or the values of one key */
    LMDB_VALUES = 0x04, /* the value is all values of one key */
};

/* How every page begins. */
struct lmdb_page_start {
    size_t number;
    uint16_t pad; /* FIXED: the size of a value */
    uint16_t flags;
    union {
        struct {
            uint16_t lower; /* behind the offsets of the nodes, which follow this header */
            uint16_t upper; /* where the nodes begin, which fill the page from its end */
        };
        uint32_t count; /* OVERFLOW: of the pages in a row */
    };
};

struct lmdb_tree {
    uint32_t pad;
    uint16_t flags;
    uint16_t depth;
    size_t branch_pages;
    size_t leaf_pages;
    size_t overflow_pages;
    size_t entries;
    size_t root;
};

/* What stands behind the header of page 0 and of page 1: the file as one commit left it, and as the next one did. */
struct lmdb_head {
    uint32_t magic;
    uint32_t version;
    size_t address;
    size_t map_bytes;
    struct lmdb_tree free; /* pages that nobody needs, by transaction.  Its pad is the size of a page */
    struct lmdb_tree main; /* the named databases */
    size_t last_page;
    size_t txn;
};

struct lmdb_node {
    const uint8_t *key;
    uint16_t key_size;
    uint16_t flags;
    size_t child;         /* in a branch: the page below */
    uint32_t value_size;  /* in a leaf: of all of it */
    const uint8_t *value; /* the value, or (FAR) a page number; its alignment is 2 */
};

/* A branch or leaf; borrowed bytes. */
struct lmdb_page {
    const uint8_t *bytes;
    size_t size;
    struct lmdb_page_start start;
    unsigned count; /* of its nodes, or values */
};

/* Which node begins where, while a page is looked at. */
struct lmdb_page_scratch {
    uint16_t sizes[LMDB_PAGE_MAX / 2];
};

/* Looks at a page by itself: all nodes lie within, side by side, with sizes that can be.  flags: what it must be;
 * size: of the page, even but for FIXED.  NULL and *ret_page, or what is wrong (static text). */
const char *lmdb_page_open(struct lmdb_page *ret_page, const uint8_t *bytes, size_t size, uint16_t flags,
                           struct lmdb_page_scratch *scratch);

/* The n-th node of a page that was opened and is not FIXED. */
struct lmdb_node lmdb_page_node(const struct lmdb_page *page, unsigned n);

#endif
