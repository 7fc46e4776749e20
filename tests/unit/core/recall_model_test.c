/* Anything in any order, with a crash after each turn: what is recalled is what the memory says.
 *
 * Reads best next: crash.h, recall_test.c. */
#include "crash.h"

TestSuite(recall_model, .timeout = 120);

enum { CLIENTS = 6, SPAN = 64 };

struct world {
    struct sessions sessions;
    struct client clients[CLIENTS];
    struct dedup_run runs[CLIENTS][SPAN];
    bool transactional[CLIENTS][SPAN];
    uint64_t next[CLIENTS];
    struct rng rng;
    int64_t now;
};

static void come_or_go(struct world *world, int who)
{
    struct client *client = &world->clients[who];
    if (client->session != NULL) {
        lose(&world->sessions, client, world->now);
        return;
    }
    if (rng_below(&world->rng, 8) == 0)
        client->hello.last_connection = 1000000; /* of nobody's life */
    struct sessions_judgment judgment = offer(&world->sessions, client, world->now);
    if (client->session != NULL && rng_below(&world->rng, 4) > 0)
        welcome(client, judgment);
}

static void ack(struct world *world, int who)
{
    struct client *client = &world->clients[who];
    if (client->hello.floor >= world->next[who] || client->session == NULL)
        return;
    client->hello.floor += 1 + rng_below(&world->rng, world->next[who] - client->hello.floor);
    dedup_ack(&client->session->table, client->hello.floor);
    if (rng_below(&world->rng, 2) == 0)
        dedup_log_floor(&client->session->table);
}

static void send(struct world *world, int who)
{
    struct client *client = &world->clients[who];
    if (client->session == NULL || world->next[who] - client->hello.floor >= SPAN)
        return;
    uint64_t seq = world->next[who]++;
    bool transactional = rng_below(&world->rng, 3) == 0;
    world->transactional[who][seq % SPAN] = transactional;
    ask_waiting(client, seq, &world->runs[who][seq % SPAN], transactional);
}

/* Some request of this client takes its next step. */
static void step(struct world *world, int who)
{
    uint64_t floor = world->clients[who].hello.floor;
    if (floor >= world->next[who])
        return;
    uint64_t seq = floor + rng_below(&world->rng, world->next[who] - floor);
    struct dedup_run *run = &world->runs[who][seq % SPAN];
    if (run->table == NULL || run->seq != seq)
        return;
    uint64_t fate = rng_below(&world->rng, 8);
    if (fate == 0) {
        dedup_withdraw(run);
    } else if (run->table->ring[seq & (run->table->ring_size - 1)].state == DEDUP_WAITING) {
        dedup_start(run, fate == 1);
    } else if (is_oneway(seq) && fate > 2) {
        if (world->transactional[who][seq % SPAN])
            dedup_log_receipt(run);
        dedup_finish_oneway(run);
    } else {
        struct reply *reply = reply_for(seq, rng_below(&world->rng, fate == 2 ? 2000 : 100));
        if (world->transactional[who][seq % SPAN])
            dedup_log_outcome(run, reply);
        dedup_finish(run, reply);
        reply_settle(reply);
    }
}

/* What a crash leaves of a record. */
static enum dedup_state crashed(const struct dedup_record *record)
{
    if (!record->logged)
        return DEDUP_FREE;
    return record->state == DEDUP_WAITING || record->state == DEDUP_RUNNING ? DEDUP_BEGUN : record->state;
}

static const struct dedup_record *record_at(const struct dedup_table *table, uint64_t seq)
{
    static const struct dedup_record none;
    bool there = seq >= table->floor && seq - table->floor < table->ring_size;
    return there ? &table->ring[seq & (table->ring_size - 1)] : &none;
}

static void expect_same_records(const struct session *live, const struct session *recalled)
{
    cr_assert_leq(recalled->table.floor, live->table.floor);
    for (uint64_t seq = live->table.floor; seq < live->table.floor + 2 * SPAN; seq++) {
        const struct dedup_record *record = record_at(&live->table, seq);
        const struct dedup_record *other = record_at(&recalled->table, seq);
        cr_assert_eq(other->state, crashed(record), "seq %d: %d, was %d", (int)seq, other->state,
                     record->state);
        if (other->state == DEDUP_FREE)
            continue;
        cr_assert(other->digest == record->digest && other->method == record->method &&
                  other->oneway == record->oneway && !other->idempotent);
        if (other->state == DEDUP_DONE)
            cr_assert_arr_eq(reply_body(other->with.reply), reply_body(record->with.reply),
                             record->with.reply->out.size - FRAME_HEADER_SIZE);
    }
}

static void expect_same(struct world *world)
{
    struct sessions again;
    restart(&again, 0);
    cr_assert_eq(again.count, world->sessions.count);
    cr_assert_eq(again.last_connection, world->sessions.last_connection);
    for (int who = 0; who < CLIENTS; who++) {
        const struct session *live = sessions_find(&world->sessions, &world->clients[who].hello.session);
        const struct session *recalled = sessions_find(&again, &world->clients[who].hello.session);
        cr_assert_eq(live == NULL, recalled == NULL);
        if (live == NULL)
            continue;
        cr_assert(recalled->born == live->born && recalled->attempt == live->attempt &&
                  recalled->connection_number == live->connection_number && recalled->subject == live->subject);
        expect_same_records(live, recalled);
    }
    sessions_fini(&again);
}

static void do_something(struct world *world)
{
    int who = (int)rng_below(&world->rng, CLIENTS);
    switch (rng_below(&world->rng, 16)) {
    case 0: come_or_go(world, who); break;
    case 1:
        world->now += (int64_t)rng_below(&world->rng, LEASE / 4);
        sessions_expire(&world->sessions, world->now);
        break;
    case 2:
    case 3: ack(world, who); break;
    case 4:
    case 5:
    case 6:
    case 7:
    case 8: send(world, who); break;
    default: step(world, who); break;
    }
}

/* A seed's world, in which the journal is compacted as hard as can be: a few bytes a batch, all the time. */
static void live_through(uint64_t seed, int turns)
{
    static struct world world;
    memset(&world, 0, sizeof world);
    world.rng.state = seed;
    books_open(&books);
    world.sessions = open_on(&books, CLIENTS - 1);
    for (int who = 0; who < CLIENTS; who++) {
        world.clients[who] = client_new((uint8_t)(who + 1), "");
        world.next[who] = 1;
    }
    for (int turn = 0; turn < turns; turn++) {
        for (uint64_t i = rng_below(&world.rng, 12); i > 0; i--)
            do_something(&world);
        compact_step(&world.sessions, books.journal.size + rng_below(&world.rng, 200),
                     books.journal.size + rng_below(&world.rng, 400));
        books_commit(&books, &world.sessions);
        expect_same(&world);
    }
    cr_assert_gt(books.oldest, (uint64_t)turns / 4, "old batches go");
    close_sessions(&world.sessions, world.clients, CLIENTS);
    books_close(&books);
}

Test(recall_model, is_what_was_known_whatever_happened)
{
    for (uint64_t seed = 1; seed <= 40; seed++)
        live_through(seed, 150);
}
