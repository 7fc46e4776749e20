/* Opening an LMDB file, or making a new one.
 *
 * Reads best next: lmdb_file.h. */
#include "store/lmdb_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/digest.h"
#include "store/ahead.h"
#include "store/lmdb_birth.h"
#include "store/lmdb_check.h"
#include "store/lmdb_page.h"
#include "store/origin.h"

/* The record that says whose file it is: magic, version, domain, origin, checksum; all little-endian. */
#define META_MAGIC UINT64_C(0x3142444c454d4553) /* "SEMELDB1" */
enum { META_VERSION = 3, META_ORIGIN = 32, META_SALT = 48, META_CHECKED = 56, META_SIZE = 64 };

/* Databases of ours start with this: the others are the application's. */
#define META_DATABASE "semel.meta"
#define JOURNAL_DATABASE "semel.journal"
/* In the first of them: the pages that batches are written to ahead of their place. */
#define AHEAD_KEY "semel.ahead"

enum {
    /* As a part of the store's size, and at most: long enough that a transaction, which takes two flushes and more, is
     * seldom; a size that nobody misses. */
    AHEAD_PART = 256,
    AHEAD_BYTES_MAX = 4 << 20,
    AHEAD_BYTES_MIN = 8 * AHEAD_PAGE, /* of a smaller store that would be missed */
};

enum semel_code lmdb_file_code_of(int error)
{
    switch (error) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC: return SEMEL_DATA_LOSS;
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE: return SEMEL_FAILED_PRECONDITION;
    case MDB_MAP_FULL:
    case MDB_READERS_FULL:
    case MDB_TXN_FULL:
    case MDB_DBS_FULL: return SEMEL_RESOURCE_EXHAUSTED;
    default: return owner_code_of(error);
    }
}

/* What a person can do about it. */
enum semel_code lmdb_file_refuse(struct store_problem *problem, const char *path, int error, const char *what)
{
    enum semel_code code = lmdb_file_code_of(error);
    if (error == MDB_INVALID)
        return store_fail(problem, code, "%s is no LMDB file; name another one", path);
    if (code == SEMEL_DATA_LOSS)
        return store_fail(problem, code, "%s is damaged (%s); " LMDB_HOW_TO_GO_ON, path, what);
    return store_fail(problem, code, "cannot use %s: %s", path, what);
}

static enum semel_code refuse(struct store_problem *problem, const char *path, int error)
{
    return lmdb_file_refuse(problem, path, error, mdb_strerror(error));
}

/* ---- the record that says whose file it is ---- */

static void write_meta(uint8_t *bytes, const struct id *domain, const struct origin *origin, uint64_t salt)
{
    bytes_store64(bytes, META_MAGIC);
    bytes_store32(bytes + 8, META_VERSION);
    bytes_store32(bytes + 12, 0);
    memcpy(bytes + 16, domain->bytes, sizeof domain->bytes);
    bytes_store64(bytes + META_ORIGIN, origin->inode);
    bytes_store64(bytes + META_ORIGIN + 8, origin->born_ns);
    bytes_store64(bytes + META_SALT, salt);
    bytes_store64(bytes + META_CHECKED, digest(bytes, META_CHECKED, META_MAGIC));
}

static enum semel_code read_meta(struct lmdb_file *file, const char *path, const MDB_val *value,
                                 struct origin *ret_origin, struct store_problem *problem)
{
    const uint8_t *bytes = value->mv_data;
    if (value->mv_size < 12 || bytes_load64(bytes) != META_MAGIC)
        return store_fail(problem, SEMEL_FAILED_PRECONDITION, "%s is not a store of Semel", path);
    uint32_t version = bytes_load32(bytes + 8);
    if (version != META_VERSION)
        return store_fail(problem, SEMEL_FAILED_PRECONDITION,
                          "%s has format %u, this program knows %u: use the %s program, or another file", path,
                          version, META_VERSION, version > META_VERSION ? "newer" : "older");
    if (value->mv_size != META_SIZE ||
        bytes_load64(bytes + META_CHECKED) != digest(bytes, META_CHECKED, META_MAGIC))
        return store_fail(problem, SEMEL_DATA_LOSS, "%s is damaged (its domain); " LMDB_HOW_TO_GO_ON, path);
    memcpy(file->domain.bytes, bytes + 16, sizeof file->domain.bytes);
    if (id_is_none(&file->domain))
        return store_fail(problem, SEMEL_DATA_LOSS, "%s is damaged (no domain); " LMDB_HOW_TO_GO_ON, path);
    file->salt = bytes_load64(bytes + META_SALT);
    *ret_origin = (struct origin){.inode = bytes_load64(bytes + META_ORIGIN),
                                  .born_ns = bytes_load64(bytes + META_ORIGIN + 8)};
    return SEMEL_OK;
}

/* The file becomes a new domain. */
static int put_meta(struct lmdb_file *file, MDB_txn *txn, const struct store_options *options)
{
    uint8_t bytes[META_SIZE];
    struct origin origin = {0};
    MDB_val key = {sizeof META_DATABASE - 1, (void *)META_DATABASE};
    MDB_val value = {sizeof bytes, bytes};
    int error = origin_of(file->owner.file_fd, &origin);
    if (error != 0)
        return error;
    file->domain = options->fresh;
    file->salt = options->secret();
    write_meta(bytes, &file->domain, &origin, file->salt);
    return mdb_put(txn, file->meta, &key, &value, 0);
}

/* Both databases are made in one transaction: a crash leaves an empty file, or one of ours. */
static int create(struct lmdb_file *file, MDB_txn *txn, const struct store_options *options)
{
    int error = mdb_dbi_open(txn, META_DATABASE, MDB_CREATE, &file->meta);
    if (error == 0)
        error = put_meta(file, txn, options);
    if (error == 0)
        error = mdb_dbi_open(txn, JOURNAL_DATABASE, MDB_CREATE, &file->journal);
    return error;
}

/* A copy forgets whom its original knew, who may have gone on since, and with the salt what was written ahead; what is
 * the application's stays. */
static int begin_anew_if_copied(struct lmdb_file *file, MDB_txn *txn, const struct origin *origin,
                                const struct store_options *options)
{
    struct origin here = {0};
    int error = origin_of(file->owner.file_fd, &here);
    if (error != 0 || origin_equal(origin, &here))
        return error;
    error = put_meta(file, txn, options);
    if (error == 0)
        error = mdb_drop(txn, file->journal, 0);
    file->is_copy = error == 0;
    return error;
}

static enum semel_code recognise(struct lmdb_file *file, MDB_txn *txn, const char *path,
                                 const struct store_options *options, struct store_problem *problem)
{
    MDB_dbi names;
    MDB_stat stat;
    MDB_val key = {sizeof META_DATABASE - 1, (void *)META_DATABASE};
    MDB_val value;
    int error = mdb_dbi_open(txn, NULL, 0, &names);
    if (error == 0)
        error = mdb_stat(txn, names, &stat);
    if (error == 0 && stat.ms_entries == 0) {
        error = create(file, txn, options);
        return error == 0 ? SEMEL_OK : refuse(problem, path, error);
    }
    if (error == 0)
        error = mdb_dbi_open(txn, META_DATABASE, 0, &file->meta);
    if (error == MDB_NOTFOUND || error == MDB_INCOMPATIBLE)
        return store_fail(problem, SEMEL_FAILED_PRECONDITION,
                          "%s is the LMDB file of another program; name another one", path);
    if (error == 0)
        error = mdb_get(txn, file->meta, &key, &value);
    if (error == MDB_NOTFOUND)
        return store_fail(problem, SEMEL_FAILED_PRECONDITION, "%s is not a store of Semel", path);
    if (error != 0)
        return refuse(problem, path, error);
    struct origin origin = {0};
    enum semel_code code = read_meta(file, path, &value, &origin, problem);
    if (code != SEMEL_OK)
        return code;
    error = mdb_dbi_open(txn, JOURNAL_DATABASE, 0, &file->journal);
    if (error == MDB_NOTFOUND)
        return store_fail(problem, SEMEL_DATA_LOSS, "%s is damaged (no journal); " LMDB_HOW_TO_GO_ON, path);
    if (error == 0)
        error = begin_anew_if_copied(file, txn, &origin, options);
    return error == 0 ? SEMEL_OK : refuse(problem, path, error);
}

/* ---- the pages that batches are written to ahead of their place ---- */

/* They are a value of LMDB's, which it never touches: what it changes it copies, but a value as long as this stays
 * where it is.  Its first page begins with LMDB's own bytes, and is left alone. */
static int find_area(MDB_txn *txn, MDB_dbi meta, uint64_t *ret_offset, size_t *ret_size,
                     const uint8_t **ret_bytes)
{
    MDB_val key = {sizeof AHEAD_KEY - 1, (void *)AHEAD_KEY};
    MDB_val value;
    struct lmdb_page_start start;
    int error = mdb_get(txn, meta, &key, &value);
    if (error != 0)
        return error;
    if (value.mv_size < AHEAD_BYTES_MIN - sizeof start)
        return MDB_CORRUPTED;
    memcpy(&start, (const uint8_t *)value.mv_data - sizeof start, sizeof start);
    if (start.flags != LMDB_OVERFLOW || (value.mv_size + sizeof start) % AHEAD_PAGE != 0)
        return MDB_CORRUPTED;
    *ret_size = value.mv_size + sizeof start - AHEAD_PAGE;
    *ret_bytes = (const uint8_t *)value.mv_data - sizeof start + AHEAD_PAGE;
    *ret_offset = start.number;
    return 0;
}

int lmdb_file_area(const struct lmdb_file *file, MDB_txn *txn, const uint8_t **ret_bytes)
{
    uint64_t page;
    size_t size;
    return find_area(txn, file->meta, &page, &size, ret_bytes);
}

static int put_area(struct lmdb_file *file, size_t size)
{
    MDB_txn *txn;
    MDB_val key = {sizeof AHEAD_KEY - 1, (void *)AHEAD_KEY};
    MDB_val value = {.mv_size = size - sizeof(struct lmdb_page_start)};
    int error = mdb_txn_begin(file->env, NULL, 0, &txn);
    if (error != 0)
        return error;
    error = mdb_put(txn, file->meta, &key, &value, MDB_RESERVE | MDB_NOOVERWRITE);
    if (error != 0) {
        mdb_txn_abort(txn);
        return error == MDB_KEYEXIST ? 0 : error;
    }
    memset(value.mv_data, 0, value.mv_size);
    return mdb_txn_commit(txn);
}

/* The last pages of a disk are worth more to what must be committed. */
static bool has_disk_for(const struct lmdb_file *file, uint64_t size)
{
    struct statvfs disk;
    return fstatvfs(file->owner.file_fd, &disk) == 0 && disk.f_bavail > 4 * size / disk.f_frsize;
}

/* Where it can not be made, be it for want of room, the store goes without; a disk that is broken is found by the first
 * commit at the latest.  So does a small store, and one with pages of another size. */
static int open_area(struct lmdb_file *file, uint64_t store_bytes)
{
    MDB_stat stat;
    MDB_txn *txn;
    const uint8_t *bytes;
    uint64_t page;
    uint64_t size = store_bytes / AHEAD_PART / AHEAD_PAGE * AHEAD_PAGE;
    size = size > AHEAD_BYTES_MAX ? AHEAD_BYTES_MAX : size;
    int error = mdb_env_stat(file->env, &stat);
    if (error != 0 || stat.ms_psize != AHEAD_PAGE)
        return error;
    if (size >= AHEAD_BYTES_MIN && has_disk_for(file, size))
        (void)put_area(file, (size_t)size);
    error = mdb_txn_begin(file->env, NULL, MDB_RDONLY, &txn);
    if (error != 0)
        return error;
    error = find_area(txn, file->meta, &page, &file->area_bytes, &bytes);
    file->area_offset = error == 0 ? (page + 1) * AHEAD_PAGE : 0;
    mdb_txn_abort(txn);
    return error == MDB_NOTFOUND ? 0 : error;
}

/* ---- opening ---- */

static enum semel_code open_databases(struct lmdb_file *file, const char *path,
                                      const struct store_options *options, struct store_problem *problem)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(file->env, NULL, 0, &txn);
    if (error != 0)
        return refuse(problem, path, error);
    enum semel_code code = recognise(file, txn, path, options, problem);
    if (code != SEMEL_OK) {
        mdb_txn_abort(txn);
        return code;
    }
    error = mdb_txn_commit(txn);
    return error == 0 ? SEMEL_OK : refuse(problem, path, error);
}

/* LMDB opens the file itself, by its name and not closed on exec: a program that this one starts would have it, too. */
static enum semel_code check_descriptor(const struct lmdb_file *file, const char *path,
                                        struct store_problem *problem)
{
    int fd;
    int error = mdb_env_get_fd(file->env, &fd);
    if (error != 0)
        return refuse(problem, path, error);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return refuse(problem, path, errno);
    if (!owner_has(&file->owner, fd))
        return store_fail(problem, SEMEL_FAILED_PRECONDITION,
                          "%s was replaced by another file while it was opened", path);
    return SEMEL_OK;
}

static enum semel_code open_environment(struct lmdb_file *file, const char *path, uint64_t size_bytes,
                                        struct store_problem *problem)
{
    int error = mdb_env_create(&file->env);
    if (error != 0) {
        file->env = NULL;
        return refuse(problem, path, error);
    }
    error = mdb_env_set_mapsize(file->env, (size_t)size_bytes);
    if (error == 0)
        error = mdb_env_set_maxdbs(file->env, 2 + LMDB_FILE_DATABASES);
    /* A reader belongs to its transaction, not to its thread: handlers may read while the store writes. */
    if (error == 0)
        error = mdb_env_open(file->env, file->owner.path, MDB_NOSUBDIR | MDB_NOTLS, 0600);
    return error == 0 ? check_descriptor(file, path, problem) : refuse(problem, path, error);
}

/* LMDB would not take what is left of a file that was not finished. */
static enum semel_code look_at(const struct lmdb_file *file, const char *path, struct store_problem *problem)
{
    int fd = file->owner.file_fd;
    if (lmdb_birth_was_cut(fd) && ftruncate(fd, 0) != 0)
        return refuse(problem, path, errno);
    return lmdb_check(fd, path, problem);
}

/* A process that was killed may have left more in memory than on the disk: what is told from here on must last. */
static enum semel_code make_durable(const struct lmdb_file *file, const char *path,
                                    struct store_problem *problem)
{
    int error = lmdb_birth_end(file->owner.file_fd, file->owner.path);
    return error == 0 ? SEMEL_OK : refuse(problem, path, error);
}

enum semel_code lmdb_file_open(struct lmdb_file *file, const char *path, const struct store_options *options,
                               struct store_problem *ret_problem)
{
    *file = (struct lmdb_file){.env = NULL};
    enum semel_code code = owner_take(&file->owner, path, ret_problem);
    if (code == SEMEL_OK)
        code = look_at(file, path, ret_problem);
    if (code == SEMEL_OK)
        code = open_environment(file, path, options->size_bytes, ret_problem);
    if (code == SEMEL_OK)
        code = make_durable(file, path, ret_problem);
    if (code == SEMEL_OK)
        code = open_databases(file, path, options, ret_problem);
    if (code == SEMEL_OK) {
        int error = open_area(file, options->size_bytes);
        code = error == 0 ? SEMEL_OK : refuse(ret_problem, path, error);
    }
    if (code != SEMEL_OK)
        lmdb_file_close(file);
    return code;
}

void lmdb_file_close(struct lmdb_file *file)
{
    if (file->env != NULL)
        mdb_env_close(file->env);
    file->env = NULL;
    owner_give(&file->owner); /* last: until here LMDB has it open */
}
