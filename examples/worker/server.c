/* worker-server: hands tasks to workers, stores their results, and may be killed at any moment.  All it must not
 * forget is in two books and a folder of results.
 * It must not know: how often a request was sent.  Never running one twice is the library's work.
 * Reads best next: tasks.h, crew.h, results.h; then worker.c, the other side. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ev.h>
#include <xxhash.h>

#include <semel/semel.h>

#include "crew.h"
#include "withheld.h"
#include "program.h"
#include "results.h"
#include "say.h"
#include "tasks.h"
#include "worker.semel.h"

static char program[] = "worker-server";

/* What the command line says. */
static struct {
    const char *listen;
    const char *tasks;
    const char *state;
    const char *hold;
} settings;

static const char *const holdable[] = {"NextTask", "PutChunk", "Finish", NULL};

static const struct arg options[] = {
    {"--listen", "URI", "tcp://HOST:PORT (port 0: any free one) or unix:PATH", .text = &settings.listen,
     .required = true},
    {"--tasks", "FILE", "lines \"NAME LIMIT_MS COMMAND\": what the workers are to run", .text = &settings.tasks,
     .required = true},
    {"--state", "DIR",
     "remembers there what was handed out and what came of it:\n"
     "journal, log, results/NAME.  A server that is started again\n"
     "goes on from it",
     .text = &settings.state, .required = true},
    {"--hold", "METHOD",
     "do the work of NextTask, PutChunk or Finish, and never answer:\n"
     "so looks a server that dies in between",
     .text = &settings.hold, .choices = holdable},
};

static const struct args args = {
    program,
    "worker-server: hands out each task of a list at most once, and stores the results.\n"
    "It prints \"listening URI\" when it is ready, and then each step.  It may be killed and started again at "
    "any\n"
    "moment.  SIGTERM: it drains and exits with 0.",
    "  worker-server --listen tcp://127.0.0.1:4064 --tasks tests.txt --state state\n",
    NULL,
    options,
    sizeof options / sizeof options[0],
};

_Static_assert(sizeof(((demo_Task *)0)->name) == TASK_NAME_MAX, "worker.options");
_Static_assert(sizeof(((demo_Task *)0)->command) == TASK_COMMAND_MAX, "worker.options");
_Static_assert(sizeof(((demo_RegisterRequest *)0)->worker) == WORKER_ID_MAX, "worker.options");
_Static_assert((int)demo_TaskState_TASK_HANDED == (int)TASKS_HANDED, "worker.proto");
_Static_assert((int)demo_TaskState_TASK_DONE == (int)TASKS_DONE, "worker.proto");
_Static_assert((int)demo_TaskState_TASK_CLOSED == (int)TASKS_CLOSED, "worker.proto");

struct desk {
    semel_node *node;
    semel_server *server;
    struct tasks tasks;
    struct crew crew;
    struct withheld withheld;
    struct book journal;
    struct book log;
    int results_fd;
    ev_timer limit; /* the next time that is over */
    bool draining;
};

/* ---- limits ---- */

/* Closes what is too late, and waits for the next.  Each handler does this first: a result that comes after its time
 * is late, whether or not the timer was served before it. */
static void close_late(struct desk *desk)
{
    struct ev_loop *loop = semel_node_loop(desk->node);
    int64_t now_us = program_now_us();
    struct task *task;
    while ((task = tasks_close_next(&desk->tasks, now_us)) != NULL)
        say("closed %s: its time was over", task->name);
    int64_t next_us = tasks_next_end_us(&desk->tasks);
    ev_timer_stop(loop, &desk->limit);
    if (next_us == INT64_MAX)
        return;
    ev_now_update(loop);
    ev_timer_set(&desk->limit, (double)(next_us - now_us) / 1e6, 0.);
    ev_timer_start(loop, &desk->limit);
}

static void on_limit(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)events;
    close_late(timer->data);
}

/* ---- handlers ---- */

static enum semel_code unknown_worker(semel_request *request)
{
    return semel_request_error(request, SEMEL_PERMISSION_DENIED, "this worker has not registered");
}

static void fill_task(const struct task *task, demo_Task *out)
{
    memcpy(out->name, task->name, sizeof task->name);
    memcpy(out->command, task->command, sizeof task->command);
}

static enum semel_code on_register(semel_request *request, demo_RegisterRequest *in, demo_RegisterReply *out,
                                   void *user)
{
    struct desk *desk = user;
    close_late(desk);
    if (!tasks_name_valid(in->worker, WORKER_ID_MAX))
        return semel_request_error(request, SEMEL_INVALID_ARGUMENT, "a worker is 1 to 48 of a-z, 0-9 and '-'");
    struct crew_member *member = crew_find(&desk->crew, in->worker);
    if (member == NULL)
        member = crew_add(&desk->crew, in->worker);
    if (member == NULL)
        return semel_request_error(request, SEMEL_RESOURCE_EXHAUSTED, "no more than %d workers", CREW_MAX);
    const struct task *held = tasks_held_by(&desk->tasks, in->worker);
    out->has_held = held != NULL;
    if (held != NULL)
        fill_task(held, &out->held);
    out->log_lines = member->log_lines;
    return SEMEL_OK;
}

static enum semel_code on_next_task(semel_request *request, demo_NextTaskRequest *in, demo_NextTaskReply *out,
                                    void *user)
{
    struct desk *desk = user;
    close_late(desk);
    if (crew_find(&desk->crew, in->worker) == NULL)
        return unknown_worker(request);
    const struct task *task = tasks_held_by(&desk->tasks, in->worker);
    if (task != NULL)
        return semel_request_error(request, SEMEL_FAILED_PRECONDITION, "%s is in your hands", task->name);
    task = tasks_hand(&desk->tasks, in->worker, program_now_us());
    out->has_next = task != NULL;
    if (task == NULL)
        return SEMEL_OK;
    close_late(desk); /* its limit may be the next */
    fill_task(task, &out->next);
    say("handed %s to %s", task->name, in->worker);
    return withheld_answer(&desk->withheld, request);
}

enum standing { STANDS, LATE, NOT_YOURS };

/* Whether a worker may still bring something for a task. */
static enum standing stand(struct desk *desk, const char *worker, const char *name, struct task **ret_task)
{
    struct task *task = tasks_find(&desk->tasks, name);
    *ret_task = task;
    if (task == NULL || task->worker[0] == '\0' || strcmp(task->worker, worker) != 0)
        return NOT_YOURS;
    return task->state == TASKS_HANDED ? STANDS : LATE;
}

static enum semel_code not_yours(semel_request *request)
{
    return semel_request_error(request, SEMEL_PERMISSION_DENIED, "this task was not handed to this worker");
}

/* What a late result is told; it leaves a trace in the journal. */
static demo_TaskClosed refuse_late(struct desk *desk, const struct task *task)
{
    demo_TaskClosed error = {.state = (demo_TaskState)task->state};
    memcpy(error.task, task->name, sizeof task->name);
    book_write(&desk->journal, "LATE %s %s", task->name, task->worker);
    say("refused %s: its result is late", task->name);
    return error;
}

static enum semel_code on_put_chunk(semel_request *request, demo_PutChunkRequest *in, demo_PutChunkReply *out,
                                    void *user)
{
    struct desk *desk = user;
    struct task *task;
    (void)out;
    close_late(desk);
    enum standing standing = stand(desk, in->worker, in->task, &task);
    if (standing == NOT_YOURS)
        return not_yours(request);
    if (standing == LATE) {
        demo_TaskClosed error = refuse_late(desk, task);
        return demo_TestServer_PutChunk_raise_TaskClosed(request, SEMEL_FAILED_PRECONDITION, &error);
    }
    if (XXH3_64bits(in->data.bytes, in->data.size) != in->digest)
        return semel_request_error(request, SEMEL_DATA_LOSS, "the chunk is not what was digested");
    int error = results_put(desk->results_fd, task->name, in->offset, in->data.bytes, in->data.size);
    if (error == EFBIG)
        return semel_request_error(request, SEMEL_OUT_OF_RANGE, "a result has at most %" PRIu64 " bytes",
                                   RESULT_BYTES_MAX);
    if (error != 0)
        return semel_request_error(request, SEMEL_RESOURCE_EXHAUSTED, "cannot store it: %s", strerror(error));
    say("stored %s from %" PRIu64, task->name, in->offset);
    return withheld_answer(&desk->withheld, request);
}

static enum semel_code on_finish(semel_request *request, demo_FinishRequest *in, demo_FinishReply *out,
                                 void *user)
{
    struct desk *desk = user;
    struct task *task;
    uint64_t size = 0;
    uint64_t digest = 0;
    (void)out;
    close_late(desk);
    enum standing standing = stand(desk, in->worker, in->task, &task);
    if (standing == NOT_YOURS)
        return not_yours(request);
    if (standing == LATE) {
        demo_TaskClosed error = refuse_late(desk, task);
        return demo_TestServer_Finish_raise_TaskClosed(request, SEMEL_FAILED_PRECONDITION, &error);
    }
    if (!tasks_name_valid(in->verdict, sizeof in->verdict))
        return semel_request_error(request, SEMEL_INVALID_ARGUMENT, "a verdict is 1 to 32 of a-z, 0-9 and '-'");
    int error = results_measure(desk->results_fd, task->name, &size, &digest);
    if (error != 0)
        return semel_request_error(request, SEMEL_DATA_LOSS, "it cannot be read: %s", strerror(error));
    if (size != in->size || digest != in->digest)
        return semel_request_error(request, SEMEL_DATA_LOSS, "%" PRIu64 " bytes are here, and they differ",
                                   size);
    tasks_finish(&desk->tasks, task, in->verdict, digest);
    close_late(desk);
    say("done %s: %s, %" PRIu64 " bytes", task->name, in->verdict, size);
    return withheld_answer(&desk->withheld, request);
}

static enum semel_code on_look(semel_request *request, demo_LookRequest *in, demo_LookReply *out, void *user)
{
    struct desk *desk = user;
    struct task *task;
    close_late(desk);
    out->yours = stand(desk, in->worker, in->task, &task) != NOT_YOURS;
    if (task == NULL)
        return semel_request_error(request, SEMEL_NOT_FOUND, "there is no such task");
    out->state = (demo_TaskState)task->state;
    return SEMEL_OK;
}

static enum semel_code on_log(semel_request *request, demo_LogRequest *in, void *user)
{
    struct desk *desk = user;
    struct crew_member *member = crew_find(&desk->crew, in->worker);
    if (member == NULL)
        return unknown_worker(request);
    crew_log(&desk->crew, member, in->number, in->text);
    return SEMEL_OK;
}

static const struct demo_TestServer_handlers handlers = {
    .Register = on_register,
    .NextTask = on_next_task,
    .PutChunk = on_put_chunk,
    .Finish = on_finish,
    .Look = on_look,
    .Log = on_log,
};

/* ---- from the start to the end ---- */

static void on_drained(void *user)
{
    struct desk *desk = user;
    semel_node_stop(desk->node);
}

/* The first signal drains, the second does not wait for it. */
static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)loop, (void)events;
    struct desk *desk = watcher->data;
    withheld_fini(&desk->withheld);
    desk->withheld.method = NULL;
    if (desk->draining)
        semel_node_stop(desk->node);
    else
        semel_server_drain(desk->server, on_drained, desk);
    desk->draining = true;
}

static int serve(struct desk *desk)
{
    struct ev_loop *loop = semel_node_loop(desk->node);
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    ev_signal term;
    ev_signal interrupt;
    semel_status status;
    ev_signal_init(&term, on_signal, SIGTERM);
    ev_signal_init(&interrupt, on_signal, SIGINT);
    ev_timer_init(&desk->limit, on_limit, 0., 0.);
    term.data = interrupt.data = desk->limit.data = desk;
    ev_signal_start(loop, &term);
    ev_signal_start(loop, &interrupt);
    int code = EXIT_SUCCESS;
    if (demo_TestServer_serve(desk->server, &handlers, desk) != SEMEL_OK)
        code = EXIT_FAILURE;
    else if (semel_server_listen(desk->server, settings.listen, uri, &status) != SEMEL_OK)
        code = program_fail(program, settings.listen, &status);
    if (code == EXIT_SUCCESS) {
        tasks_restart(&desk->tasks, program_now_us());
        close_late(desk);
        say("listening %s", uri);
        semel_node_run(desk->node);
    }
    ev_timer_stop(loop, &desk->limit);
    ev_signal_stop(loop, &term);
    ev_signal_stop(loop, &interrupt);
    return code;
}

static int run(struct desk *desk, const semel_properties *properties)
{
    semel_status status;
    struct semel_node_options node = {.properties = properties, .log = program_log, .log_user = program};
    if (semel_node_open(&node, &desk->node, &status) != SEMEL_OK)
        return program_fail(program, "node", &status);
    int code;
    if (semel_server_open(desk->node, "memory", &desk->server, &status) == SEMEL_OK)
        code = serve(desk);
    else
        code = program_fail(program, "server", &status);
    withheld_fini(&desk->withheld);
    semel_node_close(desk->node); /* closes the server too */
    return code;
}

/* ---- what it must not forget ---- */

static bool recall(const char *line, void *user)
{
    struct desk *desk = user;
    bool taken = false;
    bool sense = crew_recall(&desk->crew, line, &taken);
    if (!taken)
        sense = tasks_recall(&desk->tasks, line, &taken);
    return taken ? sense : strncmp(line, "LATE ", 5) == 0; /* a trace, and nothing more */
}

static bool recall_log(const char *line, void *user)
{
    struct desk *desk = user;
    return crew_recall_log(&desk->crew, line);
}

static bool open_book(struct book *book, const char *path, book_read_fn *read, struct desk *desk)
{
    int error = book_open(book, path, read, desk);
    if (error == EBADMSG)
        fprintf(stderr, "%s: %s:%zu: %s\n", program, path, book->lines, book_error(error));
    else if (error != 0)
        fprintf(stderr, "%s: %s: %s\n", program, path, book_error(error));
    return error == 0;
}

/* Makes a folder, unless it is there. */
static bool make_folder(const char *path)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return true;
    fprintf(stderr, "%s: %s: %s\n", program, path, strerror(errno));
    return false;
}

/* Opens the books; the paths live as long as they. */
static int run_with_state(struct desk *desk, const semel_properties *properties)
{
    char journal[PATH_MAX];
    char log[PATH_MAX];
    char results[PATH_MAX];
    int code = EXIT_FAILURE;
    snprintf(journal, sizeof journal, "%s/journal", settings.state);
    snprintf(log, sizeof log, "%s/log", settings.state);
    if (snprintf(results, sizeof results, "%s/results", settings.state) >= PATH_MAX) {
        fprintf(stderr, "%s: --state: the path is too long\n", program);
        return EXIT_USAGE;
    }
    if (!make_folder(settings.state) || !make_folder(results))
        return EXIT_FAILURE;
    desk->results_fd = open(results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (desk->results_fd < 0)
        fprintf(stderr, "%s: %s: %s\n", program, results, strerror(errno));
    else if (open_book(&desk->journal, journal, recall, desk) && open_book(&desk->log, log, recall_log, desk))
        code = run(desk, properties);
    book_close(&desk->log);
    book_close(&desk->journal);
    if (desk->results_fd >= 0)
        close(desk->results_fd);
    return code;
}

static int run_with_tasks(struct desk *desk, const semel_properties *properties)
{
    char why[512];
    int code = EXIT_USAGE;
    desk->withheld.method = settings.hold;
    desk->tasks.book = desk->crew.book = &desk->journal;
    desk->crew.log = &desk->log;
    if (tasks_load(&desk->tasks, settings.tasks, why, sizeof why))
        code = run_with_state(desk, properties);
    else
        fprintf(stderr, "%s: %s\n", program, why);
    tasks_fini(&desk->tasks);
    return code;
}

int main(int argc, char **argv)
{
    static struct desk desk = {.journal = {.fd = -1}, .log = {.fd = -1}};
    semel_properties *properties = semel_properties_create();
    if (properties == NULL)
        return EXIT_FAILURE;
    enum args_result parsed = program_parse(properties, &args, argc, argv);
    int code = parsed == ARGS_ERROR ? EXIT_USAGE : EXIT_SUCCESS;
    if (parsed == ARGS_OK)
        code = run_with_tasks(&desk, properties);
    semel_properties_destroy(properties);
    return code;
}
