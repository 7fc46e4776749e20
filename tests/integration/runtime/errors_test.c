/* Declared errors from a handler to its caller: typed where both sides know them, told where they do not, and never a
 * reason to run twice.
 *
 * Reads best next: desk.h, errors_lost_test.c; errors_peer_test.c for servers that lie. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "desk.h"

TestSuite(errors, .timeout = 60);

static void open_both(struct desk *desk, struct client *client, desk_handler *handler)
{
    desk_open(desk, handler, NULL);
    client_open(client, NULL, desk->server.uri);
}

static void close_both(struct desk *desk, struct client *client)
{
    client_close(client);
    desk_close(desk);
}

/* The next call is served: nothing of the one before is left. */
static void check_alive(struct desk *desk, struct client *client)
{
    struct watch watch;
    watch_start(&watch, client, ADD, 4000, NULL);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(server_stats(&desk->server).running, 0);
}

/* ---- receipts ---- */

Test(errors, arrive_in_the_receipt_of_a_synchronous_call)
{
    struct desk desk;
    struct client client;
    char text[4096];
    faults_Desk_Act_error error;
    open_both(&desk, &client, desk_raise_short);
    semel_status status = desk_act(&client, 7, 0, &error);
    check_status(&status, FAILED_PRECONDITION, DECLARED_ERROR, EXECUTED);
    cr_assert_eq((int)status.rule, SEMEL_RULE_R8);
    cr_assert_str_eq(status.error, "faults.Short");
    cr_assert_str_eq(status.message, "faults.Short", "its name, as the handler said nothing");
    cr_assert_eq((int)error.which, faults_Desk_Act_error_Short);
    cr_assert(error.as.Short.balance == 7 && error.as.Short.missing == 1);
    semel_status_explain(&status, text, sizeof text);
    cr_assert(strstr(text, "error      faults.Short\n") != NULL, "%s", text);
    faults_Desk_Act_error_release(&error);
    cr_assert_eq((int)error.which, faults_Desk_Act_error_NONE);
    close_both(&desk, &client);
}

Test(errors, bring_what_is_allocated_and_give_it_back)
{
    struct desk desk;
    struct client client;
    faults_Desk_Act_error error;
    open_both(&desk, &client, desk_raise_rich);
    static const unsigned sizes[] = {0, 1, 300, 5000, 60000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        semel_status status = desk_act(&client, 1, sizes[i], &error);
        check_status(&status, ABORTED, DECLARED_ERROR, EXECUTED);
        cr_assert_eq((int)error.which, faults_Desk_Act_error_Rich);
        cr_assert_str_eq(error.as.Rich.why, "it is late");
        cr_assert_eq(error.as.Rich.parts_count, 2);
        cr_assert_str_eq(error.as.Rich.parts[1], "foot");
        cr_assert_eq(error.as.Rich.blob == NULL ? 0 : error.as.Rich.blob->size, sizes[i]);
        cr_assert(sizes[i] == 0 || error.as.Rich.blob->bytes[sizes[i] - 1] == 0xa5);
        faults_Desk_Act_error_release(&error);
        faults_Desk_Act_error_release(&error); /* as often as one likes */
    }
    close_both(&desk, &client);
}

Test(errors, arrive_in_the_callback)
{
    struct desk desk;
    struct client client;
    struct ending ending;
    open_both(&desk, &client, desk_raise_rich);
    ending_start(&ending, &client, 1, 300);
    check_status(ending_wait(&ending), ABORTED, DECLARED_ERROR, EXECUTED);
    cr_assert(ending.got_error && !ending.replied);
    cr_assert_eq((int)ending.which, faults_Desk_Act_error_Rich);
    cr_assert(ending.part_count == 2 && ending.blob_size == 300);
    cr_assert_str_eq(ending.parts[0], "hand");
    cr_assert_str_eq(ending.status.error, "faults.Rich");
    desk.handler = desk_raise_short;
    ending_start(&ending, &client, 2, 0);
    check_status(ending_wait(&ending), FAILED_PRECONDITION, DECLARED_ERROR, EXECUTED);
    cr_assert(ending.which == faults_Desk_Act_error_Short && ending.short_error.balance == 2);
    close_both(&desk, &client);
}

static void start_unheard(void *channel)
{
    cr_assert_eq(
        (int)faults_Desk_Act_start(channel, &(faults_Order){.op = 2, .size = 100}, NULL, NULL, NULL, NULL),
        SEMEL_OK);
}

Test(errors, need_no_receipt)
{
    struct desk desk;
    struct client client;
    open_both(&desk, &client, desk_raise_rich);
    semel_status status = desk_act(&client, 1, 100, NULL);
    check_status(&status, ABORTED, DECLARED_ERROR, EXECUTED);
    cr_assert_str_eq(status.error, "faults.Rich");
    on_node(client.node, start_unheard, client.channel);
    server_wait_runs(&desk.server, 2, 1);
    check_alive(&desk, &client);
    struct semel_channel_stats stats = client_stats(&client);
    cr_assert_eq(stats.failed[SEMEL_OUTCOME_EXECUTED], 2);
    cr_assert_eq(stats.failed_by[SEMEL_REASON_DECLARED_ERROR], 2);
    cr_assert_eq(stats.by_rule[SEMEL_RULE_R8], 3);
    close_both(&desk, &client);
}

/* A receipt says NONE however a call ends without an error. */
static enum semel_code answer_as_asked(struct desk *desk, semel_request *request, const faults_Order *in,
                                       unsigned runs, faults_Answer *out)
{
    (void)desk, (void)request, (void)runs, (void)out;
    return (enum semel_code)in->size;
}

Test(errors, that_did_not_come_leave_an_empty_receipt)
{
    struct desk desk;
    struct client client;
    faults_Desk_Act_error error;
    open_both(&desk, &client, answer_as_asked);
    static const unsigned codes[] = {SEMEL_OK, SEMEL_NOT_FOUND, 999};
    for (size_t i = 0; i < 3; i++) {
        memset(&error, 0xee, sizeof error);
        semel_status status = desk_act(&client, 1, codes[i], &error);
        cr_assert_eq((int)status.code, codes[i] == 999 ? SEMEL_INTERNAL : (int)codes[i]);
        cr_assert_eq((int)error.which, faults_Desk_Act_error_NONE);
        cr_assert_null(status.error);
    }
    close_both(&desk, &client);
}

/* ---- what a handler can do with them ---- */

static enum semel_code raise_with_text(struct desk *desk, semel_request *request, const faults_Order *in,
                                       unsigned runs, faults_Answer *out)
{
    enum semel_code code = desk_raise_short(desk, request, in, runs, out);
    return semel_request_error(request, code, in->size > 0 ? "%0*d" : "%*d cents", (int)in->size, 5);
}

Test(errors, carry_the_handlers_own_words)
{
    struct desk desk;
    struct client client;
    faults_Desk_Act_error error;
    open_both(&desk, &client, raise_with_text);
    semel_status status = desk_act(&client, 7, 0, &error);
    check_status(&status, FAILED_PRECONDITION, DECLARED_ERROR, EXECUTED);
    cr_assert_str_eq(status.message, "5 cents");
    cr_assert_eq(error.as.Short.balance, 7);
    status = desk_act(&client, 8, 400, &error);
    cr_assert_eq(strlen(status.message), SEMEL_MESSAGE_MAX - 1);
    cr_assert_str_eq(status.message + SEMEL_MESSAGE_MAX - 4, "...");
    cr_assert_eq(error.as.Short.balance, 8);
    close_both(&desk, &client);
}

static enum semel_code raise_twice(struct desk *desk, semel_request *request, const faults_Order *in,
                                   unsigned runs, faults_Answer *out)
{
    (void)desk_raise_rich(desk, request, in, runs, out);
    return desk_raise_short(desk, request, in, runs, out);
}

static enum semel_code raise_and_return_another(struct desk *desk, semel_request *request,
                                                const faults_Order *in, unsigned runs, faults_Answer *out)
{
    (void)desk_raise_short(desk, request, in, runs, out);
    return SEMEL_OUT_OF_RANGE;
}

Test(errors, the_later_one_counts_and_so_does_the_code_returned)
{
    struct desk desk;
    struct client client;
    faults_Desk_Act_error error;
    open_both(&desk, &client, raise_twice);
    semel_status status = desk_act(&client, 7, 10, &error);
    check_status(&status, FAILED_PRECONDITION, DECLARED_ERROR, EXECUTED);
    cr_assert(error.which == faults_Desk_Act_error_Short && error.as.Short.balance == 7);
    desk.handler = raise_and_return_another;
    status = desk_act(&client, 8, 0, &error);
    check_status(&status, OUT_OF_RANGE, DECLARED_ERROR, EXECUTED);
    cr_assert(error.which == faults_Desk_Act_error_Short && error.as.Short.balance == 8);
    close_both(&desk, &client);
}

/* in->size is what is returned after all. */
static enum semel_code raise_and_return_size(struct desk *desk, semel_request *request, const faults_Order *in,
                                             unsigned runs, faults_Answer *out)
{
    (void)desk_raise_short(desk, request, in, runs, out);
    return runs == 1 && in->size == SEMEL_REFUSED ? semel_request_refuse(request, 0, false)
           : in->size == SEMEL_REFUSED            ? SEMEL_OK
                                                  : (enum semel_code)in->size;
}

Test(errors, are_forgotten_when_the_request_ends_otherwise)
{
    struct desk desk;
    struct client client;
    faults_Desk_Act_error error;
    open_both(&desk, &client, raise_and_return_size);
    semel_status status = desk_act(&client, 1, SEMEL_OK, &error);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq((int)error.which, faults_Desk_Act_error_NONE);
    status = desk_act(&client, 2, 999, &error);
    check_status(&status, INTERNAL, HANDLER, EXECUTED);
    cr_assert_eq((int)error.which, faults_Desk_Act_error_NONE);
    status = desk_act(&client, 3, SEMEL_REFUSED, &error); /* refused, then asked again */
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&desk.server, 3), 2);
    cr_assert_eq(server_stats(&desk.server).refused_by[SEMEL_REASON_REFUSED_BY_HANDLER], 1);
    close_both(&desk, &client);
}

static enum semel_code raise_with_size(struct desk *desk, semel_request *request, const faults_Order *in,
                                       unsigned runs, faults_Answer *out)
{
    (void)desk, (void)runs, (void)out;
    return faults_Desk_Act_raise_Short(request, (enum semel_code)in->size, &(faults_Short){.balance = 1});
}

Test(errors, want_a_code_that_is_a_failure)
{
    static const unsigned none[] = {SEMEL_OK, 17, 255, SEMEL_PENDING, SEMEL_REFUSED, 999, 4000000000u};
    struct desk desk;
    struct client client;
    faults_Desk_Act_error error;
    open_both(&desk, &client, raise_with_size);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        semel_status status = desk_act(&client, 1, none[i], &error);
        check_status(&status, INTERNAL, HANDLER, EXECUTED);
        cr_assert(strstr(status.message, "no failure") != NULL, "%s", status.message);
        cr_assert_eq((int)error.which, faults_Desk_Act_error_NONE);
    }
    for (unsigned code = 1; code <= SEMEL_UNAUTHENTICATED; code++) {
        semel_status status = desk_act(&client, 1, code, &error);
        cr_assert_eq((unsigned)status.code, code);
        cr_assert_eq((int)status.outcome, SEMEL_OUTCOME_EXECUTED);
        cr_assert_eq((int)error.which, faults_Desk_Act_error_Short);
    }
    close_both(&desk, &client);
}

static enum semel_code raise_invalid(struct desk *desk, semel_request *request, const faults_Order *in,
                                     unsigned runs, faults_Answer *out)
{
    faults_Foreign error;
    (void)desk, (void)in, (void)runs, (void)out;
    memset(&error, 'x', sizeof error);
    return faults_Desk_Other_raise_Foreign(request, SEMEL_ABORTED, &error);
}

/* A string that does not end in its array. */
Test(errors, that_cannot_be_encoded_are_told_as_internal)
{
    struct desk desk;
    struct client client;
    open_both(&desk, &client, raise_invalid);
    semel_status status = desk_call(&client, &faults_Desk_methods[faults_Desk_Other_index], 1);
    check_status(&status, INTERNAL, HANDLER, EXECUTED);
    cr_assert(strstr(status.message, "faults.Foreign cannot be encoded") != NULL, "%s", status.message);
    check_alive(&desk, &client);
    close_both(&desk, &client);
}

/* ---- pending requests ---- */

static void *fail_elsewhere(void *request)
{
    const faults_Short error = {.balance = 5};
    semel_request_fail(request, faults_Desk_Act_raise_Short(request, SEMEL_ABORTED, &error), NULL);
    return NULL;
}

Test(errors, of_a_pending_request_come_from_any_thread)
{
    struct desk desk;
    struct client client;
    open_both(&desk, &client, desk_keep);
    for (size_t i = 0; i < 20; i++) {
        struct ending ending;
        pthread_t thread;
        ending_start(&ending, &client, 1, 0);
        pthread_create(&thread, NULL, fail_elsewhere, server_pending(&desk.server, i));
        check_status(ending_wait(&ending), ABORTED, DECLARED_ERROR, EXECUTED);
        cr_assert(ending.which == faults_Desk_Act_error_Short && ending.short_error.balance == 5);
        pthread_join(thread, NULL);
    }
    close_both(&desk, &client);
}

Test(errors, of_a_pending_request_may_be_taken_back_or_named)
{
    struct desk desk;
    struct client client;
    struct ending ending;
    open_both(&desk, &client, desk_keep);
    ending_start(&ending, &client, 6, 0);
    semel_request *request = server_pending(&desk.server, 0);
    (void)faults_Desk_Act_raise_Short(request, SEMEL_ABORTED, &(faults_Short){.balance = 1});
    faults_Desk_Act_reply(request, &(faults_Answer){.op = 6});
    check_status(ending_wait(&ending), OK, NONE, EXECUTED);
    cr_assert(ending.replied && !ending.got_error);
    ending_start(&ending, &client, 7, 0);
    request = server_pending(&desk.server, 1);
    (void)faults_Desk_Act_raise_Short(request, SEMEL_ABORTED, &(faults_Short){.balance = 2});
    semel_request_fail(request, SEMEL_DATA_LOSS, "in these words");
    check_status(ending_wait(&ending), DATA_LOSS, DECLARED_ERROR, EXECUTED);
    cr_assert_str_eq(ending.status.message, "in these words");
    cr_assert_eq(ending.short_error.balance, 2);
    close_both(&desk, &client);
}

/* Raised before the server closes, ended after it: the sanitizer watches. */
Test(errors, of_a_pending_request_go_with_their_server)
{
    struct desk desk;
    struct client client;
    struct ending ending;
    desk_open(&desk, desk_keep, NULL);
    client_open(&client, LIST("RetryIntervals=-1"), desk.server.uri);
    ending_start(&ending, &client, 1, 0);
    semel_request *request = server_pending(&desk.server, 0);
    enum semel_code code = faults_Desk_Act_raise_Short(request, SEMEL_ABORTED, &(faults_Short){.balance = 1});
    semel_server_close(desk.server.semel);
    check_status(ending_wait(&ending), UNAVAILABLE, NO_VERDICT, UNKNOWN);
    cr_assert_not(ending.got_error);
    semel_request_fail(request, code, NULL);
    close_both(&desk, &client);
}

/* ---- what one side does not declare ---- */

Test(errors, that_the_client_does_not_declare_are_unknown)
{
    struct desk desk;
    struct client client;
    struct semel_method twisted = faults_Desk_methods[faults_Desk_Act_index];
    open_both(&desk, &client, desk_raise_rich);
    for (twisted.error_count = 0; twisted.error_count <= 1; twisted.error_count++) {
        faults_Desk_Act_error error = {0};
        faults_Answer answer;
        semel_status status;
        semel_call_wait(client.channel, &twisted, &(faults_Order){.op = 1}, &answer, &error, NULL, &status);
        check_status(&status, UNKNOWN, UNDECLARED_ERROR, EXECUTED);
        cr_assert_str_eq(status.message, "faults.Rich");
        cr_assert_null(status.error);
        cr_assert_eq((int)error.which, faults_Desk_Act_error_NONE);
    }
    cr_assert_eq(client_stats(&client).failed_by[SEMEL_REASON_UNDECLARED_ERROR], 2);
    close_both(&desk, &client);
}

static enum semel_code raise_foreign(struct desk *desk, semel_request *request, const faults_Order *in,
                                     unsigned runs, faults_Answer *out)
{
    (void)desk, (void)in, (void)runs, (void)out;
    return semel_request_raise(request, SEMEL_ABORTED, &faults_Desk_Other_errors[0],
                               &(faults_Foreign){.number = 1});
}

Test(errors, that_the_server_does_not_declare_are_unknown)
{
    struct desk desk;
    struct client client;
    faults_Desk_Act_error error;
    open_both(&desk, &client, raise_foreign);
    semel_status status = desk_act(&client, 1, 0, &error);
    check_status(&status, UNKNOWN, HANDLER, EXECUTED);
    cr_assert_str_eq(status.message,
                     "the handler raised faults.Foreign, which faults.Desk.Act does not declare");
    cr_assert_eq((int)error.which, faults_Desk_Act_error_NONE);
    status = desk_call(&client, &faults_Desk_methods[faults_Desk_Other_index], 2);
    check_status(&status, ABORTED, DECLARED_ERROR, EXECUTED);
    cr_assert_str_eq(status.error, "faults.Foreign");
    close_both(&desk, &client);
}

Test(errors, cannot_be_raised_by_an_oneway_operation)
{
    struct desk desk;
    struct client client;
    open_both(&desk, &client, desk_raise_short);
    cr_assert_eq((int)faults_Desk_Tell(client.channel, &(faults_Order){.op = 1}, NULL), SEMEL_OK);
    server_wait_runs(&desk.server, 1, 1);
    check_alive(&desk, &client);
    cr_assert_eq(client_stats(&client).failed_by[SEMEL_REASON_HANDLER], 1);
    cr_assert_eq(client_stats(&client).failed_by[SEMEL_REASON_DECLARED_ERROR], 0);
    close_both(&desk, &client);
}
