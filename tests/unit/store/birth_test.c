/* What a crash leaves of a file that was being made is a new file; all else is not touched.
 *
 * Reads best next: runtime/store/lmdb_birth.h, power_test.c. */
#include "requests.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/lmdb_birth.h"

TestSuite(birth, .timeout = 60, .init = requests_prepare, .fini = stores_clean);

enum { ROOM = 64 << 10 };

static uint8_t bytes[ROOM];
static size_t page_size;

/* As LMDB makes it: two heads, and nothing in it. */
static void make_heads(void)
{
    MDB_env *env;
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    cr_assert_leq(2 * page_size, ROOM);
    cr_assert_eq(mdb_env_create(&env), 0);
    cr_assert_eq(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
    mdb_env_close(env);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(read(fd, bytes, ROOM), (ssize_t)(2 * page_size));
    close(fd);
}

static void write_file(size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

static bool was_cut(void)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool cut = lmdb_birth_was_cut(fd);
    close(fd);
    return cut;
}

static void expect_new(const char *what)
{
    struct store *store = stores_open(spec);
    cr_assert_null(store->notice, "%s", what);
    cr_assert_eq(load_count(store), 0, "%s", what);
    cr_assert_eq(stores_commit(store, 1, "abc", 3, 1), STORE_COMMITTED, "%s", what);
    store->ops->close(store);
    store = stores_open(spec);
    cr_assert_eq(load_count(store), 1, "%s", what);
    store->ops->close(store);
}

Test(birth, either_head_may_be_lost)
{
    const char *const what[] = {"both are there", "the first is lost", "the second is lost", "both are lost"};
    for (unsigned lost = 0; lost < 4; lost++) {
        make_heads();
        for (unsigned head = 0; head < 2; head++)
            if ((lost & 1u << head) != 0)
                memset(bytes + head * page_size, 0, page_size);
        write_file(2 * page_size);
        cr_assert_eq(was_cut(), lost != 0, "%s", what[lost]);
        expect_new(what[lost]);
        cr_assert_not(was_cut(), "what has been committed to is no such file");
        cr_assert_eq(unlink(path), 0);
    }
}

Test(birth, it_may_end_anywhere)
{
    make_heads();
    for (size_t size = 512; size < 2 * page_size; size += 512) {
        write_file(size);
        cr_assert_eq(was_cut(), size <= page_size, "%zu", size);
        expect_new("cut");
        cr_assert_eq(unlink(path), 0);
        make_heads();
    }
}

/* A file of somebody else's is left as it is. */
Test(birth, a_single_byte_beside_heads_is_something)
{
    make_heads();
    const size_t places[] = {0, 20, 200, 600, page_size - 1, page_size + 8, page_size + 300, 2 * page_size - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        bytes[places[i]] ^= 0x40;
        write_file(2 * page_size);
        cr_assert_not(was_cut(), "%zu", places[i]);
        bytes[places[i]] ^= 0x40;
    }
    write_file(0);
    cr_assert_not(was_cut());
    memset(bytes, 0, ROOM);
    memcpy(bytes + page_size, "words", 5);
    write_file(2 * page_size);
    (void)stores_refusal(spec);
    uint8_t found[ROOM];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(read(fd, found, ROOM), (ssize_t)(2 * page_size));
    close(fd);
    cr_assert_arr_eq(found, bytes, 2 * page_size);
}

/* A store that was cut at its heads has lost something, and says so. */
Test(birth, a_store_that_was_cut_is_not_new)
{
    make_store(3);
    cr_assert_eq(truncate(path, (off_t)(2 * sysconf(_SC_PAGESIZE))), 0);
    cr_assert_not(was_cut());
    cr_assert_eq(stores_refusal(spec).code, SEMEL_DATA_LOSS);
}
