/* Servers that lie about declared errors: whatever stands in such a reply, the call ends once, is not sent again, and
 * its outcome is the peer's word.
 *
 * Reads best next: peer.h, core/raised.h. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/raised.h"
#include "desk.h"
#include "peer.h"

TestSuite(errors_peer, .timeout = 60);

/* A client and the peer that it takes for its server. */
struct scene {
    struct client client;
    struct peer peer;
    int listener;
    unsigned calls;
};

static void enter(struct scene *scene)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct welcome welcome = peer_some_welcome();
    struct ending first;
    scene->listener = peer_listen(uri);
    client_open(&scene->client, LIST("RetryIntervals=0 0 0"), uri);
    ending_start(&first, &scene->client, 1, 0);
    peer_serve(&scene->peer, scene->listener, &welcome, false);
    struct frame request = peer_expect(&scene->peer, FRAME_REQUEST);
    peer_reply_ok(&scene->peer, &request, NULL, 0);
    check_status(ending_wait(&first), OK, NONE, EXECUTED);
    scene->calls = 1;
}

/* The client has sent each call once, and is still on its first connection. */
static void leave(struct scene *scene)
{
    struct semel_channel_stats stats = client_stats(&scene->client);
    cr_assert_eq(stats.calls, scene->calls);
    cr_assert_eq(stats.retries + stats.replays + stats.held, 0);
    cr_assert_eq(stats.connections, 1);
    client_close(&scene->client);
    peer_close(&scene->peer);
    close(scene->listener);
}

/* A call that is answered with DECLARED_ERROR, this code, these flags and this body; ending tells how it ended. */
static void answer(struct scene *scene, enum semel_code code, unsigned flags, const void *body, size_t size,
                   struct ending *ending)
{
    ending_start(ending, &scene->client, 2, 0);
    struct frame request = peer_expect(&scene->peer, FRAME_REQUEST);
    cr_assert_eq(request.seq, ++scene->calls, "sent again");
    const struct frame reply = {.type = FRAME_REPLY,
                                .flags = (uint8_t)flags,
                                .code = (uint16_t)code,
                                .seq = request.seq,
                                .method = request.method,
                                .aux = SEMEL_REASON_DECLARED_ERROR,
                                .body = body,
                                .body_size = size};
    cr_assert(peer_send(&scene->peer, &reply));
    ending_wait(ending);
    cr_assert(peer_send(&scene->peer, &reply)); /* doubled: the call has ended, and stays so */
}

/* Writes a whole body; returns its size. */
static size_t write_body(uint8_t *body, uint64_t id, const char *message, const char *text)
{
    size_t message_size = strlen(message);
    size_t text_size = strlen(text);
    raised_write_head(body, id, (uint32_t)message_size);
    memcpy(body + RAISED_HEAD_SIZE, message, message_size);
    memcpy(body + RAISED_HEAD_SIZE + message_size, text, text_size);
    return RAISED_HEAD_SIZE + message_size + text_size;
}

Test(errors_peer, a_body_that_is_too_short_is_not_decoded)
{
    struct scene scene;
    struct ending ending;
    uint8_t body[64];
    enter(&scene);
    size_t size = write_body(body, faults_Desk_Act_errors[0].id, "\x08\x05", "");
    for (size_t cut = 0; cut < size; cut++) {
        answer(&scene, SEMEL_ABORTED, SEMEL_OUTCOME_EXECUTED, body, cut, &ending);
        check_status(&ending.status, INTERNAL, DECODE_FAILED, EXECUTED);
        cr_assert(!ending.got_error && ending.status.error == NULL);
        cr_assert_eq(ending_times(&ending), 1);
    }
    answer(&scene, SEMEL_ABORTED, SEMEL_OUTCOME_EXECUTED, body, size, &ending);
    check_status(&ending.status, ABORTED, DECLARED_ERROR, EXECUTED);
    cr_assert_eq(ending.short_error.balance, 5);
    leave(&scene);
}

Test(errors_peer, a_message_longer_than_the_body_is_not_decoded)
{
    static const uint32_t sizes[] = {3, 4, 255, 65536, 0x7fffffff, 0x80000000, 0xffffffff};
    struct scene scene;
    enter(&scene);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct ending ending;
        uint8_t body[RAISED_HEAD_SIZE + 2] = {0};
        raised_write_head(body, faults_Desk_Act_errors[0].id, sizes[i]);
        answer(&scene, SEMEL_ABORTED, SEMEL_OUTCOME_EXECUTED, body, sizeof body, &ending);
        check_status(&ending.status, INTERNAL, DECODE_FAILED, EXECUTED);
    }
    leave(&scene);
}

/* What was allocated before the mistake is freed: the sanitizer watches. */
Test(errors_peer, a_message_that_makes_no_sense_is_told_with_its_name)
{
    static const char *const messages[] = {
        "\x08",                              /* a number that is missing */
        "\x0a\x7fx",                         /* a string longer than its message */
        "\x0a\x04late\x12\x04hand\x12\x7fx", /* the same behind strings that are right */
        "\x1a\x03xyz\x0a\x04late\x1b",       /* a group */
    };
    struct scene scene;
    enter(&scene);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct ending ending;
        uint8_t body[64];
        size_t size = write_body(body, faults_Desk_Act_errors[1].id, messages[i], "text");
        answer(&scene, SEMEL_ABORTED, SEMEL_OUTCOME_EXECUTED, body, size, &ending);
        check_status(&ending.status, INTERNAL, DECODE_FAILED, EXECUTED);
        cr_assert(!ending.got_error && ending_times(&ending) == 1);
        cr_assert(strncmp(ending.status.message, "faults.Rich: ", 13) == 0, "%s", ending.status.message);
    }
    leave(&scene);
}

Test(errors_peer, an_error_that_nobody_knows_is_told_by_its_text)
{
    struct scene scene;
    struct ending ending;
    uint8_t body[600];
    char text[401];
    enter(&scene);
    size_t size = write_body(body, 12345, "\xff\xff", "tidings\x1b[2J\n");
    answer(&scene, SEMEL_ABORTED, SEMEL_OUTCOME_EXECUTED, body, size, &ending);
    check_status(&ending.status, UNKNOWN, UNDECLARED_ERROR, EXECUTED);
    cr_assert_str_eq(ending.status.message, "tidings?[2J?", "no control characters reach a terminal");
    memset(text, 'x', sizeof text);
    text[400] = '\0';
    size = write_body(body, 12345, "", text);
    answer(&scene, SEMEL_ABORTED, SEMEL_OUTCOME_EXECUTED, body, size, &ending);
    check_status(&ending.status, UNKNOWN, UNDECLARED_ERROR, EXECUTED);
    cr_assert_eq(strlen(ending.status.message), SEMEL_MESSAGE_MAX - 1);
    leave(&scene);
}

/* An outcome is the peer's word, for an error that is typed and for one that is not. */
Test(errors_peer, the_outcome_is_what_the_peer_says)
{
    struct scene scene;
    uint8_t body[64];
    enter(&scene);
    for (unsigned outcome = SEMEL_OUTCOME_UNKNOWN; outcome <= SEMEL_OUTCOME_EXECUTED; outcome++) {
        struct ending ending;
        size_t size = write_body(body, faults_Desk_Act_errors[0].id, "", "why");
        answer(&scene, SEMEL_ABORTED, outcome, body, size, &ending);
        cr_assert_eq((unsigned)ending.status.outcome, outcome);
        cr_assert_eq((int)ending.which, faults_Desk_Act_error_Short);
        size = write_body(body, 12345, "", "why");
        answer(&scene, SEMEL_ABORTED, outcome, body, size, &ending);
        cr_assert_eq((unsigned)ending.status.outcome, outcome);
        cr_assert_eq((int)ending.status.reason, SEMEL_REASON_UNDECLARED_ERROR);
        size = write_body(body, faults_Desk_Act_errors[0].id, "\x08", "why");
        answer(&scene, SEMEL_ABORTED, outcome, body, size, &ending);
        cr_assert_eq((unsigned)ending.status.outcome, outcome);
        cr_assert_eq((int)ending.status.reason, SEMEL_REASON_DECODE_FAILED);
    }
    leave(&scene);
}

Test(errors_peer, the_outcome_of_what_cannot_be_read_is_what_the_peer_says)
{
    struct scene scene;
    enter(&scene);
    for (unsigned outcome = SEMEL_OUTCOME_UNKNOWN; outcome <= SEMEL_OUTCOME_EXECUTED; outcome++) {
        struct ending ending;
        answer(&scene, SEMEL_ABORTED, outcome, "short", 5, &ending);
        cr_assert_eq((int)ending.status.reason, SEMEL_REASON_DECODE_FAILED);
        cr_assert_eq((unsigned)ending.status.outcome, outcome);
    }
    leave(&scene);
}

/* A reply that contradicts itself: the connection is closed, and the call is asked about on the next one. */
static void contradict(enum semel_code code, unsigned flags)
{
    struct scene scene;
    struct ending ending;
    uint8_t body[64];
    struct welcome welcome = peer_some_welcome();
    enter(&scene);
    size_t size = write_body(body, faults_Desk_Act_errors[0].id, "", "why");
    ending_start(&ending, &scene.client, 2, 0);
    struct frame request = peer_expect(&scene.peer, FRAME_REQUEST);
    const struct frame reply = {.type = FRAME_REPLY,
                                .flags = (uint8_t)flags,
                                .code = (uint16_t)code,
                                .seq = request.seq,
                                .method = request.method,
                                .aux = SEMEL_REASON_DECLARED_ERROR,
                                .body = body,
                                .body_size = size};
    cr_assert(peer_send(&scene.peer, &reply));
    peer_expect_end(&scene.peer);
    peer_close(&scene.peer);
    cr_assert_eq(ending_times(&ending), 0);
    welcome.connection++;
    welcome.nonce++;
    peer_serve(&scene.peer, scene.listener, &welcome, true);
    struct frame again = peer_expect(&scene.peer, FRAME_REQUEST);
    cr_assert(again.seq == request.seq && again.digest == request.digest, "under its number");
    peer_reply_ok(&scene.peer, &again, NULL, 0);
    check_status(ending_wait(&ending), OK, NONE, EXECUTED);
    cr_assert_eq(client_stats(&scene.client).closed_by[SEMEL_REASON_BAD_FIELD], 1);
    client_close(&scene.client);
    peer_close(&scene.peer);
    close(scene.listener);
}

Test(errors_peer, success_with_an_error_is_a_contradiction)
{
    contradict(SEMEL_OK, SEMEL_OUTCOME_EXECUTED);
}

Test(errors_peer, a_refusal_with_an_error_is_a_contradiction)
{
    contradict(SEMEL_ABORTED, SEMEL_OUTCOME_NOT_EXECUTED | FRAME_REFUSED);
}
