/* What is written ahead: found again after a crash, whole or not at all.
 *
 * Reads best next: runtime/store/ahead.h, lmdb_ahead_test.c. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/ahead.h"
#include "stores.h"

enum { PAGES = 16, BEFORE = 3 * AHEAD_PAGE, SIZE = PAGES * AHEAD_PAGE, SALT = 99 };

static int fd;
static uint8_t area[SIZE];
static uint8_t bytes[SIZE];

static void prepare(void)
{
    stores_prepare();
    fd = open(stores_path("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ftruncate(fd, BEFORE + SIZE), 0);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
}

static void clean(void)
{
    close(fd);
    stores_clean();
}

TestSuite(ahead, .timeout = 60, .init = prepare, .fini = clean);

static struct ahead begin(uint64_t salt)
{
    struct ahead ahead;
    cr_assert(ahead_init(&ahead, fd, BEFORE, SIZE, salt));
    return ahead;
}

static void put(struct ahead *ahead, uint64_t number, size_t size)
{
    cr_assert(ahead_takes(ahead, size));
    cr_assert_eq(ahead_write(ahead, number, bytes + number, size), 0);
}

static void read_area(void)
{
    cr_assert_eq(pread(fd, area, SIZE, BEFORE), SIZE);
}

/* What one who opens the file finds behind `last`: how many, all whole. */
static size_t found(uint64_t last, uint64_t salt)
{
    struct ahead ahead = begin(salt);
    const char *wrong = ahead_find(&ahead, area, last);
    cr_assert_null(wrong, "%s", wrong);
    for (size_t i = 0; i < ahead.count; i++) {
        cr_assert_eq(ahead.batches[i].number, last + 1 + i);
        cr_assert_arr_eq(area + ahead.batches[i].at, bytes + ahead.batches[i].number, ahead.batches[i].size);
    }
    size_t count = ahead.count;
    ahead_fini(&ahead);
    return count;
}

Test(ahead, is_found_again_behind_what_is_in_its_place)
{
    struct ahead ahead = begin(SALT);
    put(&ahead, 5, 10);
    put(&ahead, 6, AHEAD_PAGE - AHEAD_HEADER_SIZE);
    put(&ahead, 7, AHEAD_PAGE);
    put(&ahead, 8, 0);
    cr_assert_eq(ahead.end, 5 * AHEAD_PAGE, "each begins a page, and one fills its page");
    read_area();
    cr_assert_eq(found(4, SALT), 4);
    cr_assert_eq(found(6, SALT), 2);
    cr_assert_eq(found(8, SALT), 0);
    cr_assert_eq(found(100, SALT), 0);
    cr_assert_eq(found(4, SALT + 1), 0, "not those of another store");
    ahead_fini(&ahead);
}

Test(ahead, takes_no_more_than_there_are_pages_for)
{
    struct ahead ahead = begin(SALT);
    cr_assert_not(ahead_takes(&ahead, SIZE - AHEAD_HEADER_SIZE + 1));
    cr_assert_not(ahead_takes(&ahead, SIZE_MAX));
    cr_assert(ahead_takes(&ahead, SIZE - AHEAD_HEADER_SIZE));
    for (uint64_t number = 1; number <= PAGES; number++)
        put(&ahead, number, 1);
    cr_assert_not(ahead_takes(&ahead, 0));
    read_area();
    cr_assert_eq(found(0, SALT), PAGES);
    ahead_clear(&ahead);
    put(&ahead, PAGES + 1, SIZE - AHEAD_HEADER_SIZE);
    read_area();
    cr_assert_eq(found(PAGES, SALT), 1);
    struct ahead none;
    cr_assert(ahead_init(&none, fd, 0, 0, SALT));
    cr_assert_not(ahead_takes(&none, 0), "where there is no area");
    ahead_fini(&none);
    ahead_fini(&ahead);
}

Test(ahead, what_is_in_its_place_is_not_found_again_though_it_still_stands_there)
{
    struct ahead ahead = begin(SALT);
    for (uint64_t number = 1; number <= 9; number++)
        put(&ahead, number, 100);
    ahead_clear(&ahead);
    put(&ahead, 10, AHEAD_PAGE);
    put(&ahead, 11, 100);
    read_area();
    cr_assert_eq(found(9, SALT), 2);
    cr_assert_eq(found(11, SALT), 0);
    ahead_fini(&ahead);
}

/* A crash while the last one was written: any of its pages may be there or not. */
Test(ahead, the_last_one_is_whole_or_was_never_there)
{
    struct ahead ahead = begin(SALT);
    put(&ahead, 1, 100);
    put(&ahead, 2, 3 * AHEAD_PAGE);
    size_t end = ahead.end;
    read_area();
    cr_assert_eq(found(0, SALT), 2);
    for (size_t page = AHEAD_PAGE; page < end; page += AHEAD_PAGE) {
        read_area();
        memset(area + page, 0, AHEAD_PAGE);
        cr_assert_eq(found(0, SALT), 1, "without the page at %zu", page);
    }
    for (size_t at = AHEAD_PAGE; at < AHEAD_PAGE + AHEAD_HEADER_SIZE + 3 * AHEAD_PAGE; at += 7) {
        read_area();
        area[at] ^= 4;
        cr_assert_eq(found(0, SALT), 1, "with a bit of byte %zu turned", at);
    }
    ahead_fini(&ahead);
}

static void expect_missing(uint64_t last)
{
    struct ahead ahead = begin(SALT);
    const char *wrong = ahead_find(&ahead, area, last);
    cr_assert_not_null(wrong);
    cr_assert_str_eq(wrong, "a batch that was written ahead is missing");
    ahead_fini(&ahead);
}

/* It was flushed before the next one was written: this is no crash. */
Test(ahead, one_before_the_last_that_is_not_whole_is_damage)
{
    struct ahead ahead = begin(SALT);
    put(&ahead, 1, 100);
    put(&ahead, 2, AHEAD_PAGE);
    put(&ahead, 3, 100);
    const size_t places[] = {0, 9, 17, 30, AHEAD_PAGE, AHEAD_PAGE + 500, 2 * AHEAD_PAGE + 10};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        read_area();
        area[places[i]] ^= 1;
        expect_missing(0);
    }
    read_area();
    memset(area, 0, 3 * AHEAD_PAGE);
    expect_missing(0);
    cr_assert_eq(found(2, SALT), 1);
    ahead_fini(&ahead);
}

/* Bytes of a client stand in batches: a page of them that looks like a batch is none, for who does not know the
 * salt. */
Test(ahead, what_stands_within_a_batch_is_no_batch)
{
    struct ahead other = begin(SALT + 1);
    put(&other, 2, 50);
    ahead_fini(&other);
    read_area();
    struct ahead ahead = begin(SALT);
    memcpy(bytes + 1 + AHEAD_PAGE - AHEAD_HEADER_SIZE, area, AHEAD_PAGE);
    put(&ahead, 1, 3 * AHEAD_PAGE);
    read_area();
    cr_assert_eq(found(0, SALT), 1);
    area[0] ^= 1;
    cr_assert_eq(found(0, SALT), 0);
    ahead_fini(&ahead);
}

Test(ahead, whatever_stands_there_ends)
{
    srand(7);
    for (int round = 0; round < 200; round++) {
        struct ahead ahead = begin(SALT);
        for (size_t i = 0; i < sizeof area; i++)
            area[i] = (uint8_t)(rand() % 3 == 0 ? 0xff : 0);
        (void)ahead_find(&ahead, area, UINT64_MAX);
        cr_assert_eq(ahead.count, 0);
        ahead_fini(&ahead);
    }
}

/* ---- what is wanted ---- */

Test(ahead, knows_what_is_wanted_and_the_newest_always_is)
{
    struct ahead ahead = begin(SALT);
    for (uint64_t number = 1; number <= 4; number++)
        put(&ahead, number, (size_t)number * 10);
    cr_assert_eq(ahead.wanted_bytes, 100);
    ahead_want_from(&ahead, 3);
    cr_assert_eq(ahead.wanted_bytes, 70);
    ahead_want_from(&ahead, 2);
    cr_assert_eq(ahead.wanted_from, 3, "it never goes back");
    ahead_want_from(&ahead, 1000);
    cr_assert_eq(ahead.wanted_bytes, 40);
    put(&ahead, 5, 7);
    ahead_want_from(&ahead, 1000);
    cr_assert_eq(ahead.wanted_bytes, 7);
    ahead_clear(&ahead);
    cr_assert_eq(ahead.wanted_bytes, 0);
    ahead_fini(&ahead);
}

/* ---- errors ---- */

Test(ahead, a_write_that_fails_says_so)
{
    struct ahead ahead = begin(SALT);
    put(&ahead, 1, 100);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = BEFORE + 2 * AHEAD_PAGE;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_neq(ahead_write(&ahead, 2, bytes, 3 * AHEAD_PAGE), 0, "a part of it");
    limit.rlim_cur = BEFORE;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_neq(ahead_write(&ahead, 2, bytes, 10), 0, "nothing of it");
    cr_assert_eq(ahead.count, 1);
    read_area();
    cr_assert_eq(found(0, SALT), 1);
    ahead_fini(&ahead);
}
