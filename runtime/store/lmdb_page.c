/* One page of an LMDB file: its header, and whether its nodes can be.
 *
 * Reads best next: lmdb_page.h. */
#include "store/lmdb_page.h"

#include <string.h>

/* A node: its value's size, or the lower half of its child's number; flags, or the upper half; the key's size. */
struct node_start {
    uint32_t low;
    uint16_t flags;
    uint16_t key_size;
};

enum { PAGE_START = sizeof(struct lmdb_page_start), NODE_START = sizeof(struct node_start) };

static size_t even(size_t size)
{
    return (size + 1) & ~(size_t)1;
}

static bool is_branch(const struct lmdb_page *page)
{
    return (page->start.flags & LMDB_BRANCH) != 0;
}

static uint16_t offset_of(const struct lmdb_page *page, unsigned n)
{
    uint16_t offset;
    memcpy(&offset, page->bytes + PAGE_START + n * sizeof offset, sizeof offset);
    return offset;
}

/* What a node takes; 0: it does not end within the page. */
static size_t node_size(const struct lmdb_page *page, size_t offset)
{
    struct node_start start;
    if (offset + NODE_START > page->size)
        return 0;
    memcpy(&start, page->bytes + offset, sizeof start);
    uint64_t size = (uint64_t)NODE_START + start.key_size;
    if (!is_branch(page))
        size += (start.flags & LMDB_FAR) != 0 ? sizeof(size_t) : start.low;
    return size <= page->size - offset ? even((size_t)size) : 0;
}

/* A page must have room for two nodes of any size, or it could not be split. */
static size_t node_limit(const struct lmdb_page *page)
{
    return (page->size - PAGE_START) / 2 & ~(size_t)1;
}

static const char *check_node(const struct lmdb_page *page, unsigned n)
{
    struct lmdb_node node = lmdb_page_node(page, n);
    bool nameless = is_branch(page) && n == 0; /* the lowest keys are below it, whatever they are */
    if (node.key_size > LMDB_KEY_MAX || (node.key_size == 0 && !nameless))
        return "a key has an impossible size";
    if (!is_branch(page) && (node.flags & ~(LMDB_FAR | LMDB_TREE | LMDB_VALUES)) != 0)
        return "a node has unknown flags";
    return NULL;
}

/* The nodes lie between upper and the end, in any order, without gaps: each begins where another ended. */
static const char *check_nodes(const struct lmdb_page *page, struct lmdb_page_scratch *scratch)
{
    bool within = (page->start.flags & LMDB_WITHIN) != 0;
    memset(scratch->sizes, 0, page->size / 2 * sizeof *scratch->sizes);
    for (unsigned n = 0; n < page->count; n++) {
        size_t offset = offset_of(page, n);
        size_t size = offset % 2 == 0 && offset >= page->start.upper ? node_size(page, offset) : 0;
        if (size == 0)
            return "a node reaches beyond its page";
        if (!within && size + sizeof(uint16_t) > node_limit(page))
            return "a node is larger than half a page";
        if (scratch->sizes[offset / 2] != 0)
            return "two nodes are one";
        scratch->sizes[offset / 2] = (uint16_t)size;
        const char *wrong = check_node(page, n);
        if (wrong != NULL)
            return wrong;
    }
    size_t at = page->start.upper;
    for (unsigned n = 0; n < page->count; n++) {
        size_t size = at < page->size ? scratch->sizes[at / 2] : 0;
        if (size == 0)
            return "its nodes overlap, or do not fill it";
        at += size;
    }
    return at == page->size ? NULL : "its nodes overlap, or do not fill it";
}

/* Values of one size, one behind the other from the header on.  Each counts in lower as a node's offset would. */
static const char *check_fixed(const struct lmdb_page *page)
{
    size_t size = page->start.pad;
    if (size == 0 || size > LMDB_KEY_MAX)
        return "its values have an impossible size";
    if (PAGE_START + page->count * size > page->size)
        return "a value reaches beyond its page";
    if (page->start.upper + page->count * size != page->size + page->count * sizeof(uint16_t))
        return "its values do not fill it";
    return NULL;
}

const char *lmdb_page_open(struct lmdb_page *ret_page, const uint8_t *bytes, size_t size, uint16_t flags,
                           struct lmdb_page_scratch *scratch)
{
    struct lmdb_page page = {.bytes = bytes, .size = size};
    if (size < PAGE_START)
        return "it is too small";
    memcpy(&page.start, bytes, sizeof page.start);
    if (page.start.flags != flags)
        return "it is of another kind than its place";
    if (page.start.lower < PAGE_START || page.start.lower % 2 != 0 || page.start.lower > page.start.upper ||
        page.start.lower > size)
        return "its bounds make no sense";
    page.count = (page.start.lower - (unsigned)PAGE_START) / 2u;
    if (page.count == 0)
        return "it is empty";
    const char *wrong = NULL;
    if ((flags & LMDB_FIXED) != 0)
        wrong = check_fixed(&page);
    else if (page.start.upper > size || page.start.upper % 2 != 0 || size % 2 != 0)
        wrong = "its bounds make no sense";
    else
        wrong = check_nodes(&page, scratch);
    *ret_page = page;
    return wrong;
}

struct lmdb_node lmdb_page_node(const struct lmdb_page *page, unsigned n)
{
    struct node_start start;
    const uint8_t *at = page->bytes + offset_of(page, n);
    memcpy(&start, at, sizeof start);
    struct lmdb_node node = {
        .key = at + NODE_START, .key_size = start.key_size, .value = at + NODE_START + start.key_size};
    if (is_branch(page)) {
        node.child = start.low;
        if (sizeof node.child > sizeof start.low)
            node.child |= (size_t)((uint64_t)start.flags << 32);
    } else {
        node.flags = start.flags;
        node.value_size = start.low;
    }
    return node;
}
