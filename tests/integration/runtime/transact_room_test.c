/* A store that is full: what is refused, what runs all the same, and how it finds room again.
 *
 * Reads best next: runtime/server/room.h. */
#include <criterion/criterion.h>
#include <string.h>

#include "peer.h"
#include "server/server.h"
#include "vault.h"

TestSuite(transact_room, .timeout = 60);

/* ---- a file that is full ---- */

/* An Add whose reply has about 4 KB. */
static struct frame large_request(uint64_t seq, uint64_t floor)
{
    static const uint8_t body[] = {0x08, 0x05, 0x10, 0x80, 0x20}; /* op 5, reply_size 4096 */
    return peer_request(seq, floor, ADD, body, sizeof body);
}

/* Kept replies fill a small store, for nothing from the floor on is acknowledged.  Returns how many were OK; *seq is
 * the first one refused. */
static unsigned fill_from(struct peer *peer, uint64_t floor, uint64_t *seq)
{
    for (unsigned kept = 0;; kept++, ++*seq) {
        struct frame request = large_request(*seq, floor);
        cr_assert(peer_send(peer, &request));
        struct frame reply = peer_expect(peer, FRAME_REPLY);
        cr_assert_eq(reply.seq, *seq);
        if (reply.code == SEMEL_OK)
            continue;
        cr_assert_eq(reply.aux, SEMEL_REASON_TABLE_FULL, "%s", semel_reason_name((enum semel_reason)reply.aux));
        cr_assert_eq((int)(reply.flags & FRAME_OUTCOME_MASK), SEMEL_OUTCOME_NOT_EXECUTED);
        return kept;
    }
}

static void look_at_ledger(void *arg)
{
    const struct ledger *ledger = &vault.server.semel->ledger;
    *(bool *)arg = ledger->bytes == NULL && journal_is_empty(&ledger->journal);
}

/* Until the end of the last request is on record, and nothing is left to be committed. */
static void wait_for_silence(void)
{
    bool silent;
    do
        on_node(vault.server.node, look_at_ledger, &silent);
    while (!silent);
}

/* The client acknowledges all of it with a request that is refused, too: nothing else is ever committed, and the
 * room must be found all the same. */
static uint64_t recover_room(struct peer *peer, uint64_t seq)
{
    for (;; seq++) {
        struct frame request = large_request(seq, seq);
        cr_assert(peer_send(peer, &request));
        struct frame reply = peer_expect(peer, FRAME_REPLY);
        if (reply.code == SEMEL_OK) {
            wait_for_silence();
            return seq;
        }
        cr_assert_eq(reply.aux, SEMEL_REASON_TABLE_FULL);
    }
}

Test(transact_room, a_store_that_is_full_goes_on_when_its_replies_are_acknowledged)
{
    struct peer peer;
    vault_open_of(4 << 20, LIST("Window=4096"));
    peer_connect(&peer, vault.server.uri);
    struct hello hello = peer_some_hello(1);
    cr_assert_not(peer_greet(&peer, &hello));
    uint64_t seq = 1;
    for (int round = 0; round < 3; round++) {
        unsigned kept = fill_from(&peer, seq, &seq);
        cr_assert_gt(kept, 300, "round %d: %u of about 4 KB", round, kept);
        wait_for_silence();
        seq = recover_room(&peer, seq) + 1;
        cr_assert_not(server_stats(&vault.server).inactive);
    }
    (void)fill_from(&peer, seq, &seq);
    peer_close(&peer);
    server_close(&vault.server); /* what is full can be read back */
    vault_start(4 << 20, NULL);
    cr_assert_eq(server_stats(&vault.server).sessions, 1);
    cr_assert_gt(server_stats(&vault.server).kept_replies, 300);
    vault_close();
}

static enum semel_code refuse_once(struct server *asked, semel_request *request, probe_Request *in,
                                   probe_Reply *out)
{
    out->op = in->op;
    bool refuses = in->op == 7 && server_runs(asked, 7) == 1;
    return refuses ? semel_request_refuse(request, 0, false) : server_count(asked, request, in, out);
}

static struct frame ask_first(struct peer *peer)
{
    static const uint8_t body[] = {0x08, 0x07}; /* op 7 */
    struct frame request = peer_request(1, 1, ADD, body, sizeof body);
    cr_assert(peer_send(peer, &request));
    return peer_expect(peer, FRAME_REPLY);
}

/* Its client waits for it, and acknowledges nothing of what came after it. */
Test(transact_room, the_lowest_call_runs_though_later_ones_fill_the_store)
{
    struct peer peer;
    vault_open_of(4 << 20, LIST("Window=4096"));
    vault.server.handler = refuse_once;
    struct hello hello = peer_some_hello(1);
    peer_connect(&peer, vault.server.uri);
    cr_assert_not(peer_greet(&peer, &hello));
    cr_assert_eq((int)ask_first(&peer).aux, SEMEL_REASON_REFUSED_BY_HANDLER);
    uint64_t seq = 2;
    while (fill_from(&peer, 1, &seq) > 0)
        wait_for_silence();
    struct frame reply = ask_first(&peer);
    cr_assert_eq(reply.code, SEMEL_OK, "%s", semel_reason_name((enum semel_reason)reply.aux));
    cr_assert_eq(reply.seq, 1);
    cr_assert_eq(server_runs(&vault.server, 7), 2, "the first time it was refused");
    cr_assert_eq(fill_from(&peer, 1, &seq), 0, "others wait for room as before");
    seq = recover_room(&peer, seq);
    cr_assert_not(server_stats(&vault.server).inactive);
    peer_close(&peer);
    vault_close();
}

/* ---- when the application leaves no room ---- */

/* What an application may write: a value that leaves so many pages at the end of the file; NOTHING: it goes. */
enum { NOTHING = -1 };

static size_t pages_at_the_end(MDB_env *env)
{
    MDB_envinfo info;
    cr_assert_eq(mdb_env_info(env, &info), 0);
    return info.me_mapsize / 4096 - info.me_last_pgno - 1;
}

static void put_ballast(void *arg)
{
    const int *left = arg;
    MDB_env *env = semel_server_environment(vault.server.semel);
    MDB_txn *txn;
    MDB_dbi ballast;
    MDB_val key = {1, "b"};
    cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    cr_assert_eq(mdb_dbi_open(txn, "ballast", MDB_CREATE, &ballast), 0);
    if (*left != NOTHING) {
        MDB_val value = {.mv_size = (pages_at_the_end(env) - (size_t)*left) * 4096 - 16};
        cr_assert_eq(mdb_put(txn, ballast, &key, &value, MDB_RESERVE), 0);
        memset(value.mv_data, 0, value.mv_size);
    } else {
        cr_assert_eq(mdb_drop(txn, ballast, 0), 0);
    }
    cr_assert_eq(mdb_txn_commit(txn), 0);
}

static void leave_pages(int left)
{
    on_node(vault.server.node, put_ballast, &left);
}

/* Nothing else is there to be committed: who is refused makes the server look. */
Test(transact_room, room_that_the_application_makes_is_found)
{
    vault_open_of(8 << 20, NULL);
    leave_pages(240);
    semel_status status = vault_put(WELL, 5);
    for (unsigned op = 6; op < 10 && status.code == SEMEL_OK; op++) /* a commit finds out that there is none */
        status = vault_put(WELL, op);
    check_status(&status, RESOURCE_EXHAUSTED, TABLE_FULL, NOT_EXECUTED);
    status = vault_put(WELL, 20);
    check_status(&status, RESOURCE_EXHAUSTED, TABLE_FULL, NOT_EXECUTED);
    leave_pages(NOTHING);
    for (unsigned op = 30; op < 33; op++) /* the first may be refused, and have it looked for */
        status = vault_put(WELL, op);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert(vault_has(32));
    vault_close();
}

static void look_at_compaction(void *arg)
{
    *(bool *)arg = vault.server.semel->sessions.rewritten != NULL;
}

/* Until the journal is being written again; what is unacknowledged grows to some 600 KB. */
static uint64_t begin_compaction(struct peer *peer)
{
    bool begun = false;
    uint64_t seq = 1;
    for (; !begun; seq++) {
        struct frame request = large_request(seq, seq > 150 ? seq - 150 : 1);
        cr_assert_lt(seq, 2000);
        cr_assert(peer_send(peer, &request));
        cr_assert_eq(peer_expect(peer, FRAME_REPLY).code, SEMEL_OK);
        on_node(vault.server.node, look_at_compaction, &begun);
    }
    return seq;
}

/* The application takes what the rest of it needed.  It waits, whatever else is committed, and goes on when less is
 * to be written again. */
Test(transact_room, a_compaction_for_which_there_is_no_room_any_more_waits_for_some)
{
    struct peer peer;
    vault_open_of(8 << 20, LIST("Window=4096"));
    struct hello hello = peer_some_hello(1);
    peer_connect(&peer, vault.server.uri);
    cr_assert_not(peer_greet(&peer, &hello));
    uint64_t seq = begin_compaction(&peer);
    leave_pages(60);
    for (int i = 0; i < 20; i++) { /* each has it looked for room */
        (void)fill_from(&peer, seq - 150, &seq);
        wait_for_silence();
    }
    cr_assert_not(server_stats(&vault.server).inactive);
    seq = recover_room(&peer, seq);
    cr_assert_not(server_stats(&vault.server).inactive);
    peer_close(&peer);
    server_close(&vault.server);
    vault_start(8 << 20, NULL);
    cr_assert_eq(server_stats(&vault.server).sessions, 1, "its file can be read back");
    vault_close();
}
