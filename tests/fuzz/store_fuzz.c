/* Real files of an LMDB store, damaged anywhere: each is refused with a text, or can be used to the end.  What is
 * used is loaded, written, read and changed by handlers, closed, and opened again.
 *
 * Reads best next: store_files.h (the files), ../../runtime/store/lmdb_check.h. */
#include <string.h>
#include <unistd.h>

#include "choices.h"
#include "store_files.h"

enum { DAMAGES = 6, SCANS = 4000 };

/* ---- damage ---- */

static void put_at(struct store_file *file, size_t at, uint64_t value, size_t size)
{
    if (at + size <= file->size)
        memcpy(file->bytes + at, &value, size);
}

/* Numbers that mean something to somebody: pages, offsets, sizes, and what stands elsewhere in the file. */
static uint64_t choose_value(struct choices *choices, const struct store_file *file, uint64_t now)
{
    uint64_t there = 0;
    switch (choose(choices, 8)) {
    case 0: return choose_byte(choices) % (file->size / STORE_FILES_PAGE + 2);
    case 1: return now + 1 + choose(choices, 8);
    case 2: return now - 1 - choose(choices, 8);
    case 3: return now ^ UINT64_C(1) << choose(choices, 64);
    case 4: return (uint64_t)choose_byte(choices) << 4;
    case 5:
        memcpy(&there, file->bytes + (size_t)choose_byte(choices) * (file->size - 8) / 256, 8);
        return there;
    default: return choose_number(choices);
    }
}

/* A number in the header of a page, the offset of a node, or a node; or anywhere. */
static void change_number(struct store_file *file, struct choices *choices)
{
    static const uint8_t places[] = {0,  8,  10, 12, 14, 16, 24,  32,  40,  48,
                                     56, 64, 72, 80, 88, 96, 104, 112, 120, 128};
    static const uint8_t sizes[] = {1, 2, 4, 8};
    size_t page = (size_t)choose_byte(choices) % (file->size / STORE_FILES_PAGE) * STORE_FILES_PAGE;
    size_t at = 0;
    uint16_t node;
    memcpy(&node, file->bytes + page + 16 + 2 * choose(choices, 16), sizeof node);
    switch (choose(choices, 4)) {
    case 0: at = places[choose(choices, sizeof places)]; break;
    case 1: at = 16 + 2u * choose(choices, 64); break;
    case 2: at = node % STORE_FILES_PAGE + 2u * choose(choices, 64); break;
    default: at = 16u * choose_byte(choices) + choose(choices, 16); break;
    }
    uint64_t now = 0;
    if (page + at + 8 <= file->size)
        memcpy(&now, file->bytes + page + at, 8);
    put_at(file, page + at, choose_value(choices, file, now), sizes[choose(choices, sizeof sizes)]);
}

static void change_page(struct store_file *file, struct choices *choices)
{
    size_t pages = file->size / STORE_FILES_PAGE;
    uint64_t to = choose_byte(choices) % pages;
    uint64_t from = choose_byte(choices) % pages;
    uint8_t *bytes = file->bytes + to * STORE_FILES_PAGE;
    switch (choose(choices, 4)) {
    case 0: memset(bytes, choose_byte(choices), STORE_FILES_PAGE); break;
    case 1: memset(bytes + choose_byte(choices) * 8u, 0, STORE_FILES_PAGE / 2); break;
    default:
        memmove(bytes, file->bytes + from * STORE_FILES_PAGE, STORE_FILES_PAGE);
        if (one_in(choices, 2))
            memcpy(bytes, &to, sizeof to); /* as if it belonged here */
        break;
    }
}

static void damage(struct store_file *file, struct choices *choices)
{
    unsigned count = choose(choices, DAMAGES);
    for (unsigned i = 0; i < count && file->size > STORE_FILES_PAGE; i++)
        switch (choose(choices, 16)) {
        case 0: file->size = (size_t)choose_byte(choices) * file->size / 256; break;
        case 1: file->size -= choose_byte(choices); break;
        case 2:
        case 3:
        case 4: change_page(file, choices); break;
        default: change_number(file, choices); break;
        }
}

/* ---- use ---- */

struct told {
    uint64_t last;
    unsigned batches;
};

static bool take_batch(uint64_t number, const uint8_t *bytes, size_t size, void *user)
{
    struct told *told = user;
    must(number > told->last && (bytes != NULL || size == 0));
    for (size_t i = 0; i < size; i += 64)
        told->batches += bytes[i] != 0 || size > 0; /* each byte can be read */
    told->last = number;
    return number < UINT64_MAX - 1;
}

static void on_done(struct store_commit *commit, enum store_result result, const char *text)
{
    must((result == STORE_COMMITTED) == (text[0] == '\0'));
    commit->result = result;
}

/* A handler that reads and changes what is there, as far as LMDB lets it. */
static void use_database(MDB_txn *txn, const char *name, struct choices *choices)
{
    MDB_dbi database;
    MDB_cursor *cursor;
    MDB_val key, value = {0};
    static char word[200];
    if (mdb_dbi_open(txn, name, 0, &database) != 0 || mdb_cursor_open(txn, database, &cursor) != 0)
        return;
    int error = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    for (unsigned i = 0; error == 0 && i < SCANS; i++) {
        must(key.mv_size > 0 && ((const uint8_t *)key.mv_data)[key.mv_size - 1] <= UINT8_MAX);
        if (choose(choices, 16) == 1)
            error = mdb_cursor_del(cursor, choose(choices, 8) == 1 ? MDB_NODUPDATA : 0);
        if (error == 0)
            error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    unsigned puts = choose(choices, 32);
    for (unsigned i = 0; i < puts && error != MDB_BAD_TXN; i++) {
        uint64_t number = choose_byte(choices) * 7u;
        key = (MDB_val){sizeof number, &number};
        value = store_files_value(name, word, choose_byte(choices));
        error = choose(choices, 3) == 1 ? mdb_del(txn, database, &key, NULL)
                                        : mdb_put(txn, database, &key, &value, 0);
    }
}

static void handle(struct store *store, struct choices *choices)
{
    MDB_txn *txn = store->ops->enter(store);
    if (txn == NULL)
        return;
    unsigned some = choose_byte(choices);
    for (size_t i = 0; i < store_files_name_count; i++)
        if ((some >> i & 1) != 0)
            use_database(txn, store_files_names[i], choices);
    store->ops->leave(store, !one_in(choices, 8));
}

/* Loads, lets handlers work, and commits.  Whether the commit has succeeded. */
static bool use(struct store *store, struct choices *choices, uint64_t *last)
{
    struct told told = {.last = 0};
    struct store_problem problem = {.text = ""};
    if (!store->ops->load(store, take_batch, &told, &problem)) {
        must(problem.text[0] != '\0' && problem.code != SEMEL_OK);
        return false;
    }
    *last = told.last;
    static const uint8_t bytes[5000] = {1};
    bool fine = true;
    for (unsigned i = 0; i < 2 && fine; i++) {
        if (!one_in(choices, 2))
            handle(store, choices);
        struct store_commit commit = {.number = *last + 1,
                                      .bytes = bytes,
                                      .size = 1 + choose_byte(choices) * 19u,
                                      .wanted_from = choose_number(choices),
                                      .done = on_done};
        store->ops->commit(store, &commit);
        store->ops->poll(store);
        fine = commit.result == STORE_COMMITTED;
        *last += fine;
    }
    return fine;
}

/* wanted: it must not be refused. */
static struct store *open_store(bool wanted)
{
    const struct store_options options = {
        .fresh = {.bytes = {7}}, .secret = store_files_secret, .size_bytes = STORE_FILES_LIMIT};
    struct store *store = NULL;
    struct store_problem problem = {.text = ""};
    if (lmdb_open(store_files_path(), &options, &store, &problem) == SEMEL_OK) {
        must(store->notice == NULL); /* it is the file that it was */
        return store;
    }
    must(store == NULL && problem.code != SEMEL_OK && problem.text[0] != '\0');
    if (wanted)
        fprintf(stderr, "%s\n", problem.text);
    must(!wanted);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct choices choices = {bytes, size};
    struct store_file file = store_files_copy(choose_byte(&choices));
    size_t whole = file.size;
    struct told told = {.last = 0};
    uint64_t last = 0;
    damage(&file, &choices);
    must(file.size <= whole);
    store_files_write(&file);
    free(file.bytes);
    struct store *store = open_store(false);
    if (store == NULL)
        return 0;
    bool fine = use(store, &choices, &last);
    store->ops->close(store);
    if (!fine)
        return 0;
    /* What was good enough to be written is whole now. */
    struct store_problem problem;
    store = open_store(true);
    must(store->ops->load(store, take_batch, &told, &problem) && told.last == last);
    store->ops->close(store);
    return 0;
}
