/* Transactional handlers on an LMDB store: which ends keep what they wrote, what the caller is told of each, and what
 * stays behind when it goes wrong.
 *
 * Reads best next: runtime/server/transact.c, semel/store.h; tests/integration/bank/crash_points.sh for crashes. */
#include <criterion/criterion.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "peer.h"
#include "server/server.h"
#include "store/store.h"
#include "vault.semel.h"

TestSuite(transact, .timeout = 30);

enum { TOLD_MAX = 64 };

/* How the handler ends. */
enum end { WELL, FAIL, REFUSE, PEND, LOSE_JOURNAL, OVERFLOW, CLOSE_WHEN_TOLD };

static struct vault {
    struct server server;
    struct client client;
    char folder[64];
    char spec[96];
    MDB_dbi slips;
    enum end end;
    semel_request *pending;
    unsigned told[TOLD_MAX]; /* op + 1, in the order in which the handlers were told of their fate */
    bool kept[TOLD_MAX];
    unsigned told_count;
} vault;

/* ---- the server ---- */

static void on_committed(bool committed, void *user)
{
    cr_assert_lt(vault.told_count, TOLD_MAX);
    vault.kept[vault.told_count] = committed;
    vault.told[vault.told_count++] = (unsigned)(uintptr_t)user;
    if (vault.end == CLOSE_WHEN_TOLD)
        semel_server_close(vault.server.semel);
}

/* Finds no room, and does not look at what it is told. */
static enum semel_code overflow(MDB_txn *txn)
{
    MDB_val key = {1, "x"};
    MDB_val value = {.mv_size = 1 << 30};
    cr_assert_eq(mdb_put(txn, vault.slips, &key, &value, MDB_RESERVE), MDB_MAP_FULL);
    return SEMEL_OK;
}

static enum semel_code write_slip(semel_request *request, unsigned op)
{
    MDB_txn *txn = semel_request_transaction(request);
    MDB_val key = {sizeof op, &op};
    cr_assert_not_null(txn);
    cr_assert_eq(mdb_put(txn, vault.slips, &key, &key, 0), 0);
    cr_assert(semel_request_when_committed(request, on_committed, (void *)(uintptr_t)(op + 1)));
    cr_assert_not(semel_request_when_committed(request, on_committed, NULL), "once a request");
    switch (vault.end) {
    case FAIL: return semel_request_error(request, SEMEL_ABORTED, "not today");
    case REFUSE: return semel_request_refuse(request, SEMEL_RETRY_NEVER, false);
    case PEND: vault.pending = request; return SEMEL_PENDING;
    case LOSE_JOURNAL: vault.server.semel->ledger.journal.lost = true; return SEMEL_OK;
    case OVERFLOW: return overflow(txn);
    default: return SEMEL_OK;
    }
}

static enum semel_code put(semel_request *request, vault_Slip *in, vault_Slip *out, void *user)
{
    (void)user;
    out->op = in->op;
    if (in->reply_size > 0) {
        out->pad = calloc(1, PB_BYTES_ARRAY_T_ALLOCSIZE(in->reply_size));
        cr_assert_not_null(out->pad);
        out->pad->size = (pb_size_t)in->reply_size;
    }
    return write_slip(request, in->op);
}

static enum semel_code tell(semel_request *request, vault_Slip *in, void *user)
{
    (void)user;
    return write_slip(request, in->op);
}

static const struct vault_Vault_handlers handlers = {.Put = put, .Set = put, .Tell = tell};

static void open_slips(void *arg)
{
    MDB_env *env = semel_server_environment(vault.server.semel);
    MDB_txn *txn;
    (void)arg;
    cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    cr_assert_eq(mdb_dbi_open(txn, "slips", MDB_CREATE, &vault.slips), 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
}

static void start_server(uint64_t size_bytes, const char *const *properties)
{
    const struct store_options options = {.fresh = {.bytes = {1, 2, 3}}, .size_bytes = size_bytes};
    struct store_problem problem;
    struct store *store;
    cr_assert_eq(store_open(vault.spec, &options, &store, &problem), SEMEL_OK, "%s", problem.text);
    server_open_on_store(&vault.server, properties, "tcp://127.0.0.1:0", store);
    cr_assert_eq(vault_Vault_serve(vault.server.semel, &handlers, NULL), SEMEL_OK);
    on_node(vault.server.node, open_slips, NULL);
}

static void open_vault_of(uint64_t size_bytes, const char *const *properties)
{
    memset(&vault, 0, sizeof vault);
    snprintf(vault.folder, sizeof vault.folder, "%stransact-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : "");
    cr_assert_not_null(mkdtemp(vault.folder));
    snprintf(vault.spec, sizeof vault.spec, "lmdb:%s/store", vault.folder);
    start_server(size_bytes, properties);
    client_open(&vault.client, LIST("RetryIntervals=-1"), vault.server.uri);
}

static void open_vault(const char *const *properties)
{
    open_vault_of(8 << 20, properties);
}

static void remove_files(void)
{
    static const char *const suffixes[] = {"", "-lock", "-owner"};
    char path[512];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(path, sizeof path, "%s%s", vault.spec + sizeof "lmdb:" - 1, suffixes[i]);
        cr_assert_eq(unlink(path), 0, "%s", path);
    }
    cr_assert_eq(rmdir(vault.folder), 0);
}

static void close_vault(void)
{
    client_close(&vault.client);
    server_close(&vault.server);
    remove_files();
}

/* ---- what is in it ---- */

struct look {
    unsigned op;
    bool found;
};

/* With a write transaction: it would wait for ever for one that was left open on this thread. */
static void look_now(void *arg)
{
    struct look *look = arg;
    MDB_txn *txn;
    MDB_val key = {sizeof look->op, &look->op};
    MDB_val value;
    cr_assert_eq(mdb_txn_begin(semel_server_environment(vault.server.semel), NULL, 0, &txn), 0);
    look->found = mdb_get(txn, vault.slips, &key, &value) == 0;
    mdb_txn_abort(txn);
}

static bool has(unsigned op)
{
    struct look look = {.op = op};
    on_node(vault.server.node, look_now, &look);
    return look.found;
}

static void expect_told(unsigned n, unsigned op, bool kept)
{
    cr_assert_lt(n, vault.told_count, "%u were told", vault.told_count);
    cr_assert_eq(vault.told[n], op + 1);
    cr_assert_eq(vault.kept[n], kept);
}

static semel_status call(const struct semel_method *method, unsigned op, unsigned reply_size)
{
    semel_status status;
    vault_Slip reply = vault_Slip_init_zero;
    const vault_Slip slip = {.op = op, .reply_size = reply_size};
    semel_call_wait(vault.client.channel, method, &slip, &reply, NULL, NULL, &status);
    semel_message_release(vault_Slip_fields, &reply);
    return status;
}

static semel_status put_slip(enum end end, unsigned op)
{
    vault.end = end;
    return call(&vault_Vault_methods[vault_Vault_Put_index], op, 0);
}

/* ---- how it may end ---- */

Test(transact, what_ends_well_is_kept)
{
    open_vault(NULL);
    semel_status status = put_slip(WELL, 5);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert(has(5));
    expect_told(0, 5, true);
    close_vault();
}

Test(transact, what_may_run_again_is_kept_too)
{
    open_vault(NULL);
    semel_status status = call(&vault_Vault_methods[vault_Vault_Set_index], 5, 0);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert(has(5));
    expect_told(0, 5, true);
    close_vault();
}

/* The record of an error stands as that of any other end: told twice, it is the same. */
Test(transact, an_error_undoes_what_was_written)
{
    open_vault(NULL);
    semel_status status = put_slip(FAIL, 5);
    check_status(&status, ABORTED, HANDLER, EXECUTED);
    cr_assert_str_eq(status.message, "not today");
    cr_assert_not(has(5));
    expect_told(0, 5, true);
    close_vault();
}

/* Alone in its batch: no transaction is left open when nothing is there to be committed. */
Test(transact, a_refusal_undoes_it_and_leaves_nothing_open)
{
    open_vault(NULL);
    semel_status status = put_slip(REFUSE, 5);
    check_status(&status, UNAVAILABLE, REFUSED_BY_HANDLER, NOT_EXECUTED);
    cr_assert_not(has(5));
    expect_told(0, 5, false);
    status = put_slip(WELL, 5);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert(has(5));
    close_vault();
}

static void finish_now(void *arg)
{
    (void)arg;
    vault_Vault_Put_reply(vault.pending, &(const vault_Slip){.op = 5});
}

Test(transact, a_handler_that_pends_is_undone_and_its_end_is_nobodys)
{
    open_vault(NULL);
    semel_status status = put_slip(PEND, 5);
    check_status(&status, INTERNAL, HANDLER, EXECUTED);
    cr_assert_not_null(strstr(status.message, "returned PENDING"));
    cr_assert_not(has(5));
    expect_told(0, 5, false);
    on_node(vault.server.node, finish_now, NULL);
    status = put_slip(WELL, 6);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(server_stats(&vault.server).running, 0);
    close_vault();
}

/* It ran, and its effect is there: the caller is told so, if not what it answered. */
Test(transact, a_reply_that_is_too_large_is_an_error_and_stays_executed)
{
    open_vault(LIST("FrameLimit=8KiB"));
    semel_status status = call(&vault_Vault_methods[vault_Vault_Put_index], 5, 10000);
    check_status(&status, RESOURCE_EXHAUSTED, TOO_LARGE, EXECUTED);
    cr_assert(has(5));
    expect_told(0, 5, true);
    close_vault();
}

Test(transact, a_oneway_is_kept_and_acknowledged)
{
    open_vault(NULL);
    const vault_Slip slip = {.op = 5};
    cr_assert_eq(vault_Vault_Tell(vault.client.channel, &slip, NULL), SEMEL_OK);
    cr_assert_eq(semel_channel_flush(vault.client.channel, 20000), SEMEL_OK);
    cr_assert(has(5));
    expect_told(0, 5, true);
    cr_assert_eq(server_stats(&vault.server).oneways_acknowledged, 1);
    vault.end = REFUSE;
    cr_assert_eq(vault_Vault_Tell(vault.client.channel, &(const vault_Slip){.op = 6}, NULL), SEMEL_OK);
    cr_assert_eq(semel_channel_flush(vault.client.channel, 20000), SEMEL_OK);
    cr_assert_not(has(6));
    expect_told(1, 6, false);
    close_vault();
}

/* What it wrote can not be kept; that is its own end, and nobody else's. */
Test(transact, a_handler_that_overlooks_a_full_file_is_refused_alone)
{
    open_vault(NULL);
    semel_status status = put_slip(OVERFLOW, 5);
    check_status(&status, RESOURCE_EXHAUSTED, TABLE_FULL, NOT_EXECUTED);
    expect_told(0, 5, false);
    status = put_slip(WELL, 6);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_not(has(5));
    cr_assert(has(6));
    cr_assert_not(server_stats(&vault.server).inactive);
    close_vault();
}

/* ---- many at once ---- */

struct many {
    unsigned done;
    unsigned ok;
};

static void on_slip(const vault_Slip *reply, const semel_status *status, void *user)
{
    struct many *many = user;
    (void)reply;
    many->ok += status->code == SEMEL_OK;
    many->done++;
}

static void start_many(void *arg)
{
    for (unsigned op = 1; op <= 32; op++) {
        const vault_Slip slip = {.op = op};
        cr_assert_eq(vault_Vault_Put_start(vault.client.channel, &slip, NULL, NULL, on_slip, arg), SEMEL_OK);
    }
}

Test(transact, handlers_are_told_in_the_order_in_which_they_ran)
{
    struct many many = {0};
    open_vault(NULL);
    semel_status status = put_slip(WELL, 0);
    check_status(&status, OK, NONE, EXECUTED);
    on_node(vault.client.node, start_many, &many);
    cr_assert_eq(semel_channel_flush(vault.client.channel, 20000), SEMEL_OK);
    cr_assert_eq(many.ok, 32);
    for (unsigned op = 0; op <= 32; op++) {
        expect_told(op, op, true);
        cr_assert(has(op));
    }
    cr_assert_eq(vault.told_count, 33);
    close_vault();
}

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
        if (reply.code == SEMEL_OK)
            return seq;
        cr_assert_eq(reply.aux, SEMEL_REASON_TABLE_FULL);
    }
}

Test(transact, a_store_that_is_full_goes_on_when_its_replies_are_acknowledged)
{
    struct peer peer;
    open_vault_of(4 << 20, LIST("Window=4096"));
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
    start_server(4 << 20, NULL);
    cr_assert_eq(server_stats(&vault.server).sessions, 1);
    cr_assert_gt(server_stats(&vault.server).kept_replies, 300);
    close_vault();
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
Test(transact, the_lowest_call_runs_though_later_ones_fill_the_store)
{
    struct peer peer;
    open_vault_of(4 << 20, LIST("Window=4096"));
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
    close_vault();
}

/* ---- when it goes wrong ---- */

/* A batch for which there is no memory: its handlers are undone, whoever else writes does not wait, nothing runs. */
Test(transact, a_batch_that_can_not_be_sealed_undoes_its_handlers_at_once)
{
    open_vault(NULL);
    semel_status status = put_slip(WELL, 5);
    check_status(&status, OK, NONE, EXECUTED);
    vault.end = LOSE_JOURNAL;
    status = call(&vault_Vault_methods[vault_Vault_Put_index], 6, 0);
    check_status(&status, UNAVAILABLE, INACTIVE, NOT_EXECUTED);
    cr_assert(has(5));
    cr_assert_not(has(6));
    expect_told(1, 6, false);
    cr_assert(server_stats(&vault.server).inactive);
    close_vault();
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
Test(transact, room_that_the_application_makes_is_found)
{
    open_vault_of(8 << 20, NULL);
    leave_pages(240);
    semel_status status = put_slip(WELL, 5);
    for (unsigned op = 6; op < 10 && status.code == SEMEL_OK; op++) /* a commit finds out that there is none */
        status = put_slip(WELL, op);
    check_status(&status, RESOURCE_EXHAUSTED, TABLE_FULL, NOT_EXECUTED);
    status = put_slip(WELL, 20);
    check_status(&status, RESOURCE_EXHAUSTED, TABLE_FULL, NOT_EXECUTED);
    leave_pages(NOTHING);
    for (unsigned op = 30; op < 33; op++) /* the first may be refused, and have it looked for */
        status = put_slip(WELL, op);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert(has(32));
    close_vault();
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
Test(transact, a_compaction_for_which_there_is_no_room_any_more_waits_for_some)
{
    struct peer peer;
    open_vault_of(8 << 20, LIST("Window=4096"));
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
    start_server(8 << 20, NULL);
    cr_assert_eq(server_stats(&vault.server).sessions, 1, "its file can be read back");
    close_vault();
}

/* A handler must not close its server, nor may what it asked to be told. */
Test(transact, closing_the_server_when_told_is_a_bug, .signal = SIGABRT)
{
    open_vault(NULL);
    remove_files(); /* they live as long as they are open, and nobody comes back */
    (void)put_slip(CLOSE_WHEN_TOLD, 5);
}
