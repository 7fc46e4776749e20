/* Transactional handlers on an LMDB store: which ends keep what they wrote, what the caller is told of each, and what
 * stays behind when it goes wrong.
 *
 * Reads best next: runtime/server/transact.c, semel/store.h; tests/integration/bank/crash_points.sh for crashes. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "core/units.h"
#include "gate.h"
#include "peer.h"
#include "server/slice.h"
#include "vault.h"

TestSuite(transact, .timeout = 60);

/* ---- how it may end ---- */

Test(transact, what_ends_well_is_kept)
{
    vault_open(NULL);
    semel_status status = vault_put(WELL, 5);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert(vault_has(5));
    vault_expect_told(0, 5, true);
    vault_close();
}

Test(transact, what_may_run_again_is_kept_too)
{
    vault_open(NULL);
    semel_status status = vault_call(&vault_Vault_methods[vault_Vault_Set_index], 5, 0);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert(vault_has(5));
    vault_expect_told(0, 5, true);
    vault_close();
}

/* The record of an error stands as that of any other end: told twice, it is the same. */
Test(transact, an_error_undoes_what_was_written)
{
    vault_open(NULL);
    semel_status status = vault_put(FAIL, 5);
    check_status(&status, ABORTED, HANDLER, EXECUTED);
    cr_assert_str_eq(status.message, "not today");
    cr_assert_not(vault_has(5));
    vault_expect_told(0, 5, true);
    vault_close();
}

/* Alone in its batch: no transaction is left open when nothing is there to be committed. */
Test(transact, a_refusal_undoes_it_and_leaves_nothing_open)
{
    vault_open(NULL);
    semel_status status = vault_put(REFUSE, 5);
    check_status(&status, UNAVAILABLE, REFUSED_BY_HANDLER, NOT_EXECUTED);
    cr_assert_not(vault_has(5));
    vault_expect_told(0, 5, false);
    status = vault_put(WELL, 5);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert(vault_has(5));
    vault_close();
}

static void finish_now(void *arg)
{
    (void)arg;
    vault_Vault_Put_reply(vault.pending, &(const vault_Slip){.op = 5});
}

Test(transact, a_handler_that_pends_is_undone_and_its_end_is_nobodys)
{
    vault_open(NULL);
    semel_status status = vault_put(PEND, 5);
    check_status(&status, INTERNAL, HANDLER, EXECUTED);
    cr_assert_not_null(strstr(status.message, "returned PENDING"));
    cr_assert_not(vault_has(5));
    vault_expect_told(0, 5, false);
    on_node(vault.server.node, finish_now, NULL);
    status = vault_put(WELL, 6);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(server_stats(&vault.server).running, 0);
    vault_close();
}

/* It ran, and its effect is there: the caller is told so, if not what it answered. */
Test(transact, a_reply_that_is_too_large_is_an_error_and_stays_executed)
{
    vault_open(LIST("FrameLimit=8KiB"));
    semel_status status = vault_call(&vault_Vault_methods[vault_Vault_Put_index], 5, 10000);
    check_status(&status, RESOURCE_EXHAUSTED, TOO_LARGE, EXECUTED);
    cr_assert(vault_has(5));
    vault_expect_told(0, 5, true);
    vault_close();
}

Test(transact, a_oneway_is_kept_and_acknowledged)
{
    vault_open(NULL);
    const vault_Slip slip = {.op = 5};
    cr_assert_eq(vault_Vault_Tell(vault.client.channel, &slip, NULL), SEMEL_OK);
    cr_assert_eq(semel_channel_flush(vault.client.channel, 50000), SEMEL_OK);
    cr_assert(vault_has(5));
    vault_expect_told(0, 5, true);
    cr_assert_eq(server_stats(&vault.server).oneways_acknowledged, 1);
    vault.end = REFUSE;
    cr_assert_eq(vault_Vault_Tell(vault.client.channel, &(const vault_Slip){.op = 6}, NULL), SEMEL_OK);
    cr_assert_eq(semel_channel_flush(vault.client.channel, 50000), SEMEL_OK);
    cr_assert_not(vault_has(6));
    vault_expect_told(1, 6, false);
    vault_close();
}

/* What it wrote can not be kept; that is its own end, and nobody else's. */
Test(transact, a_handler_that_overlooks_a_full_file_is_refused_alone)
{
    vault_open(NULL);
    semel_status status = vault_put(OVERFLOW, 5);
    check_status(&status, RESOURCE_EXHAUSTED, TABLE_FULL, NOT_EXECUTED);
    vault_expect_told(0, 5, false);
    status = vault_put(WELL, 6);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_not(vault_has(5));
    cr_assert(vault_has(6));
    cr_assert_not(server_stats(&vault.server).inactive);
    vault_close();
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
    vault_open(NULL);
    semel_status status = vault_put(WELL, 0);
    check_status(&status, OK, NONE, EXECUTED);
    on_node(vault.client.node, start_many, &many);
    cr_assert_eq(semel_channel_flush(vault.client.channel, 50000), SEMEL_OK);
    cr_assert_eq(many.ok, 32);
    for (unsigned op = 0; op <= 32; op++) {
        vault_expect_told(op, op, true);
        cr_assert(vault_has(op));
    }
    cr_assert_eq(vault.told_count, 33);
    vault_close();
}

/* ---- what one batch brings ---- */

static void open_with(struct peer *peer)
{
    struct hello hello = peer_some_hello(1);
    turns_take_no_time();
    vault_open(NULL);
    peer_connect(peer, vault.server.uri);
    cr_assert_not(peer_greet(peer, &hello));
}

static struct frame ask_vault(uint64_t seq, const uint8_t *body)
{
    struct frame frame = peer_request(seq, 1, ADD, body, 2);
    frame.method = vault_Vault_methods[vault_Vault_Put_index].id;
    return frame;
}

/* In one turn of the server's loop: it reads them at once. */
static void send_together(struct peer *peer, const struct frame *frames, size_t count)
{
    uint8_t bytes[1024];
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += peer_build(peer, &frames[i], bytes + size, sizeof bytes - size);
    cr_assert(peer_write(peer, bytes, size));
}

static void expect_end(struct peer *peer, uint64_t seq, enum semel_reason reason, enum semel_outcome outcome)
{
    struct frame reply = peer_expect(peer, FRAME_REPLY);
    cr_assert_eq(reply.seq, seq);
    cr_assert_eq(reply.aux, reason, "%s", semel_reason_name((enum semel_reason)reply.aux));
    cr_assert_eq((enum semel_outcome)(reply.flags & FRAME_OUTCOME_MASK), outcome);
}

static const uint8_t op_5[] = {0x08, 0x05};
static const uint8_t op_6[] = {0x08, 0x06};

/* Both kinds in a batch that fails: one is undone, the other has not begun, and asked again both hear the same. */
Test(transact, a_batch_that_fails_ends_all_it_brought_as_not_executed)
{
    struct peer peer;
    open_with(&peer);
    vault.end = LOSE_JOURNAL;
    const struct frame both[] = {peer_request(1, 1, ADD, op_5, sizeof op_5), ask_vault(2, op_6)};
    for (int i = 0; i < 2; i++) {
        send_together(&peer, both, 2);
        struct frame first = peer_expect(&peer, FRAME_REPLY);
        uint64_t other = first.seq == 1 ? 2 : 1;
        cr_assert_eq(first.aux, SEMEL_REASON_INACTIVE);
        cr_assert_eq((int)(first.flags & FRAME_OUTCOME_MASK), SEMEL_OUTCOME_NOT_EXECUTED);
        expect_end(&peer, other, SEMEL_REASON_INACTIVE, SEMEL_OUTCOME_NOT_EXECUTED);
    }
    cr_assert_eq(server_all_runs(&vault.server), 0);
    cr_assert_not(vault_has(6));
    cr_assert_eq(vault.told_count, 1);
    vault_expect_told(0, 6, false);
    peer_close(&peer);
    vault_close();
}

Test(transact, what_is_cancelled_before_its_batch_never_runs)
{
    struct peer peer;
    open_with(&peer);
    const struct frame frames[] = {
        ask_vault(1, op_5), {.type = FRAME_CANCEL, .seq = 1}, ask_vault(2, op_6), ask_vault(1, op_5)};
    send_together(&peer, frames, 3);
    expect_end(&peer, 1, SEMEL_REASON_CANCELLED, SEMEL_OUTCOME_NOT_EXECUTED);
    expect_end(&peer, 2, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    cr_assert_not(vault_has(5));
    cr_assert(vault_has(6));
    cr_assert_eq(vault.told_count, 1);
    send_together(&peer, frames, 2); /* cancelled once more, and asked anew in the same turn: it runs once */
    send_together(&peer, &frames[3], 1);
    expect_end(&peer, 1, SEMEL_REASON_CANCELLED, SEMEL_OUTCOME_NOT_EXECUTED);
    expect_end(&peer, 1, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    cr_assert(vault_has(5));
    cr_assert_eq(vault.told_count, 2);
    peer_close(&peer);
    vault_close();
}

/* Only a client that lies acknowledges what has not been answered: nothing is left of it, and nothing is told. */
Test(transact, what_is_acknowledged_before_its_batch_never_runs)
{
    struct peer peer;
    open_with(&peer);
    const struct frame frames[] = {ask_vault(1, op_5), {.type = FRAME_PING, .seq = 2}, ask_vault(2, op_6)};
    send_together(&peer, frames, 3);
    expect_end(&peer, 2, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    cr_assert_not(vault_has(5));
    cr_assert_eq(vault.told_count, 1);
    send_together(&peer, frames, 1);
    expect_end(&peer, 1, SEMEL_REASON_STALE, SEMEL_OUTCOME_UNKNOWN);
    cr_assert_not(vault_has(5));
    peer_close(&peer);
    vault_close();
}

/* ---- who is told ---- */

/* What handlers write in a transaction of this gate is nowhere. */
static struct MDB_txn *enter(struct store *store)
{
    return (struct MDB_txn *)store;
}

static bool leave(struct store *store, bool keep)
{
    (void)store;
    (void)keep;
    return true;
}

/* A server on a gate that its handlers join. */
static void open_at_gate(struct gate *gate, struct server *server, const struct vault_Vault_handlers *handlers)
{
    static struct store_ops joinable;
    gate_init(gate);
    joinable = *gate->store.ops;
    joinable.enter = enter;
    joinable.leave = leave;
    gate->store.ops = &joinable;
    gate_serve(gate, server, NULL, loopback_tcp());
    cr_assert_eq(vault_Vault_serve(server->semel, handlers, NULL), SEMEL_OK);
}

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * S_IN_NS + now.tv_nsec;
}

static atomic_uint runs_of_5;
static semel_request *left_pending;

/* Op 4 takes a slice of the loop for itself; op 5 is left pending once. */
static enum semel_code take_a_slice_or_pend(semel_request *request, vault_Slip *in, vault_Slip *out, void *user)
{
    (void)out;
    (void)user;
    int64_t end_ns = clock_ns() + SLICE_NS;
    while (in->op == 4 && clock_ns() < end_ns)
        ;
    if (in->op != 5)
        return SEMEL_OK;
    left_pending = request;
    return atomic_fetch_add(&runs_of_5, 1) == 0 ? SEMEL_PENDING : SEMEL_OK;
}

static void finish_left(void *arg)
{
    (void)arg;
    vault_Vault_Set_reply(left_pending, &(const vault_Slip){.op = 5});
}

/* A request that may run again waits for the transaction of its batch, and for the next one, since another takes all of
 * a slice; meanwhile its client is back.  Pending there, it ends without a record: who has not asked on this connection
 * is told nothing, for it will ask, and that runs and has an answer of its own. */
Test(transact, a_handler_that_pends_is_told_only_where_it_was_asked_for)
{
    static const struct vault_Vault_handlers handlers = {.Put = take_a_slice_or_pend,
                                                         .Set = take_a_slice_or_pend};
    static const uint8_t op_4[] = {0x08, 0x04};
    struct gate gate;
    struct server server;
    struct peer old, new;
    open_at_gate(&gate, &server, &handlers);
    struct hello hello = peer_some_hello(1);
    peer_connect(&old, server.uri);
    cr_assert_not(peer_greet(&old, &hello));
    gate_shut(&gate);
    struct frame set = ask_vault(3, op_5), put = ask_vault(2, op_4),
                 add = peer_request(1, 1, ADD, op_6, sizeof op_6);
    set.method = vault_Vault_methods[vault_Vault_Set_index].id;
    set.flags = FRAME_IDEMPOTENT;
    peer_send(&old, &add);
    gate_wait(&gate, 1);
    peer_send(&old, &put);
    peer_send(&old, &set);
    server_wait_stat(&server, offsetof(struct semel_server_stats, requests), 3);
    hello = peer_next_hello(&old);
    peer_connect(&new, server.uri);
    peer_send_hello(&new, &hello);
    peer_expect_end(&old);
    gate_open(&gate, STORE_COMMITTED);
    cr_assert(peer_take_welcome(&new), "resumed");
    while (atomic_load(&runs_of_5) == 0)
        ;
    on_node(server.node, finish_left, NULL);
    peer_send(&new, &put);
    expect_end(&new, 2, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    peer_send(&new, &set);
    expect_end(&new, 3, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    cr_assert_eq(atomic_load(&runs_of_5), 2);
    peer_close(&old);
    peer_close(&new);
    server_close(&server);
    gate_fini(&gate);
}

/* ---- when it goes wrong ---- */

/* A batch for which there is no memory: its handlers are undone, whoever else writes does not wait, nothing runs. */
Test(transact, a_batch_that_can_not_be_sealed_undoes_its_handlers_at_once)
{
    vault_open(NULL);
    semel_status status = vault_put(WELL, 5);
    check_status(&status, OK, NONE, EXECUTED);
    vault.end = LOSE_JOURNAL;
    status = vault_call(&vault_Vault_methods[vault_Vault_Put_index], 6, 0);
    check_status(&status, UNAVAILABLE, INACTIVE, NOT_EXECUTED);
    cr_assert(vault_has(5));
    cr_assert_not(vault_has(6));
    vault_expect_told(1, 6, false);
    cr_assert(server_stats(&vault.server).inactive);
    vault_close();
}

/* A handler must not close its server, nor may what it asked to be told. */
Test(transact, closing_the_server_when_told_is_a_bug, .signal = SIGABRT)
{
    vault_open(NULL);
    vault_remove_files(); /* they live as long as they are open, and nobody comes back */
    (void)vault_put(CLOSE_WHEN_TOLD, 5);
}
