/* Room: what new work may take, when the journal is written again, and that it ends.
 *
 * Reads best next: runtime/server/room.h. */
#include "server/room.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/compact.h"

TestSuite(room, .timeout = 60);

/* A store that keeps the sizes of batches alone, and is as large as the test says. */
static struct shelf {
    struct store store;
    struct store_usage usage;
    uint64_t newest;
    uint64_t sizes[4096];
} shelf;

static struct store_usage usage(struct store *store)
{
    (void)store;
    return shelf.usage;
}

static const struct store_ops ops = {.durable = true, .usage = usage};
static struct sessions sessions;
static struct journal journal;
static struct room room;
static int connection;

static void give(uint64_t bytes)
{
    shelf.usage.free_bytes = shelf.usage.spare_bytes = shelf.usage.next_bytes = bytes;
}

static void open_room(void)
{
    const struct sessions_options options = {.domain_id = {{1}},
                                             .limit = 64,
                                             .window = 1024,
                                             .lease_ns = 1,
                                             .keep_reply = 1 << 20,
                                             .keep_total = 1 << 24,
                                             .journal = &journal};
    shelf = (struct shelf){.store.ops = &ops};
    journal_init(&journal, 1);
    cr_assert(sessions_init(&sessions, &options));
    room_init(&room, &shelf.store, &sessions, &journal);
    give(1 << 20);
}

static void close_room(void)
{
    sessions_fini(&sessions);
    journal_fini(&journal);
}

/* As the ledger does, with a store that deletes what it may. */
static void commit(void)
{
    size_t size;
    uint64_t wanted_from = compact_floor(&sessions);
    uint64_t number = journal.number;
    free(journal_seal(&journal, sessions.last_connection, &size));
    cr_assert_lt(number, 4096);
    shelf.newest = number;
    shelf.sizes[number] = size;
    shelf.usage.log_bytes += size;
    shelf.usage.oldest = shelf.usage.oldest == 0 ? number : shelf.usage.oldest;
    for (; shelf.usage.oldest < wanted_from && shelf.usage.oldest < number; shelf.usage.oldest++)
        shelf.usage.log_bytes -= shelf.sizes[shelf.usage.oldest];
}

static struct session *come(void)
{
    struct hello hello = {.floor = 1, .attempt = 1};
    hello.session.bytes[0] = (uint8_t)(sessions.count + 1);
    struct sessions_judgment judgment = sessions_judge(&sessions, &hello, 0, 0);
    struct session *session = sessions_accept(&sessions, &hello, 0, &judgment, &connection, 0);
    cr_assert_not_null(session);
    sessions_detach(&sessions, session, 0);
    return session;
}

static void run(struct session *session, uint64_t seq, size_t reply_size)
{
    struct dedup_run running;
    const struct dedup_question question = {.seq = seq, .method = 1, .digest = seq};
    cr_assert_eq(dedup_admit(&session->table, &question, &running).answer, DEDUP_WAIT);
    cr_assert_eq(dedup_start(&running, false), DEDUP_START);
    struct reply *reply = reply_create(NULL, reply_size);
    cr_assert_not_null(reply);
    memset(reply_body(reply), 1, reply_size);
    reply_write(reply, &(struct frame){.type = FRAME_REPLY, .seq = seq, .body_size = reply_size});
    cr_assert(dedup_finish(&running, reply));
    reply_settle(reply);
}

/* One session with so many replies of 10000 bytes, and a journal that tells them twice. */
static struct session *fill(uint64_t replies)
{
    struct session *session = come();
    for (uint64_t seq = 1; seq <= replies; seq++) {
        run(session, seq, 10000);
        commit();
    }
    sessions_log(&sessions, session);
    uint64_t seq = 1;
    cr_assert(dedup_log_again(&session->table, &seq, SIZE_MAX, UINT64_MAX));
    commit();
    sessions_log(&sessions, session);
    commit();
    return session;
}

/* Commits for as long as that makes room; returns how often. */
static int make_room(void)
{
    int commits = 0;
    room_measure(&room);
    for (; room_can_be_made(&room); commits++) {
        cr_assert_lt(commits, 200, "it has an end");
        room_compact(&room);
        cr_assert_leq(journal.size, shelf.usage.next_bytes + JOURNAL_HEADER_SIZE);
        commit();
        room_measure(&room);
    }
    return commits;
}

/* ---- how much there is ---- */

Test(room, new_work_leaves_room_to_write_all_again)
{
    open_room();
    room_measure(&room);
    cr_assert_eq(journal.room, (1 << 20) / 4 * 3);
    struct session *session = fill(20);
    room_measure(&room);
    cr_assert_eq(journal.room, (1 << 20) / 4 * 3 - compact_live_bytes(&sessions) / 2);
    uint64_t before = journal.room;
    run(session, 21, 1000);
    room_measure(&room);
    cr_assert_lt(journal.room, before - 1000, "what the open batch holds is taken");
    give(1000);
    room_measure(&room);
    cr_assert_eq(journal.room, 0);
    give(UINT64_MAX);
    room_measure(&room);
    cr_assert_eq(journal.room, UINT64_MAX);
    close_room();
}

/* ---- making it ---- */

Test(room, a_long_journal_is_written_again_until_it_is_short)
{
    open_room();
    fill(20);
    uint64_t long_bytes = shelf.usage.log_bytes;
    give(300000);
    cr_assert_eq(make_room(), 0, "there is enough");
    give(10000);
    cr_assert_eq(make_room(), 0, "the file is full, but the journal has not twice what it tells");
    struct session *session = sessions.logged_head;
    dedup_ack(&session->table, 11);
    give(80000);
    cr_assert_gt(make_room(), 0);
    cr_assert_lt(shelf.usage.log_bytes, long_bytes / 2);
    close_room();
}

Test(room, where_nothing_can_be_gained_nothing_is_committed)
{
    open_room();
    give(0);
    cr_assert_eq(make_room(), 0, "an empty store");
    commit();
    cr_assert_eq(make_room(), 0, "an empty batch, and no session");
    commit();
    commit();
    cr_assert_leq(make_room(), 1, "the last one stays");
    give(1 << 20);
    room_measure(&room);
    struct session *session = fill(2);
    dedup_ack(&session->table, 3);
    give(200);
    cr_assert_gt(make_room(), 0, "one batch may hold what is wanted no more");
    cr_assert_lt(shelf.usage.log_bytes, 200);
    cr_assert_eq(make_room(), 0);
    sessions_expire(&sessions, 2);
    commit();
    cr_assert_leq(make_room(), 1);
    cr_assert_leq(shelf.usage.log_bytes, JOURNAL_HEADER_SIZE + JOURNAL_ENDED_SIZE);
    cr_assert_eq(make_room(), 0);
    close_room();
}

/* Half way the application takes all there is: it stops, commits nothing in vain, and goes on when it can. */
Test(room, without_room_it_stops_half_way_and_goes_on_later)
{
    open_room();
    struct session *session = fill(40);
    dedup_ack(&session->table, 21);
    give(110000);
    room_measure(&room);
    cr_assert(room_can_be_made(&room));
    room_compact(&room);
    cr_assert_gt(journal.size, 40000, "it has begun");
    commit();
    give(5000);
    for (int i = 0; i < 3; i++) {
        room_measure(&room);
        cr_assert_not(room_can_be_made(&room), "the next piece has 10000 bytes");
        room_compact(&room);
        cr_assert(journal_is_empty(&journal));
        commit();
    }
    dedup_ack(&session->table, 41);
    cr_assert_gt(make_room(), 0, "what is acknowledged need not be written");
    cr_assert_lt(shelf.usage.log_bytes, 1000);
    close_room();
}

/* What was given back last can not be taken by the next batch, but by the one after it. */
Test(room, what_the_next_batch_can_not_have_an_empty_one_makes_available)
{
    open_room();
    struct session *session = fill(20);
    dedup_ack(&session->table, 11);
    give(80000);
    shelf.usage.next_bytes = 200;
    room_measure(&room);
    cr_assert(room_can_be_made(&room));
    room_compact(&room);
    cr_assert_leq(journal.size, 200);
    commit();
    give(80000);
    cr_assert_gt(make_room(), 0);
    close_room();
}
