/* Recovery functions: what goes out when, how a run ends, and what the calls that waited for it are told.  The server
 * is a peer that sees every frame in its order.
 *
 * Reads best next: semel/recovery.h; recovery_cut_test.c, where connections break anywhere. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "peer.h"

TestSuite(recovery, .timeout = 60);

static const uint32_t at_once[] = {0, 0, 0, 0, 0, 0};
static const semel_call_options patient = OPTIONS(15000, at_once, 6, SEMEL_ON_UNAVAILABLE_FAIL);

enum ending { CONTINUE, GIVE_UP, LATER };

/* What a recovery does: a chain of calls, each started by the callback of the one before, then its end.  Used on the
 * node's thread only. */
struct script {
    unsigned first_op;
    unsigned length;
    enum ending ending;
    unsigned runs;
    unsigned resumed; /* of these */
    unsigned failed_steps;
    semel_status step_status; /* of the last one */
};

struct step {
    struct script *script;
    semel_recovery *run;
    unsigned taken;
};

static void take_step(struct step *step);

static void end(struct script *script, semel_recovery *run, bool worked)
{
    if (script->ending == CONTINUE && worked)
        semel_recovery_continue(run);
    else if (script->ending != LATER)
        semel_recovery_give_up(run);
}

static void on_step(const probe_Reply *reply, const semel_status *status, void *user)
{
    struct step *step = user;
    (void)reply;
    step->script->step_status = *status;
    if (status->code == SEMEL_OK && step->taken < step->script->length) {
        take_step(step);
        return;
    }
    step->script->failed_steps += status->code != SEMEL_OK;
    end(step->script, step->run, status->code == SEMEL_OK);
    free(step);
}

static void take_step(struct step *step)
{
    probe_Request in = {.op = step->script->first_op + step->taken++};
    cr_assert(probe_Probe_Add_start(semel_recovery_channel(step->run), &in, &patient, NULL, on_step, step) ==
              SEMEL_OK);
}

static void recover(semel_recovery *run, void *user)
{
    struct script *script = user;
    script->runs++;
    script->resumed += semel_recovery_resumed(run);
    if (script->length == 0) {
        end(script, run, true);
        return;
    }
    struct step *step = malloc(sizeof *step);
    cr_assert(step != NULL);
    *step = (struct step){script, run, 0};
    take_step(step);
}

/* A client with a recovery, and the server that it sees. */
struct stage {
    struct client client;
    struct peer server;
    int listener;
    struct script script;
};

static void stage_open(struct stage *stage, unsigned length, enum ending ending)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    memset(stage, 0, sizeof *stage);
    stage->script = (struct script){.first_op = 100, .length = length, .ending = ending};
    stage->listener = peer_listen(uri);
    client_open(&stage->client, NULL, uri);
    semel_channel_attach_recovery(stage->client.channel, recover, &stage->script);
}

static void stage_close(struct stage *stage)
{
    client_close(&stage->client);
    peer_close(&stage->server);
    close(stage->listener);
}

static unsigned op_of(const struct frame *frame)
{
    unsigned op = 0;
    cr_assert(frame->body_size >= 2 && frame->body[0] == 8);
    for (size_t i = 1, shift = 0; i < frame->body_size; i++, shift += 7) {
        op |= (frame->body[i] & 127u) << shift;
        if ((frame->body[i] & 128u) == 0)
            break;
    }
    return op;
}

/* The next request is this one. */
static struct frame expect_op(struct stage *stage, unsigned op)
{
    struct frame request = peer_expect(&stage->server, FRAME_REQUEST);
    cr_assert_eq(op_of(&request), op, "%u came, not %u", op_of(&request), op);
    return request;
}

static void serve_op(struct stage *stage, unsigned op)
{
    struct frame request = expect_op(stage, op);
    peer_reply_ok(&stage->server, &request, "", 0);
}

/* Connects, and leaves this call written and unanswered. */
static uint64_t begin_with(struct stage *stage, struct watch *watch, unsigned op)
{
    struct welcome welcome = peer_some_welcome();
    watch_start(watch, &stage->client, ADD, op, &patient);
    peer_serve(&stage->server, stage->listener, &welcome, false);
    return expect_op(stage, op).seq;
}

/* The connection breaks; the client comes back and waits for WELCOME. */
static void cut(struct stage *stage)
{
    peer_close(&stage->server);
    peer_accept(&stage->server, stage->listener);
    peer_take_hello(&stage->server);
}

static void welcome_back(struct stage *stage, bool resumed)
{
    struct welcome welcome = peer_some_welcome();
    peer_welcome(&stage->server, &welcome, resumed);
}

static void check_ok(struct watch *watch)
{
    check_status(watch_wait(watch), OK, NONE, EXECUTED);
}

/* ---- order ---- */

Test(recovery, its_calls_come_before_replays_and_before_what_was_started_meanwhile)
{
    struct stage stage;
    struct watch watches[4];
    stage_open(&stage, 3, CONTINUE);
    uint64_t seq = begin_with(&stage, &watches[0], 1);
    watch_start(&watches[1], &stage.client, SET, 2, &patient);
    expect_op(&stage, 2);
    cut(&stage);
    watch_start(&watches[2], &stage.client, ADD, 3, &patient);
    welcome_back(&stage, true);
    serve_op(&stage, 100);
    watch_start(&watches[3], &stage.client, ADD, 4, &patient);
    serve_op(&stage, 101);
    serve_op(&stage, 102);
    struct frame replay = expect_op(&stage, 1);
    cr_assert_eq(replay.seq, seq);
    peer_reply_ok(&stage.server, &replay, "", 0);
    for (unsigned op = 2; op <= 4; op++)
        serve_op(&stage, op);
    for (int i = 0; i < 4; i++)
        check_ok(&watches[i]);
    cr_assert_eq(watches[0].status.replays, 1);
    cr_assert_eq(client_stats(&stage.client).recoveries, 1);
    cr_assert_eq(semel_channel_recoveries(stage.client.channel), 1);
    stage_close(&stage);
    cr_assert_eq(stage.script.runs, 1);
    cr_assert_eq(stage.script.resumed, 1);
}

Test(recovery, the_first_connection_needs_none)
{
    struct stage stage;
    struct watch watch;
    stage_open(&stage, 1, CONTINUE);
    begin_with(&stage, &watch, 1);
    cr_assert_eq(client_stats(&stage.client).recoveries, 0);
    stage_close(&stage);
    cr_assert_eq(stage.script.runs, 0);
}

Test(recovery, a_new_session_is_told_as_new_and_judged_afterwards)
{
    struct stage stage;
    struct watch written, waiting;
    stage_open(&stage, 1, CONTINUE);
    begin_with(&stage, &written, 1);
    cut(&stage);
    watch_start(&waiting, &stage.client, ADD, 2, &patient);
    welcome_back(&stage, false);
    struct frame login = expect_op(&stage, 100);
    cr_assert_eq(watch_times(&written), 0, "judged before the recovery has ended");
    peer_reply_ok(&stage.server, &login, "", 0);
    serve_op(&stage, 2);
    check_status(watch_wait(&written), UNAVAILABLE, SESSION_NEW, UNKNOWN);
    check_ok(&waiting);
    stage_close(&stage);
    cr_assert_eq(stage.script.runs, 1);
    cr_assert_eq(stage.script.resumed, 0);
}

/* ---- giving up ---- */

Test(recovery, giving_up_surfaces_the_original_failure)
{
    struct stage stage;
    struct watch held, ready, later;
    char text[4096];
    stage_open(&stage, 1, GIVE_UP);
    begin_with(&stage, &held, 1);
    cut(&stage);
    watch_start(&ready, &stage.client, ADD, 2, &patient);
    welcome_back(&stage, true);
    serve_op(&stage, 100);
    check_status(watch_wait(&held), UNAVAILABLE, PEER_CLOSED, UNKNOWN);
    check_status(watch_wait(&ready), UNAVAILABLE, RECOVERY_GAVE_UP, NOT_EXECUTED);
    cr_assert_eq(held.status.rule, SEMEL_RULE_R11);
    cr_assert_eq(held.status.denied, SEMEL_REASON_RECOVERY_GAVE_UP);
    cr_assert_eq(held.status.attempts, 1);
    semel_status_explain(&held.status, text, sizeof text);
    cr_assert(strstr(text, "the recovery function gave up") != NULL, "%s", text);
    cr_assert(strstr(text, "session resumed") != NULL, "%s", text);
    watch_start(&later, &stage.client, ADD, 3, &patient);
    serve_op(&stage, 3);
    check_ok(&later);
    cr_assert_eq(client_stats(&stage.client).connections, 2);
    stage_close(&stage);
}

Test(recovery, a_run_may_end_inside_its_function)
{
    struct stage stage;
    struct watch watch;
    stage_open(&stage, 0, CONTINUE);
    begin_with(&stage, &watch, 1);
    cut(&stage);
    welcome_back(&stage, true);
    expect_op(&stage, 1);
    stage.script.ending = GIVE_UP; /* read when the next run begins, after the next WELCOME */
    cut(&stage);
    welcome_back(&stage, true);
    check_status(watch_wait(&watch), UNAVAILABLE, PEER_CLOSED, UNKNOWN);
    stage_close(&stage);
    cr_assert_eq(stage.script.runs, 2);
}

/* ---- breaks ---- */

Test(recovery, a_connection_lost_within_begins_it_anew)
{
    struct stage stage;
    struct watch held;
    stage_open(&stage, 2, CONTINUE);
    begin_with(&stage, &held, 1);
    cut(&stage);
    welcome_back(&stage, true);
    serve_op(&stage, 100);
    expect_op(&stage, 101);
    cut(&stage);
    welcome_back(&stage, true);
    serve_op(&stage, 100);
    serve_op(&stage, 101);
    serve_op(&stage, 1); /* and nothing of the run that was cut short */
    check_ok(&held);
    stage_close(&stage);
    cr_assert_eq(stage.script.runs, 2);
    cr_assert_eq(stage.script.failed_steps, 1);
}

/* A server that closes at the recovery's call must not be dialled in a circle: that is an attempt of those who wait. */
/* The server has forgotten what was written, and its connection breaks before anybody was judged by that: the next one
 * resumes a session that never knew the call. */
Test(recovery, what_a_new_session_has_forgotten_stays_forgotten)
{
    struct stage stage;
    struct watch written;
    stage_open(&stage, 1, CONTINUE);
    begin_with(&stage, &written, 1);
    cut(&stage);
    welcome_back(&stage, false);
    expect_op(&stage, 100);
    cut(&stage);
    welcome_back(&stage, true);
    serve_op(&stage, 100);
    check_status(watch_wait(&written), UNAVAILABLE, SESSION_NEW, UNKNOWN);
    cr_assert_eq(written.status.replays, 0);
    stage_close(&stage);
    cr_assert_eq(stage.script.runs, 2);
    cr_assert_eq(stage.script.resumed, 0, "nor has the application recovered what the first run was for");
}

Test(recovery, each_break_within_is_an_attempt_of_those_who_wait)
{
    static const semel_call_options twice = OPTIONS(15000, at_once, 2, SEMEL_ON_UNAVAILABLE_FAIL);
    struct stage stage;
    struct watch held;
    struct welcome welcome = peer_some_welcome();
    stage_open(&stage, 1, CONTINUE);
    watch_start(&held, &stage.client, ADD, 1, &twice);
    peer_serve(&stage.server, stage.listener, &welcome, false);
    expect_op(&stage, 1);
    for (int i = 0; i < 2; i++) {
        cut(&stage);
        welcome_back(&stage, true);
        expect_op(&stage, 100);
    }
    peer_close(&stage.server);
    check_status(watch_wait(&held), UNAVAILABLE, NO_VERDICT, UNKNOWN);
    cr_assert_eq(held.status.attempts, 3);
    client_close(&stage.client);
    close(stage.listener);
    check_status(&stage.script.step_status, UNAVAILABLE, PEER_CLOSED, UNKNOWN);
}

Test(recovery, a_server_that_drains_within_is_left)
{
    struct stage stage;
    struct watch held;
    stage_open(&stage, 2, CONTINUE);
    begin_with(&stage, &held, 1);
    cut(&stage);
    welcome_back(&stage, true);
    struct frame first = expect_op(&stage, 100);
    peer_send(&stage.server, &(struct frame){.type = FRAME_GOAWAY});
    peer_expect(&stage.server, FRAME_BYE);
    peer_reply_ok(&stage.server, &first, "", 0);
    cut(&stage);
    welcome_back(&stage, true);
    serve_op(&stage, 100);
    serve_op(&stage, 101);
    serve_op(&stage, 1);
    check_ok(&held);
    stage_close(&stage);
    cr_assert_eq(stage.script.runs, 2);
}

Test(recovery, a_channel_closed_within_ends_its_calls_and_its_run)
{
    for (unsigned length = 0; length <= 1; length++) {
        struct stage stage;
        struct watch held;
        stage_open(&stage, length, LATER);
        begin_with(&stage, &held, 1);
        cut(&stage);
        welcome_back(&stage, true);
        if (length > 0)
            expect_op(&stage, 100);
        while (client_stats(&stage.client).recoveries == 0)
            ;
        client_close(&stage.client);
        check_status(watch_wait(&held), CANCELLED, CHANNEL_CLOSED, UNKNOWN);
        cr_assert_eq(stage.script.failed_steps, length);
        peer_close(&stage.server);
        close(stage.listener);
    }
}

static void end_late(void *script)
{
    ((struct script *)script)->ending = CONTINUE;
}

Test(recovery, who_waits_for_it_waits_no_longer_than_its_deadline)
{
    static const semel_call_options brief = OPTIONS(300, at_once, 6, SEMEL_ON_UNAVAILABLE_FAIL);
    struct stage stage;
    struct watch held, ready;
    stage_open(&stage, 1, LATER);
    begin_with(&stage, &held, 1);
    cut(&stage);
    watch_start(&ready, &stage.client, ADD, 2, &brief);
    welcome_back(&stage, true);
    struct frame login = expect_op(&stage, 100);
    check_status(watch_wait(&ready), DEADLINE_EXCEEDED, DEADLINE, NOT_EXECUTED);
    watch_cancel(&held, &stage.client);
    check_status(watch_wait(&held), CANCELLED, CANCELLED, UNKNOWN);
    on_node(stage.client.node, end_late, &stage.script);
    peer_reply_ok(&stage.server, &login, "", 0);
    watch_start(&ready, &stage.client, ADD, 3, &patient);
    serve_op(&stage, 3);
    check_ok(&ready);
    stage_close(&stage);
}

/* ---- the window ---- */

Test(recovery, a_window_full_of_held_calls_does_not_lock_it_out)
{
    enum { HELD = 30 };
    static struct watch watches[HELD];
    struct stage stage;
    struct welcome welcome = peer_some_welcome();
    welcome.window = 20;
    stage_open(&stage, 1, CONTINUE);
    for (unsigned i = 0; i < HELD; i++)
        watch_start(&watches[i], &stage.client, ADD, i + 1, &patient);
    peer_serve(&stage.server, stage.listener, &welcome, false);
    expect_op(&stage, 1);
    cut(&stage);
    peer_welcome(&stage.server, &welcome, true);
    serve_op(&stage, 100);
    for (unsigned op = 1; op <= HELD; op++)
        serve_op(&stage, op);
    for (unsigned i = 0; i < HELD; i++)
        check_ok(&watches[i]);
    stage_close(&stage);
}

/* Refused at once, it gives up. */
static void try_to_recover(semel_recovery *run, void *user)
{
    probe_Request in = {.op = 100};
    enum semel_code *code = user;
    *code = probe_Probe_Add_start(semel_recovery_channel(run), &in, &patient, NULL, NULL, NULL);
    semel_recovery_give_up(run);
}

/* It waited for a place in the window, and those who held all of them waited for it. */
Test(recovery, a_call_without_a_place_in_the_window_is_refused_at_once)
{
    enum { HELD = 4 };
    struct watch watches[HELD];
    struct stage stage;
    struct welcome welcome = peer_some_welcome();
    enum semel_code code = SEMEL_OK;
    welcome.window = HELD;
    stage_open(&stage, 1, CONTINUE);
    semel_channel_attach_recovery(stage.client.channel, try_to_recover, &code);
    for (unsigned i = 0; i < HELD; i++)
        watch_start(&watches[i], &stage.client, ADD, i + 1, &patient);
    peer_serve(&stage.server, stage.listener, &welcome, false);
    for (unsigned op = 1; op <= HELD; op++)
        expect_op(&stage, op);
    cut(&stage);
    peer_welcome(&stage.server, &welcome, true);
    for (unsigned i = 0; i < HELD; i++)
        check_status(watch_wait(&watches[i]), UNAVAILABLE, PEER_CLOSED, UNKNOWN);
    cr_assert_eq(code, SEMEL_RESOURCE_EXHAUSTED);
    stage_close(&stage);
}

/* ---- controls ---- */

/* One more break; the call is the first thing to be seen on the new connection, or the recovery is. */
static void come_back(struct stage *stage, unsigned op, bool recovered)
{
    struct watch watch;
    watch_start(&watch, &stage->client, ADD, op, &patient);
    expect_op(stage, op);
    cut(stage);
    welcome_back(stage, true);
    if (recovered)
        serve_op(stage, stage->script.first_op);
    serve_op(stage, op);
    check_ok(&watch);
}

Test(recovery, it_is_suspended_and_enabled_replaced_and_detached)
{
    struct stage stage;
    struct script other = {.first_op = 200, .length = 1, .ending = CONTINUE};
    struct watch watch;
    stage_open(&stage, 1, CONTINUE);
    semel_channel *channel = stage.client.channel;
    struct frame first = {.seq = begin_with(&stage, &watch, 1), .method = probe_Probe_methods[ADD].id};
    peer_reply_ok(&stage.server, &first, "", 0);
    come_back(&stage, 2, true);
    semel_channel_suspend_recovery(channel);
    come_back(&stage, 3, false);
    semel_channel_enable_recovery(channel);
    come_back(&stage, 4, true);
    semel_channel_attach_recovery(channel, NULL, NULL);
    come_back(&stage, 5, false);
    semel_channel_attach_recovery(channel, recover, &other);
    stage.script.first_op = 200;
    come_back(&stage, 6, true);
    cr_assert_eq(semel_channel_recoveries(channel), 3);
    stage_close(&stage);
    cr_assert_eq(stage.script.runs, 2);
    cr_assert_eq(other.runs, 1);
}

Test(recovery, beyond_the_limit_it_gives_up_by_itself_until_the_count_is_reset)
{
    struct stage stage;
    struct watch watch;
    stage_open(&stage, 1, CONTINUE);
    semel_channel *channel = stage.client.channel;
    struct frame first = {.seq = begin_with(&stage, &watch, 1), .method = probe_Probe_methods[ADD].id};
    peer_reply_ok(&stage.server, &first, "", 0);
    semel_channel_limit_recoveries(channel, 2);
    come_back(&stage, 2, true);
    come_back(&stage, 3, true);
    watch_start(&watch, &stage.client, ADD, 4, &patient);
    expect_op(&stage, 4);
    cut(&stage);
    welcome_back(&stage, true);
    check_status(watch_wait(&watch), UNAVAILABLE, PEER_CLOSED, UNKNOWN);
    semel_channel_reset_recoveries(channel);
    cr_assert_eq(semel_channel_recoveries(channel), 0);
    come_back(&stage, 5, true);
    semel_channel_limit_recoveries(channel, 0);
    come_back(&stage, 6, true);
    come_back(&stage, 7, true);
    cr_assert_eq(semel_channel_recoveries(channel), 3);
    cr_assert_eq(client_stats(&stage.client).recoveries, 5);
    stage_close(&stage);
}
