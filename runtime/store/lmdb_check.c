/* Looking at an LMDB file: its heads, and who claims which page.
 *
 * Pages are read, not mapped, so that a broken disk is an error and no signal.
 *
 * Reads best next: lmdb_check.h, lmdb_walk.c. */
#include "store/lmdb_check.h"

#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/lmdb_walk.h"
#include "store/owner.h"

/* The largest file there may be: as the largest StoreSize.  A bit for each of its pages is 32 MiB. */
#define FILE_LIMIT (UINT64_C(1) << 40)

/* A commit takes the next number: long before its end a number is damage. */
#define TXN_LIMIT (UINT64_C(1) << 56)

enum {
    PAGE_START = sizeof(struct lmdb_page_start),
    HEAD_SIZE = PAGE_START + sizeof(struct lmdb_head),
    /* Of the whole file: they stand in the flags of the free list. */
    FILE_FLAGS = MDB_FIXEDMAP | MDB_NOSUBDIR,
};

/* ---- what is told ---- */

bool lmdb_check_damaged(struct lmdb_check *check, const char *what, uint64_t page)
{
    store_fail(check->problem, SEMEL_DATA_LOSS, "%s is damaged (page %llu: %s); " LMDB_HOW_TO_GO_ON,
               check->path, (unsigned long long)page, what);
    return false;
}

bool lmdb_check_no_memory(struct lmdb_check *check)
{
    store_fail(check->problem, SEMEL_RESOURCE_EXHAUSTED, "out of memory");
    return false;
}

bool lmdb_check_read(struct lmdb_check *check, void *to, size_t size, uint64_t offset)
{
    for (size_t at = 0; at < size;) {
        ssize_t count = pread(check->fd, (uint8_t *)to + at, size - at, (off_t)(offset + at));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            store_fail(check->problem, owner_code_of(errno), "cannot read %s: %s", check->path,
                       strerror(errno));
            return false;
        }
        if (count == 0)
            return lmdb_check_damaged(check, "the file ends before it", offset / check->page_size);
        at += (size_t)count;
    }
    return true;
}

/* ---- the heads ---- */

static bool is_head(const uint8_t *bytes, size_t number, struct lmdb_head *ret_head)
{
    struct lmdb_page_start start;
    memcpy(&start, bytes, sizeof start);
    memcpy(ret_head, bytes + PAGE_START, sizeof *ret_head);
    return start.number == number && start.flags == LMDB_HEAD && ret_head->magic == LMDB_MAGIC;
}

static bool is_page_size(uint64_t size)
{
    return size >= LMDB_PAGE_MIN && size <= LMDB_PAGE_MAX && (size & (size - 1)) == 0;
}

/* The first page may be gone, and the second still tell that it was there. */
static bool not_lmdb(struct lmdb_check *check)
{
    uint8_t bytes[HEAD_SIZE];
    struct lmdb_head head;
    for (size_t size = LMDB_PAGE_MIN; size <= LMDB_PAGE_MAX; size *= 2)
        if (size + HEAD_SIZE <= check->file_bytes && lmdb_check_read(check, bytes, sizeof bytes, size) &&
            is_head(bytes, 1, &head))
            return lmdb_check_damaged(check, "it is overwritten", 0);
    store_fail(check->problem, SEMEL_FAILED_PRECONDITION, "%s is no LMDB file; name another one", check->path);
    return false;
}

static bool other_version(struct lmdb_check *check, uint32_t version)
{
    store_fail(check->problem, SEMEL_FAILED_PRECONDITION,
               "%s has LMDB's format %u, this program knows %u: name another file", check->path, version,
               LMDB_DATA_VERSION);
    return false;
}

/* Commits write the heads in turn.  So the older one is that of the commit before: were a newer one lost, what ran
 * since would be forgotten without a word. */
static const char *judge_pair(const struct lmdb_head heads[LMDB_HEADS])
{
    size_t even = heads[0].txn;
    size_t odd = heads[1].txn;
    if (even == 0 && odd == 0)
        return NULL;
    if (even % 2 != 0 || odd % 2 != 1 || even > TXN_LIMIT || odd > TXN_LIMIT)
        return "its transaction is not one that stands here";
    return even + 1 == odd || odd + 1 == even ? NULL : "the two heads are not neighbours";
}

static bool read_heads(struct lmdb_check *check, struct lmdb_head heads[LMDB_HEADS])
{
    uint8_t bytes[HEAD_SIZE];
    check->page_size = LMDB_PAGE_MIN; /* until it is known */
    if (check->file_bytes < HEAD_SIZE)
        return not_lmdb(check);
    if (!lmdb_check_read(check, bytes, sizeof bytes, 0))
        return false;
    if (!is_head(bytes, 0, &heads[0]))
        return not_lmdb(check);
    bool known = is_page_size(heads[0].free.pad);
    if (heads[0].version != LMDB_DATA_VERSION && !known)
        return other_version(check, heads[0].version);
    if (!known)
        return lmdb_check_damaged(check, "its page size is impossible", 0);
    check->page_size = heads[0].free.pad;
    if (!lmdb_check_read(check, bytes, sizeof bytes, check->page_size))
        return false;
    if (!is_head(bytes, 1, &heads[1]))
        return lmdb_check_damaged(check, "it is overwritten", 1);
    if (heads[0].version == heads[1].version && heads[0].version != LMDB_DATA_VERSION)
        return other_version(check, heads[0].version);
    if (heads[0].version != heads[1].version || heads[0].free.pad != heads[1].free.pad)
        return lmdb_check_damaged(check, "the two heads contradict each other", 1);
    return true;
}

/* Pages at the end may never have been written, when they were free again before the commit: the file may be shorter
 * than it says, and end within a page after a disk was full.  Only a page that is used must be there. */
static bool take_head(struct lmdb_check *check)
{
    struct lmdb_head heads[LMDB_HEADS];
    if (!read_heads(check, heads))
        return false;
    const char *wrong = judge_pair(heads);
    size_t newer = heads[1].txn > heads[0].txn;
    const struct lmdb_head *head = &heads[newer];
    if (wrong == NULL &&
        (head->last_page < LMDB_HEADS - 1 || head->last_page >= FILE_LIMIT / check->page_size ||
         head->last_page >= head->map_bytes / check->page_size))
        wrong = "its last page is impossible";
    if (wrong == NULL && (head->free.flags & ~FILE_FLAGS) != MDB_INTEGERKEY)
        wrong = "the free list is of an unknown kind";
    if (wrong != NULL)
        return lmdb_check_damaged(check, wrong, newer);
    check->head = *head;
    check->seen = calloc(1, head->last_page / 8 + 1);
    return check->seen != NULL || lmdb_check_no_memory(check);
}

/* ---- pages ---- */

bool lmdb_check_claim(struct lmdb_check *check, uint64_t number, uint64_t count, bool used)
{
    uint64_t last = check->head.last_page;
    if (number < LMDB_HEADS || number > last || count > last - number + 1)
        return lmdb_check_damaged(check, "nothing can stand there", number);
    if (used && (number + count) * check->page_size > check->file_bytes)
        return lmdb_check_damaged(check, "the file ends before it", number);
    for (uint64_t page = number; page < number + count; page++) {
        uint8_t bit = (uint8_t)(1u << page % 8);
        if ((check->seen[page / 8] & bit) != 0)
            return lmdb_check_damaged(check, "it is used twice", page);
        check->seen[page / 8] |= bit;
    }
    return true;
}

bool lmdb_check_far(struct lmdb_check *check, uint64_t number, size_t value_size)
{
    struct lmdb_page_start start;
    size_t needed = (PAGE_START + value_size + check->page_size - 1) / check->page_size;
    if (!lmdb_check_claim(check, number, 1, true) ||
        !lmdb_check_read(check, &start, sizeof start, number * check->page_size))
        return false;
    if (start.number != number || start.flags != LMDB_OVERFLOW)
        return lmdb_check_damaged(check, "it is of another kind than its place", number);
    if (start.count < needed || start.count == 0)
        return lmdb_check_damaged(check, "it is too short for its value", number);
    return start.count == 1 || lmdb_check_claim(check, number + 1, start.count - 1, true);
}

/* ---- the file ---- */

static void check_file(struct lmdb_check *check)
{
    if (take_head(check))
        lmdb_walk(check);
    free(check->seen);
    for (size_t i = 0; i < sizeof check->buffers / sizeof *check->buffers; i++)
        free(check->buffers[i]);
}

enum semel_code lmdb_check(int fd, const char *path, struct store_problem *ret_problem)
{
    struct store_problem problem = {.code = SEMEL_OK};
    struct lmdb_check *check = calloc(1, sizeof *check);
    struct stat found;
    if (check == NULL)
        return store_fail(ret_problem, SEMEL_RESOURCE_EXHAUSTED, "out of memory");
    check->fd = fd;
    check->path = path;
    check->problem = &problem;
    if (fstat(fd, &found) != 0) {
        store_fail(&problem, owner_code_of(errno), "cannot read %s: %s", path, strerror(errno));
    } else if (found.st_size > 0) {
        check->file_bytes = (uint64_t)found.st_size;
        check_file(check);
    }
    free(check);
    if (problem.code != SEMEL_OK)
        *ret_problem = problem;
    return problem.code;
}
