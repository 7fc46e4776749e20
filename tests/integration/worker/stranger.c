/* A worker that does what it should not: asks for what is not its own, lies about what it sends, and sends what cannot
 * be.  Each must be refused with the right code, and told as executed (the handler answered).
 * It must not know: how the server keeps things; stranger.py looks there.
 * Reads best next: stranger.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "worker.semel.h"

static semel_channel *channel;
static int failures;

static void check(int line, const semel_status *status, enum semel_code code)
{
    if (status->code == code && status->outcome == SEMEL_OUTCOME_EXECUTED)
        return;
    fprintf(stderr, "stranger.c:%d: %s, %s (%s), not %s\n", line, semel_code_name(status->code),
            semel_outcome_name(status->outcome), status->message, semel_code_name(code));
    failures++;
}

static void expect(int line, int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "stranger.c:%d: not so: %s\n", line, what);
    failures++;
}

#define CHECK(status, code) check(__LINE__, &(status), code)
#define EXPECT(holds) expect(__LINE__, holds, #holds)

static demo_RegisterReply register_as(const char *worker, semel_status *status)
{
    demo_RegisterRequest in = {""};
    demo_RegisterReply out = demo_RegisterReply_init_zero;
    snprintf(in.worker, sizeof in.worker, "%s", worker);
    demo_TestServer_Register(channel, &in, &out, NULL, status);
    return out;
}

static demo_NextTaskReply next_task(const char *worker, semel_status *status)
{
    demo_NextTaskRequest in = {""};
    demo_NextTaskReply out = demo_NextTaskReply_init_zero;
    snprintf(in.worker, sizeof in.worker, "%s", worker);
    demo_TestServer_NextTask(channel, &in, &out, NULL, status);
    return out;
}

static demo_LookReply look(const char *worker, const char *task, semel_status *status)
{
    demo_LookRequest in = {"", ""};
    demo_LookReply out = demo_LookReply_init_zero;
    snprintf(in.worker, sizeof in.worker, "%s", worker);
    snprintf(in.task, sizeof in.task, "%s", task);
    demo_TestServer_Look(channel, &in, &out, NULL, status);
    return out;
}

/* The state that a TaskClosed told, or -1. */
static int put(const char *worker, const char *task, uint64_t offset, const char *text, bool lie,
               semel_status *status)
{
    demo_PutChunkRequest in = {.offset = offset};
    demo_PutChunkReply out;
    demo_TestServer_PutChunk_error error;
    snprintf(in.worker, sizeof in.worker, "%s", worker);
    snprintf(in.task, sizeof in.task, "%s", task);
    in.data.size = (pb_size_t)strlen(text);
    memcpy(in.data.bytes, text, strlen(text));
    in.digest = XXH3_64bits(text, strlen(text)) + lie;
    demo_TestServer_PutChunk(channel, &in, &out, &error, NULL, status);
    return error.which == demo_TestServer_PutChunk_error_TaskClosed ? (int)error.as.TaskClosed.state : -1;
}

static int finish(const char *worker, const char *task, const char *verdict, const char *text,
                  semel_status *status)
{
    demo_FinishRequest in = {.size = strlen(text), .digest = XXH3_64bits(text, strlen(text))};
    demo_FinishReply out;
    demo_TestServer_Finish_error error;
    snprintf(in.worker, sizeof in.worker, "%s", worker);
    snprintf(in.task, sizeof in.task, "%s", task);
    snprintf(in.verdict, sizeof in.verdict, "%s", verdict);
    demo_TestServer_Finish(channel, &in, &out, &error, NULL, status);
    return error.which == demo_TestServer_Finish_error_TaskClosed ? (int)error.as.TaskClosed.state : -1;
}

static void log_line(const char *worker, uint64_t number, const char *text)
{
    demo_LogRequest in = {.number = number};
    snprintf(in.worker, sizeof in.worker, "%s", worker);
    snprintf(in.text, sizeof in.text, "%s", text);
    EXPECT(demo_TestServer_Log(channel, &in, NULL) == SEMEL_OK);
}

static void names(void)
{
    semel_status status;
    static const char *const bad[] = {"", "Two", "a b", "../a", "a\nWORKER x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        register_as(bad[i], &status);
        CHECK(status, SEMEL_INVALID_ARGUMENT);
    }
    next_task("nobody", &status);
    CHECK(status, SEMEL_PERMISSION_DENIED);
    look("nobody", "../journal", &status);
    CHECK(status, SEMEL_NOT_FOUND);
}

/* "first" is in the hands of mallory. */
static void hands(void)
{
    semel_status status;
    EXPECT(!register_as("mallory", &status).has_held);
    CHECK(status, SEMEL_OK);
    EXPECT(strcmp(next_task("mallory", &status).next.name, "first") == 0);
    EXPECT(!next_task("mallory", &status).has_next);
    CHECK(status, SEMEL_FAILED_PRECONDITION);
    EXPECT(strcmp(register_as("mallory", &status).held.name, "first") == 0);
    EXPECT(!register_as("eve", &status).has_held);
    demo_LookReply seen = look("eve", "first", &status);
    EXPECT(!seen.yours && seen.state == demo_TaskState_TASK_HANDED);
    put("eve", "first", 0, "eve was here", false, &status);
    CHECK(status, SEMEL_PERMISSION_DENIED);
    finish("eve", "first", "exit-0", "", &status);
    CHECK(status, SEMEL_PERMISSION_DENIED);
    put("mallory", "second", 0, "nobody has it", false, &status);
    CHECK(status, SEMEL_PERMISSION_DENIED);
    put("mallory", "../journal", 0, "a path", false, &status);
    CHECK(status, SEMEL_PERMISSION_DENIED);
    put("", "second", 0, "no name", false, &status);
    CHECK(status, SEMEL_PERMISSION_DENIED);
}

static void lies(void)
{
    semel_status status;
    put("mallory", "first", 0, "damaged", true, &status);
    CHECK(status, SEMEL_DATA_LOSS);
    put("mallory", "first", UINT64_C(4) << 20, "x", false, &status);
    CHECK(status, SEMEL_OUT_OF_RANGE);
    put("mallory", "first", UINT64_MAX, "x", false, &status);
    CHECK(status, SEMEL_OUT_OF_RANGE);
    put("mallory", "first", 0, "result", false, &status);
    CHECK(status, SEMEL_OK);
    finish("mallory", "first", "exit-0", "resul", &status);
    CHECK(status, SEMEL_DATA_LOSS);
    finish("mallory", "first", "exit-0", "tluser", &status);
    CHECK(status, SEMEL_DATA_LOSS);
    finish("mallory", "first", "exit 0\nDONE", "result", &status);
    CHECK(status, SEMEL_INVALID_ARGUMENT);
    EXPECT(finish("mallory", "first", "exit-0", "result", &status) == -1);
    CHECK(status, SEMEL_OK);
}

static void too_late(void)
{
    semel_status status;
    EXPECT(finish("mallory", "first", "exit-1", "result", &status) == demo_TaskState_TASK_DONE);
    CHECK(status, SEMEL_FAILED_PRECONDITION);
    EXPECT(put("mallory", "first", 0, "other!", false, &status) == demo_TaskState_TASK_DONE);
    CHECK(status, SEMEL_FAILED_PRECONDITION);
}

static void lines(void)
{
    struct semel_channel_stats stats;
    semel_status status;
    log_line("mallory", 7, "a\nmallory 8 b\x1b[2J\xff");
    log_line("nobody", 1, "not registered");
    EXPECT(semel_channel_flush(channel, 10000) == SEMEL_OK);
    semel_channel_get_stats(channel, &stats);
    EXPECT(stats.oneways_acknowledged == 1);
    EXPECT(stats.oneways_lost_by[SEMEL_REASON_HANDLER] == 1);
    EXPECT(register_as("mallory", &status).log_lines == 1);
}

int main(int argc, char **argv)
{
    semel_node *node = NULL;
    if (argc != 2 || semel_node_open(NULL, &node, NULL) != SEMEL_OK ||
        semel_channel_open(node, "stranger", argv[1], &channel, NULL) != SEMEL_OK) {
        fprintf(stderr, "usage: worker-stranger URI\n");
        semel_node_close(node);
        return EXIT_FAILURE;
    }
    names();
    hands();
    lies();
    too_late();
    lines();
    semel_node_close(node);
    printf("%d failures\n", failures);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
