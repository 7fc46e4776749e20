/* Making the files, with the store itself.
 *
 * Reads best next: store_files.h. */
#include "store_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "choices.h"

enum { KINDS = 6 };

const char *const store_files_names[] = {"plain", "large", "sorted", "fixed", "numbers", "backwards"};
const size_t store_files_name_count = sizeof store_files_names / sizeof *store_files_names;

static unsigned flags_of(const char *name)
{
    static const unsigned flags[] = {0,
                                     0,
                                     MDB_DUPSORT,
                                     MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP,
                                     MDB_INTEGERKEY | MDB_DUPSORT | MDB_DUPFIXED,
                                     MDB_REVERSEKEY | MDB_DUPSORT | MDB_REVERSEDUP};
    for (size_t i = 0; i < store_files_name_count; i++)
        if (strcmp(store_files_names[i], name) == 0)
            return flags[i];
    must(false && "a database nobody made");
    return 0;
}

static char folder[64];

static void remove_folder(void)
{
    static const char *const endings[] = {"", "-lock", "-owner"};
    char path[128];
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(path, sizeof path, "%s%s", store_files_path(), endings[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

const char *store_files_path(void)
{
    static char path[96];
    if (folder[0] == '\0') {
        snprintf(folder, sizeof folder, "%sstore-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : "");
        must(mkdtemp(folder) != NULL);
        snprintf(path, sizeof path, "%s/file", folder);
        atexit(remove_folder);
    }
    return path;
}

MDB_val store_files_value(const char *name, char *room, unsigned choice)
{
    unsigned flags = flags_of(name);
    uint64_t number = choice % 64;
    memset(room, (int)choice, 200);
    memcpy(room, &number, sizeof number);
    if ((flags & MDB_DUPFIXED) != 0)
        return (MDB_val){(flags & MDB_INTEGERDUP) != 0 ? 8 : 13, room};
    if ((flags & MDB_DUPSORT) != 0)
        return (MDB_val){1 + choice % 100, room};
    return (MDB_val){choice % 200, room};
}

/* ---- making ---- */

static void on_done(struct store_commit *commit, enum store_result result, const char *text)
{
    (void)commit;
    (void)text;
    must(result == STORE_COMMITTED);
}

static void commit(struct store *store, uint64_t number, size_t size, uint64_t wanted_from)
{
    static uint8_t bytes[40000];
    memset(bytes, (int)number, sizeof bytes);
    struct store_commit batch = {
        .number = number, .bytes = bytes, .size = size, .wanted_from = wanted_from, .done = on_done};
    store->ops->commit(store, &batch);
    store->ops->poll(store);
}

/* Each key has a few values or many: a node, a page within the page, a tree of its own. */
static void fill(MDB_txn *txn, const char *name, unsigned keys, unsigned values)
{
    static char room[200];
    static uint8_t long_value[9000];
    MDB_dbi database;
    must(mdb_dbi_open(txn, name, MDB_CREATE | flags_of(name), &database) == 0);
    for (unsigned i = 0; i < keys; i++) {
        uint8_t bytes[400] = {0};
        uint64_t number = i * 7u;
        memcpy(bytes, &number, sizeof number);
        bool plain = strcmp(name, "plain") == 0;
        MDB_val key = {plain ? sizeof bytes : sizeof number, bytes};
        for (unsigned j = 0; j < 1 + i % 3 * values; j++) {
            MDB_val value = store_files_value(name, room, j * 5 + i);
            if (strcmp(name, "large") == 0)
                value = (MDB_val){i * 700 % sizeof long_value, long_value};
            must(mdb_put(txn, database, &key, &value, 0) == 0);
        }
    }
}

/* 0: new.  1: a few batches.  2: many, and most of them deleted.  3, 4: handlers with a little, with more.  5: the
 * same with much deleted again. */
static void make(struct store *store, unsigned kind)
{
    uint64_t number = 1;
    if (kind == 1)
        for (; number <= 5; number++)
            commit(store, number, 100 * number, 1);
    if (kind == 2)
        for (; number <= 40; number++)
            commit(store, number, 900 * (number % 7) + 1, number > 30 ? number - 20 : 1);
    if (kind < 3)
        return;
    for (size_t i = 0; i < store_files_name_count; i++) {
        MDB_txn *txn = store->ops->enter(store);
        must(txn != NULL);
        fill(txn, store_files_names[i], kind == 3 ? 6 : 40, kind == 3 ? 3 : 20);
        must(store->ops->leave(store, true));
        commit(store, number++, 3000, 1);
    }
    MDB_txn *txn = store->ops->enter(store);
    MDB_dbi database;
    must(mdb_dbi_open(txn, "sorted", 0, &database) == 0 && (kind != 5 || mdb_drop(txn, database, 0) == 0));
    must(mdb_dbi_open(txn, "plain", 0, &database) == 0 && (kind != 5 || mdb_drop(txn, database, 1) == 0));
    must(store->ops->leave(store, true));
    commit(store, number, 3000, 1);
}

static struct store_file read_file(void)
{
    int fd = open(store_files_path(), O_RDONLY | O_CLOEXEC);
    off_t size = lseek(fd, 0, SEEK_END);
    must(fd >= 0 && size > 0);
    struct store_file file = {malloc((size_t)size), (size_t)size};
    must(file.bytes != NULL && pread(fd, file.bytes, file.size, 0) == size);
    close(fd);
    return file;
}

uint64_t store_files_secret(void)
{
    return 0; /* the same in every run */
}

static struct store_file make_file(unsigned kind)
{
    const struct store_options options = {
        .fresh = {.bytes = {7}}, .secret = store_files_secret, .size_bytes = STORE_FILES_LIMIT};
    struct store *store;
    struct store_problem problem;
    store_files_write(&(struct store_file){NULL, 0}); /* not removed: none is to be a copy of another */
    must(lmdb_open(store_files_path(), &options, &store, &problem) == SEMEL_OK);
    make(store, kind);
    struct store_file file = read_file(); /* as a crash leaves it: with batches that are written ahead */
    store->ops->close(store);
    return file;
}

struct store_file store_files_copy(unsigned which)
{
    static struct store_file files[KINDS];
    struct store_file *file = &files[which % KINDS];
    if (file->bytes == NULL)
        *file = make_file(which % KINDS);
    struct store_file copy = {malloc(file->size), file->size};
    must(copy.bytes != NULL);
    memcpy(copy.bytes, file->bytes, file->size);
    return copy;
}

void store_files_write(const struct store_file *file)
{
    int fd = open(store_files_path(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, file->bytes, file->size) == (ssize_t)file->size);
    close(fd);
}
