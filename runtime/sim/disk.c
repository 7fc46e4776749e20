/* A store around that of production: it lets through, later, or not.
 *
 * Reads best next: disk.h, store/lmdb.c. */
#include "sim/disk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/units.h"
#include "sim/folder.h"

/* LMDB keeps the newest two states of a file side by side, each with a page of its own that leads to it: to undo the
 * last commit is to have both pages again as they were before. */
enum { STATES = 2, FOLDER_MAX = 1024, PATH_SIZE = FOLDER_MAX + 16, SECTOR = 512 };

/* What becomes of the commit that is written now. */
enum fate {
    FATE_NONE, /* nothing is written */
    FATE_DONE,
    FATE_FAILS, /* a piece can not be written */
    FATE_LOST,  /* its end can not be told; it is not there */
    FATE_KEPT,  /* ... and it is */
};

/* What stood where a commit wrote something ahead of its place. */
struct overwritten {
    off_t at;
    size_t size; /* 0: it did not */
    uint8_t *bytes;
};

/* A file on the disk of a host. */
struct disk_file {
    struct disk_file *next;
    const semel_sim_host *host;
    char *name; /* that its program gives it */
    uint32_t number;
};

/* A file that is open as a store. */
struct opened {
    struct store store;
    struct opened *next;
    struct store *inner;
    semel_sim_host *host;
    const struct disk_file *file;
    uint64_t number; /* of all that were ever opened */
    uint32_t on_way; /* commits that are not safe yet */
    size_t last_txn; /* the one that made them */
    uint8_t *states; /* the leading pages before that commit */
    size_t states_size;
    struct overwritten overwritten; /* by that commit */
    bool joined;
    bool failed;
};

struct disk {
    char folder[FOLDER_MAX];
    struct disk_file *files;
    struct opened *opened;
    uint32_t file_count;
    uint64_t opened_count;
    uint64_t secrets;
    struct opened *writing;
    enum fate fate;
};

static struct opened *opened_of(struct store *store)
{
    return container_of(store, struct opened, store);
}

static struct chance *dice(void)
{
    return world_chance(WORLD_CHANCE_DISK);
}

/* ---- in place of LMDB's own and the kernel's, for store/lmdb.c and store/ahead.c (redirect.h) ---- */

int disk_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags);
int disk_txn_commit(MDB_txn *txn);
ssize_t disk_pwritev(int fd, const struct iovec *pieces, int count, off_t at);
int disk_fdatasync(int fd);

static enum fate fate(void)
{
    return world->disk != NULL ? world->disk->fate : FATE_NONE;
}

int disk_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags)
{
    return fate() == FATE_FAILS ? EIO : mdb_put(txn, dbi, key, data, flags);
}

int disk_txn_commit(MDB_txn *txn)
{
    if (fate() == FATE_LOST) {
        mdb_txn_abort(txn);
        return EIO;
    }
    int error = mdb_txn_commit(txn);
    return error == 0 && fate() == FATE_KEPT ? EIO : error;
}

static void keep_overwritten(struct overwritten *kept, int fd, size_t size, off_t at)
{
    kept->bytes = realloc(kept->bytes, size);
    assert(kept->bytes != NULL);
    kept->at = at;
    kept->size = size;
    ssize_t got = pread(fd, kept->bytes, size, at);
    assert(got == (ssize_t)size);
    (void)got;
}

ssize_t disk_pwritev(int fd, const struct iovec *pieces, int count, off_t at)
{
    size_t size = 0;
    assert(fate() != FATE_NONE);
    if (fate() == FATE_FAILS) {
        errno = EIO;
        return -1;
    }
    for (int i = 0; i < count; i++)
        size += pieces[i].iov_len;
    if (fate() == FATE_LOST)
        return (ssize_t)size;
    keep_overwritten(&world->disk->writing->overwritten, fd, size, at);
    return pwritev(fd, pieces, count, at);
}

int disk_fdatasync(int fd)
{
    (void)fd; /* the machine that simulates does not crash */
    if (fate() == FATE_DONE)
        return 0;
    errno = EIO;
    return -1;
}

/* ---- files ---- */

static void path_of(const struct disk_file *file, char *path, size_t size)
{
    snprintf(path, size, "%s/%u", world->disk->folder, file->number);
}

static const struct disk_file *file_named(const semel_sim_host *host, const char *name)
{
    struct disk_file *file = world->disk->files;
    while (file != NULL && (file->host != host || strcmp(file->name, name) != 0))
        file = file->next;
    if (file != NULL)
        return file;
    file = malloc(sizeof *file);
    assert(file != NULL);
    *file = (struct disk_file){
        .next = world->disk->files, .host = host, .name = strdup(name), .number = ++world->disk->file_count};
    assert(file->name != NULL);
    world->disk->files = file;
    return file;
}

/* The pages that lead to the two states of a file, read or written. */
static void move_states(const struct opened *opened, bool write)
{
    char path[PATH_SIZE];
    path_of(opened->file, path, sizeof path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert(fd >= 0);
    ssize_t moved = write ? pwrite(fd, opened->states, opened->states_size, 0)
                          : pread(fd, opened->states, opened->states_size, 0);
    assert(moved == (ssize_t)opened->states_size);
    (void)moved;
    close(fd);
}

/* Some of it at least, from a sector on: a write is cut anywhere. */
static void put_back(const struct opened *opened)
{
    const struct overwritten *kept = &opened->overwritten;
    char path[PATH_SIZE];
    if (kept->size == 0)
        return;
    path_of(opened->file, path, sizeof path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert(fd >= 0);
    size_t from = SECTOR * chance_below(dice(), kept->size / SECTOR);
    ssize_t put = pwrite(fd, kept->bytes + from, kept->size - from, kept->at + (off_t)from);
    assert(put == (ssize_t)(kept->size - from));
    (void)put;
    close(fd);
}

static size_t last_txn_of(const struct opened *opened)
{
    MDB_envinfo info;
    mdb_env_info(opened->inner->ops->environment(opened->inner), &info);
    return info.me_last_txnid;
}

/* ---- a commit ---- */

/* It is on the disk: nothing can take it back. */
static void on_safe(void *arg, uint64_t tag)
{
    (void)arg;
    struct opened *opened = world->disk != NULL ? world->disk->opened : NULL;
    while (opened != NULL && opened->number != tag)
        opened = opened->next;
    if (opened == NULL || --opened->on_way > 0)
        return;
    opened->store.ready(opened->store.ready_user);
}

static enum fate choose_fate(struct opened *opened)
{
    if (!opened->host->disk_fails || opened->failed)
        return FATE_DONE;
    opened->host->disk_fails = false;
    opened->failed = true;
    world_tell(opened->host, "its disk fails");
    return FATE_FAILS + (enum fate)chance_below(dice(), FATE_KEPT - FATE_FAILS + 1);
}

struct loading {
    semel_sim_host *host;
    store_batch_fn *each;
    void *user;
    bool crashes;
};

/* A crash waits until the store has let go of what it reads. */
static bool load_one(uint64_t number, const uint8_t *bytes, size_t size, void *user)
{
    struct loading *loading = user;
    loading->crashes = loading->host->crash_in == 1;
    if (!loading->crashes && loading->host->crash_in > 0)
        loading->host->crash_in--;
    return !loading->crashes && loading->each(number, bytes, size, loading->user);
}

static bool load(struct store *store, store_batch_fn *each, void *user, struct store_problem *problem)
{
    struct opened *opened = opened_of(store);
    struct loading loading = {.host = opened->host, .each = each, .user = user};
    bool loaded = opened->inner->ops->load(opened->inner, load_one, &loading, problem);
    if (loading.crashes)
        host_may_crash(opened->host);
    return loaded;
}

static void commit(struct store *store, struct store_commit *batch)
{
    struct opened *opened = opened_of(store);
    int64_t mean_us = world->faults.commit_us;
    int64_t takes_ns = mean_us > 0 ? chance_between(dice(), 0, 2 * mean_us * 1000) : 0;
    host_may_crash(opened->host);
    move_states(opened, false);
    opened->overwritten.size = 0;
    world->disk->writing = opened;
    world->disk->fate = choose_fate(opened);
    opened->inner->ops->commit(opened->inner, batch);
    world->disk->fate = FATE_NONE;
    opened->last_txn = last_txn_of(opened);
    opened->on_way++;
    world_mix('D', opened->host->index, batch->number);
    host_may_crash(opened->host);
    if (takes_ns == 0 && opened->on_way == 1)
        on_safe(NULL, opened->number);
    else
        world_put(world->now_ns + takes_ns, on_safe, world, opened->number);
}

static void poll(struct store *store)
{
    struct opened *opened = opened_of(store);
    if (opened->on_way == 0)
        opened->inner->ops->poll(opened->inner);
}

static struct store_usage usage(struct store *store)
{
    struct store *inner = opened_of(store)->inner;
    return inner->ops->usage(inner);
}

static void forsake(struct store *store)
{
    struct store *inner = opened_of(store)->inner;
    inner->ops->forsake(inner);
}

/* ---- handlers that join ---- */

static struct MDB_env *environment(struct store *store)
{
    struct store *inner = opened_of(store)->inner;
    return inner->ops->environment(inner);
}

static struct MDB_txn *enter(struct store *store)
{
    struct opened *opened = opened_of(store);
    host_may_crash(opened->host);
    struct MDB_txn *txn = opened->inner->ops->enter(opened->inner);
    opened->joined = txn != NULL;
    return txn;
}

static bool leave(struct store *store, bool keep)
{
    struct opened *opened = opened_of(store);
    host_may_crash(opened->host);
    opened->joined = false;
    bool left = opened->inner->ops->leave(opened->inner, keep);
    host_may_crash(opened->host);
    return left;
}

/* ---- life ---- */

static void unlink_opened(struct opened *opened)
{
    struct opened **link = &world->disk->opened;
    while (*link != opened)
        link = &(*link)->next;
    *link = opened->next;
    free(opened->states);
    free(opened->overwritten.bytes);
    free(opened);
}

static void close_opened(struct store *store)
{
    struct opened *opened = opened_of(store);
    opened->inner->ops->close(opened->inner);
    unlink_opened(opened);
}

static const struct store_ops ops = {
    .durable = true,
    .load = load,
    .commit = commit,
    .poll = poll,
    .usage = usage,
    .close = close_opened,
    .environment = environment,
    .enter = enter,
    .leave = leave,
    .forsake = forsake,
};

/* What was on its way is there, or it is not; what the program has committed itself since then came after it. */
static void drop(struct opened *opened)
{
    bool undone = opened->on_way > 0 && last_txn_of(opened) == opened->last_txn && chance_of(dice(), 500);
    if (opened->joined)
        opened->inner->ops->leave(opened->inner, false);
    opened->inner->ops->forsake(opened->inner); /* or it would be brought in order before it is closed */
    opened->inner->ops->close(opened->inner);
    if (undone) {
        move_states(opened, true);
        put_back(opened);
    }
    if (opened->on_way > 0)
        world_tell(opened->host, "the commit on its way is %s", undone ? "lost" : "there");
    unlink_opened(opened);
}

void disk_drop(const semel_sim_host *host)
{
    struct opened *opened = world->disk != NULL ? world->disk->opened : NULL;
    while (opened != NULL) {
        struct opened *next = opened->next;
        if (opened->host == host)
            drop(opened);
        opened = next;
    }
}

static struct opened *opened_by(const semel_sim_host *host)
{
    struct opened *opened = world->disk != NULL ? world->disk->opened : NULL;
    while (opened != NULL && opened->host != host)
        opened = opened->next;
    return opened;
}

bool disk_is_open(const semel_sim_host *host)
{
    return opened_by(host) != NULL;
}

bool disk_has_failed(const semel_sim_host *host)
{
    const struct opened *opened = opened_by(host);
    return opened != NULL && opened->failed && opened->on_way == 0;
}

static struct opened *add_opened(semel_sim_host *host, const struct disk_file *file, struct store *inner)
{
    struct opened *opened = calloc(1, sizeof *opened);
    MDB_env *env = inner->ops->environment(inner);
    MDB_stat stat;
    assert(opened != NULL);
    mdb_env_stat(env, &stat);
    mdb_env_set_flags(env, MDB_NOSYNC, 1); /* the machine that simulates does not crash */
    *opened = (struct opened){
        .store = {.ops = &ops, .domain = inner->domain},
        .next = world->disk->opened,
        .inner = inner,
        .host = host,
        .file = file,
        .number = ++world->disk->opened_count,
        .states_size = (size_t)STATES * stat.ms_psize,
    };
    opened->states = malloc(opened->states_size);
    assert(opened->states != NULL);
    world->disk->opened = opened;
    return opened;
}

static bool is_taken(const struct disk_file *file)
{
    const struct opened *opened = world->disk->opened;
    while (opened != NULL && opened->file != file)
        opened = opened->next;
    return opened != NULL;
}

/* Not of the world's chances: none of what happens depends on it. */
static uint64_t secret(void)
{
    return ++world->disk->secrets;
}

static enum semel_code open_durable(const char *name, const struct store_options *given,
                                    struct store **ret_store, struct store_problem *ret_problem)
{
    struct store_options options = *given;
    options.secret = secret;
    semel_sim_host *host = world->turn->host;
    char path[PATH_SIZE];
    struct store *inner;
    if (world->disk == NULL) {
        world->disk = calloc(1, sizeof *world->disk);
        assert(world->disk != NULL);
        folder_make(world->disk->folder, sizeof world->disk->folder);
    }
    const struct disk_file *file = file_named(host, name);
    if (is_taken(file))
        return store_fail(ret_problem, SEMEL_FAILED_PRECONDITION, "another server of %s has %s open",
                          host->name, name);
    path_of(file, path, sizeof path);
    host_may_crash(host);
    enum semel_code code = lmdb_open(path, &options, &inner, ret_problem);
    if (code != SEMEL_OK)
        return code;
    *ret_store = &add_opened(host, file, inner)->store;
    host_may_crash(host);
    return SEMEL_OK;
}

/* In place of store/choose.c. */
enum semel_code store_open(const char *spec, const struct store_options *options, struct store **ret_store,
                           struct store_problem *ret_problem)
{
    if (spec == NULL || strcmp(spec, "memory") == 0)
        return memory_open(options, ret_store, ret_problem);
    if (strncmp(spec, "lmdb:", 5) != 0 || spec[5] == '\0')
        return store_fail(ret_problem, SEMEL_INVALID_ARGUMENT, "unknown store; write memory or lmdb:NAME");
    return open_durable(spec + 5, options, ret_store, ret_problem);
}

void disk_free(void)
{
    if (world->disk == NULL)
        return;
    assert(world->disk->opened == NULL);
    while (world->disk->files != NULL) {
        struct disk_file *file = world->disk->files;
        world->disk->files = file->next;
        free(file->name);
        free(file);
    }
    folder_remove(world->disk->folder);
    free(world->disk);
    world->disk = NULL;
}
