/* Errors that are too large for a frame, and errors whose reply is lost: the client is told what became of its call,
 * and an at-most-once operation has run once.
 *
 * Reads best next: proxy.h, desk.h. */
#include <criterion/criterion.h>
#include <stddef.h>

#include "desk.h"
#include "proxy.h"

TestSuite(errors_lost, .timeout = 60);

Test(errors_lost, larger_than_a_frame_are_told_as_too_large)
{
    struct desk desk;
    struct client client;
    faults_Desk_Act_error error;
    desk_open(&desk, desk_raise_rich, NULL);
    client_open(&client, LIST("FrameLimit=4096"), desk.server.uri);
    unsigned fit = 0;
    for (unsigned size = 3900; size <= 4200; size += 10) {
        semel_status status = desk_act(&client, size, size, &error);
        cr_assert_eq(server_runs(&desk.server, size), 1);
        if (status.reason == SEMEL_REASON_DECLARED_ERROR) {
            cr_assert_eq(error.as.Rich.blob->size, size);
            fit = size;
        } else {
            check_status(&status, RESOURCE_EXHAUSTED, TOO_LARGE, EXECUTED);
            cr_assert_eq((int)error.which, faults_Desk_Act_error_NONE);
        }
        faults_Desk_Act_error_release(&error);
    }
    cr_assert(fit > 3900 && fit < 4090, "%u", fit);
    client_close(&client);
    desk_close(&desk);
}

struct cuts {
    unsigned typed;
    unsigned gone;
};

/* One call over a line that is cut after so many bytes to the client; returns how many went that way. */
static uint64_t fail_over_a_cut(struct desk *desk, uint64_t cut_after, unsigned op, struct cuts *cuts)
{
    struct proxy proxy;
    struct client client;
    struct ending ending;
    proxy_open(&proxy, desk->server.uri, PROXY_TO_CLIENT, cut_after);
    client_open(&client, NULL, proxy.uri);
    ending_start(&ending, &client, op, 0);
    const semel_status *status = ending_wait(&ending);
    cr_assert_eq((int)status->outcome, SEMEL_OUTCOME_EXECUTED);
    if (status->reason == SEMEL_REASON_REPLY_GONE) {
        cr_assert(status->code == SEMEL_DATA_LOSS && !ending.got_error);
        cuts->gone++;
    } else {
        check_status(status, FAILED_PRECONDITION, DECLARED_ERROR, EXECUTED);
        cr_assert(ending.short_error.balance == op && ending.short_error.missing == 1);
        cuts->typed++;
    }
    cr_assert_eq(ending_times(&ending), 1);
    client_close(&client);
    proxy_close(&proxy);
    cr_assert_eq(server_runs(&desk->server, op), 1, "cut after %llu: it ran twice",
                 (unsigned long long)cut_after);
    return proxy.passed[PROXY_TO_CLIENT];
}

static struct cuts cut_everywhere(const char *const *properties)
{
    struct desk desk;
    struct cuts cuts = {0, 0};
    unsigned op = 1000; /* numbers that are all equally long on the wire */
    desk_open(&desk, desk_raise_short, properties);
    uint64_t whole = fail_over_a_cut(&desk, UINT64_MAX, op, &cuts);
    for (uint64_t cut_after = 1; cut_after <= whole; cut_after++)
        fail_over_a_cut(&desk, cut_after, ++op, &cuts);
    desk_close(&desk);
    return cuts;
}

Test(errors_lost, come_again_from_the_record_when_the_reply_was_lost)
{
    struct cuts cuts = cut_everywhere(NULL);
    cr_assert(cuts.typed > 100 && cuts.gone == 0);
}

Test(errors_lost, that_are_not_kept_are_told_as_gone)
{
    struct cuts cuts = cut_everywhere(LIST("KeepReply=0"));
    cr_assert(cuts.typed > 50 && cuts.gone > 50, "%u %u", cuts.typed, cuts.gone);
}

static enum semel_code raise_runs(struct desk *desk, semel_request *request, const faults_Order *in,
                                  unsigned runs, faults_Answer *out)
{
    (void)desk, (void)in, (void)out;
    return faults_Desk_Redo_raise_Short(request, SEMEL_ABORTED, &(faults_Short){.missing = runs});
}

/* No record is kept of an idempotent operation: it runs again, and its error is that of the last run. */
Test(errors_lost, of_an_idempotent_operation_are_raised_again)
{
    struct desk desk;
    struct proxy proxy;
    struct client client;
    faults_Desk_Redo_error error;
    faults_Answer answer;
    semel_status status;
    desk_open(&desk, raise_runs, NULL);
    client_open(&client, NULL, desk.server.uri);
    faults_Desk_Redo(client.channel, &(faults_Order){.op = 1}, &answer, &error, NULL, &status);
    uint64_t whole = client_stats(&client).bytes_in;
    client_close(&client);

    proxy_open(&proxy, desk.server.uri, PROXY_TO_CLIENT, whole - 1);
    client_open(&client, NULL, proxy.uri);
    faults_Desk_Redo(client.channel, &(faults_Order){.op = 2}, &answer, &error, NULL, &status);
    check_status(&status, ABORTED, DECLARED_ERROR, EXECUTED);
    cr_assert_eq(error.as.Short.missing, 2);
    cr_assert_eq(server_runs(&desk.server, 2), 2);
    cr_assert_eq(server_stats(&desk.server).kept_replies, 0);
    client_close(&client);
    proxy_close(&proxy);
    desk_close(&desk);
}
