/* The phases of a worker, and for each what a failure means.  Control calls wait, so that they fail only when the
 * answer is lost for good; then the worker asks how things stand.  Asking for a task gives up.  Log lines are sent and
 * forgotten.  Chunks are sent until they are there.
 * It must not know: command lines.
 * Reads best next: upload.c, lines.c, test.c. */
#include "runner.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "say.h"
#include "summary.h"
#include "tasks.h"
#include "test.h"
#include "upload.h"
#include "worker.semel.h"

/* How long it waits in the end for receipts of log lines that have arrived. */
enum { RECEIPTS_MS = 10000 };
/* Before a call is made again that an overloaded server did not take. */
#define PAUSE_S 0.5

enum phase { REGISTERING, ASKING, RUNNING, SENDING, FINISHING, LOOKING, LEAVING, ENDED, PHASE_COUNT };

static const bool may_follow[PHASE_COUNT][PHASE_COUNT] = {
    [REGISTERING] = {[ASKING] = true, [RUNNING] = true, [ENDED] = true},
    [ASKING] = {[RUNNING] = true, [REGISTERING] = true, [LEAVING] = true, [ENDED] = true},
    [RUNNING] = {[SENDING] = true, [ENDED] = true},
    [SENDING] = {[FINISHING] = true, [ASKING] = true, [ENDED] = true},
    [FINISHING] = {[ASKING] = true, [LOOKING] = true, [ENDED] = true},
    [LOOKING] = {[ASKING] = true, [FINISHING] = true, [ENDED] = true},
    [LEAVING] = {[ENDED] = true},
};

struct runner {
    const struct runner_settings *settings;
    struct ev_loop *loop;
    semel_channel *channel;
    enum phase phase;
    bool well;
    bool registered;
    struct summary summary;
    demo_Task task;
    char path[PATH_MAX]; /* of its output */
    char verdict[TEST_VERDICT_MAX];
    char (*ran)[TASK_NAME_MAX]; /* every task that was ever run here */
    size_t ran_count;
    struct test test;
    struct upload upload;
    struct lines lines;
    ev_timer pause;
    void (*resume)(struct runner *runner); /* after the pause */
};

static void enter(struct runner *runner, enum phase phase)
{
    assert(may_follow[runner->phase][phase]);
    runner->phase = phase;
}

static void end(struct runner *runner, bool well)
{
    enter(runner, ENDED);
    runner->well = well;
    ev_break(runner->loop, EVBREAK_ALL);
}

/* It cannot go on; what is wrong is told whole. */
static void give_up(struct runner *runner, const char *what, const semel_status *status)
{
    char text[8192];
    semel_status_explain(status, text, sizeof text);
    fprintf(stderr, "worker: %s\n%s\n", what, text);
    end(runner, false);
}

static void fail(struct runner *runner, const char *what, const char *why)
{
    fprintf(stderr, "worker: %s: %s\n", what, why);
    end(runner, false);
}

/* Whether the server's own answer ended the call: then asking again would not help. */
static bool answered(const semel_status *status)
{
    return status->reason == SEMEL_REASON_HANDLER || status->reason == SEMEL_REASON_DECLARED_ERROR;
}

static void on_pause(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)events;
    struct runner *runner = timer->data;
    if (runner->phase != ENDED)
        runner->resume(runner);
}

/* A call that waits for the server can still fail while the server is there, and has too much to do (retries have a
 * budget) or no room.  Then it is made again later; what would fail again for ever ends the worker. */
static void again_later(struct runner *runner, void (*resume)(struct runner *), const char *what,
                        const semel_status *status)
{
    bool passing = status->code == SEMEL_UNAVAILABLE || status->code == SEMEL_RESOURCE_EXHAUSTED;
    if (!passing) {
        give_up(runner, what, status);
        return;
    }
    say("%s: %s; once more", what,
        status->message[0] != '\0' ? status->message : semel_reason_text(status->reason));
    runner->resume = resume;
    ev_timer_set(&runner->pause, PAUSE_S, 0.);
    ev_timer_start(runner->loop, &runner->pause);
}

/* Another answer of a server that is there will not come of asking again. */
static void failed(struct runner *runner, void (*resume)(struct runner *), const char *what,
                   const semel_status *status)
{
    if (answered(status))
        give_up(runner, what, status);
    else
        again_later(runner, resume, what, status);
}

static void ask(struct runner *runner);
static void finish(struct runner *runner);
static void send_register(struct runner *runner);

/* ---- running: the test prints, its lines are sent and forgotten ---- */

static bool has_run(const struct runner *runner, const char *name)
{
    for (size_t i = 0; i < runner->ran_count; i++)
        if (strcmp(runner->ran[i], name) == 0)
            return true;
    return false;
}

static bool remember(struct runner *runner)
{
    void *ran = realloc(runner->ran, (runner->ran_count + 1) * sizeof *runner->ran);
    if (ran == NULL)
        return false;
    runner->ran = ran;
    memcpy(runner->ran[runner->ran_count++], runner->task.name, sizeof runner->task.name);
    if (runner->settings->journal != NULL)
        book_write(runner->settings->journal, "RUN %s", runner->task.name);
    return true;
}

/* Never twice, whatever a server says; and what it says becomes a file name. */
static const char *prepare(struct runner *runner)
{
    const char *name = runner->task.name;
    if (!tasks_name_valid(name, sizeof runner->task.name))
        return "its name cannot be";
    if (has_run(runner, name))
        return "it has run here already";
    int length = snprintf(runner->path, sizeof runner->path, "%s/%s.out", runner->settings->folder, name);
    if ((size_t)length >= sizeof runner->path)
        return "the path of the folder is too long";
    return remember(runner) ? NULL : "out of memory";
}

static void run(struct runner *runner, const demo_Task *task)
{
    runner->task = *task;
    enter(runner, RUNNING);
    const char *wrong = prepare(runner);
    if (wrong != NULL) {
        fail(runner, "this task is not taken", wrong);
        return;
    }
    say("running %s", task->name);
    int error = test_start(&runner->test, task->command, runner->path, runner->settings->patience_s);
    if (error != 0)
        fail(runner, runner->path, strerror(error));
}

static void on_line(const char *text, void *user)
{
    struct runner *runner = user;
    lines_send(&runner->lines, text);
}

static void send_result(struct runner *runner)
{
    int error = upload_start(&runner->upload, runner->task.name, runner->path);
    if (error != 0)
        fail(runner, runner->path, strerror(error));
    else if (runner->upload.under_way == 0)
        finish(runner);
}

static void on_test_ended(const char *verdict, void *user)
{
    struct runner *runner = user;
    if (runner->phase == ENDED)
        return;
    memcpy(runner->verdict, verdict, strlen(verdict) + 1);
    say("ended %s: %s, %" PRIu64 " bytes", runner->task.name, verdict, runner->test.bytes);
    enter(runner, SENDING);
    send_result(runner);
}

/* ---- delivering ---- */

static void refused_as_late(struct runner *runner)
{
    runner->summary.late++;
    say("late %s: the server has closed it, and refuses the result", runner->task.name);
    ask(runner);
}

static void delivered(struct runner *runner)
{
    runner->summary.done++;
    say("delivered %s", runner->task.name);
    ask(runner);
}

static void on_uploaded(enum upload_end how, void *user)
{
    struct runner *runner = user;
    if (runner->phase == ENDED)
        return;
    if (how == UPLOAD_STORED)
        finish(runner);
    else if (how == UPLOAD_LATE)
        refused_as_late(runner);
    else if (runner->upload.why.code == SEMEL_OK)
        fail(runner, runner->path, "it cannot be read and sent");
    else
        again_later(runner, send_result, "the result cannot be stored", &runner->upload.why);
}

static void look(struct runner *runner);

static void settle(struct runner *runner, demo_TaskState state)
{
    runner->summary.looked++;
    if (state == demo_TaskState_TASK_HANDED)
        finish(runner); /* the call that was lost never ran: it is another call, and again at most once */
    else if (state == demo_TaskState_TASK_DONE)
        delivered(runner);
    else
        refused_as_late(runner);
}

static void on_looked(const demo_LookReply *reply, const semel_status *status, void *user)
{
    struct runner *runner = user;
    if (runner->phase == ENDED)
        return;
    if (status->code != SEMEL_OK)
        failed(runner, look, "it cannot be told whether the task is finished", status);
    else if (!reply->yours)
        fail(runner, runner->task.name, "the server has forgotten who has it");
    else
        settle(runner, reply->state);
}

static void look(struct runner *runner)
{
    demo_LookRequest in;
    memcpy(in.task, runner->task.name, sizeof in.task);
    snprintf(in.worker, sizeof in.worker, "%s", runner->settings->id);
    if (demo_TestServer_Look_start(runner->channel, &in, NULL, NULL, on_looked, runner) != SEMEL_OK)
        fail(runner, "Look", "it cannot be started");
}

/* The answer to Finish is lost.  It must not be sent again blindly: the server is asked what became of it. */
static void look_first(struct runner *runner)
{
    enter(runner, LOOKING);
    say("unknown whether %s is finished: looking", runner->task.name);
    look(runner);
}

static void on_finished(const demo_FinishReply *reply, const demo_TestServer_Finish_error *error,
                        const semel_status *status, void *user)
{
    struct runner *runner = user;
    (void)reply;
    if (runner->phase == ENDED)
        return;
    if (status->code == SEMEL_OK)
        delivered(runner);
    else if (error != NULL && error->which == demo_TestServer_Finish_error_TaskClosed)
        refused_as_late(runner);
    else if (answered(status))
        give_up(runner, "the server does not take the result", status);
    else
        look_first(runner);
}

static void finish(struct runner *runner)
{
    demo_FinishRequest in = {.size = runner->upload.size, .digest = upload_digest(&runner->upload)};
    memcpy(in.task, runner->task.name, sizeof in.task);
    memcpy(in.verdict, runner->verdict, sizeof in.verdict);
    snprintf(in.worker, sizeof in.worker, "%s", runner->settings->id);
    enter(runner, FINISHING);
    if (demo_TestServer_Finish_start(runner->channel, &in, NULL, NULL, on_finished, runner) != SEMEL_OK)
        fail(runner, "Finish", "it cannot be started");
}

/* ---- asking for a task ---- */

/* It may have been handed out all the same: the next Register waits for the server, and tells. */
static void gave_up_asking(struct runner *runner, const semel_status *status)
{
    runner->summary.gave_up[status->outcome]++;
    say("gave up asking: %s, outcome %s; waiting for the server", semel_code_name(status->code),
        semel_outcome_name(status->outcome));
    enter(runner, REGISTERING);
    send_register(runner);
}

static void on_next_task(const demo_NextTaskReply *reply, const semel_status *status, void *user)
{
    struct runner *runner = user;
    if (runner->phase == ENDED)
        return;
    runner->summary.asked += status->code == SEMEL_OK;
    if (answered(status)) {
        give_up(runner, "the server hands out nothing", status);
    } else if (status->code != SEMEL_OK) {
        gave_up_asking(runner, status);
    } else if (reply->has_next) {
        run(runner, &reply->next);
    } else {
        enter(runner, LEAVING);
        send_register(runner);
    }
}

static void ask(struct runner *runner)
{
    demo_NextTaskRequest in;
    snprintf(in.worker, sizeof in.worker, "%s", runner->settings->id);
    enter(runner, ASKING);
    if (demo_TestServer_NextTask_start(runner->channel, &in, NULL, NULL, on_next_task, runner) != SEMEL_OK)
        fail(runner, "NextTask", "it cannot be started");
}

/* ---- control: who is this worker, what does it hold ---- */

static void go_on(struct runner *runner, const demo_RegisterReply *reply)
{
    if (!runner->registered)
        say("registered as %s", runner->settings->id);
    runner->registered = true;
    if (reply->has_held) {
        runner->summary.found++;
        say("found %s: it was handed out, and the answer was lost", reply->held.name);
        run(runner, &reply->held);
    } else {
        ask(runner);
    }
}

static void on_registered(const demo_RegisterReply *reply, const semel_status *status, void *user)
{
    struct runner *runner = user;
    if (runner->phase == ENDED)
        return;
    if (status->code != SEMEL_OK) {
        failed(runner, send_register, "the server does not register it", status);
        return;
    }
    runner->summary.arrived = reply->log_lines;
    if (runner->phase == REGISTERING)
        go_on(runner, reply);
    else
        end(runner, true); /* what was sent before this call was taken before it, or never will be */
}

static void send_register(struct runner *runner)
{
    demo_RegisterRequest in;
    snprintf(in.worker, sizeof in.worker, "%s", runner->settings->id);
    if (demo_TestServer_Register_start(runner->channel, &in, NULL, NULL, on_registered, runner) != SEMEL_OK)
        fail(runner, "Register", "it cannot be started");
}

/* ---- from its start to its end ---- */

struct runner *runner_create(const struct runner_settings *settings, struct ev_loop *loop,
                             semel_channel *channel)
{
    struct runner *runner = calloc(1, sizeof *runner);
    if (runner == NULL)
        return NULL;
    runner->settings = settings;
    runner->loop = loop;
    runner->channel = channel;
    runner->test = (struct test){.loop = loop, .line = on_line, .ended = on_test_ended, .user = runner};
    runner->upload = (struct upload){
        .channel = channel, .worker = settings->id, .fd = -1, .ended = on_uploaded, .user = runner};
    runner->lines = (struct lines){.channel = channel, .worker = settings->id};
    lines_init(&runner->lines);
    ev_timer_init(&runner->pause, on_pause, 0., 0.);
    runner->pause.data = runner;
    return runner;
}

bool runner_run(struct runner *runner)
{
    send_register(runner);
    if (runner->phase != ENDED)
        ev_run(runner->loop, 0);
    test_stop(&runner->test);
    ev_timer_stop(runner->loop, &runner->pause);
    if (!runner->well)
        return false;
    struct semel_channel_stats stats;
    if (semel_channel_flush(runner->channel, RECEIPTS_MS) != SEMEL_OK)
        say("some receipts did not come in time");
    semel_channel_get_stats(runner->channel, &stats);
    summary_print(&runner->summary, &runner->upload, &stats, runner->lines.sent);
    return true;
}

void runner_stop(struct runner *runner)
{
    if (runner->phase != ENDED)
        end(runner, false);
}

void runner_destroy(struct runner *runner)
{
    upload_fini(&runner->upload);
    free(runner->ran);
    free(runner);
}
