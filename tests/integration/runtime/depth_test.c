/* Messages within messages over real sockets: a hundred levels arrive, one more is refused unheard, and no number of
 * them takes a stack.
 *
 * Reads best next: core/nesting.h, desk.h. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "desk.h"
#include "peer.h"

TestSuite(depth, .timeout = 60);

enum { MOST = LIMIT_MESSAGE_DEPTH };

static void check_end(const semel_status *status, enum semel_code code, enum semel_reason reason,
                      enum semel_outcome outcome)
{
    cr_assert_eq((int)status->code, (int)code, "%s", semel_code_name(status->code));
    cr_assert_eq((int)status->reason, (int)reason, "%s", semel_reason_name(status->reason));
    cr_assert_eq((int)status->outcome, (int)outcome, "%s", semel_outcome_name(status->outcome));
}

static semel_status grow(struct client *client, unsigned depth, unsigned want, unsigned *ret_depth)
{
    semel_status status;
    faults_Tree in = tree_create(depth);
    faults_Tree out;
    in.want = want;
    faults_Desk_Grow(client->channel, &in, &out, NULL, &status);
    *ret_depth = tree_depth(&out);
    faults_Desk_Grow_release(&out);
    faults_Desk_Grow_release(&in);
    return status;
}

static void open_both(struct desk *desk, struct client *client)
{
    desk_open(desk, desk_keep, NULL);
    client_open_unrun(client, NULL, desk->server.uri);
}

static void close_both(struct desk *desk, struct client *client)
{
    client_close(client);
    desk_close(desk);
}

Test(depth, a_hundred_levels_pass_and_one_more_is_malformed)
{
    struct desk desk;
    struct client client;
    unsigned depth;
    open_both(&desk, &client);
    for (unsigned asked = 1; asked <= MOST + 2; asked++) {
        semel_status status = grow(&client, asked, 0, &depth);
        if (asked <= MOST) {
            check_end(&status, SEMEL_OK, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
            cr_assert_eq(depth, asked);
        } else {
            check_end(&status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_MALFORMED, SEMEL_OUTCOME_NOT_EXECUTED);
            cr_assert_eq(status.attempts, 1);
            cr_assert_str_eq(status.message, "messages are nested too deeply");
        }
    }
    cr_assert_eq(server_all_runs(&desk.server), MOST);
    cr_assert_eq(server_stats(&desk.server).refused_by[SEMEL_REASON_MALFORMED], 2);
    close_both(&desk, &client);
}

/* A message that is its own field without being repeated: a pointer as well. */
Test(depth, levels_of_a_single_field_count_as_well)
{
    struct desk desk;
    struct client client;
    open_both(&desk, &client);
    for (unsigned levels = MOST - 1; levels <= MOST + 1; levels++) {
        faults_Tree chain[MOST + 1] = {0};
        faults_Tree out;
        semel_status status;
        for (unsigned i = 1; i < levels; i++)
            chain[i - 1].next = &chain[i];
        faults_Desk_Grow(client.channel, chain, &out, NULL, &status);
        if (levels <= MOST)
            check_end(&status, SEMEL_OK, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
        else
            check_end(&status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_MALFORMED, SEMEL_OUTCOME_NOT_EXECUTED);
        faults_Desk_Grow_release(&out);
    }
    close_both(&desk, &client);
}

/* The message around takes a level, although it never holds its own type. */
Test(depth, levels_around_the_circle_count)
{
    struct desk desk;
    struct client client;
    open_both(&desk, &client);
    for (unsigned depth = MOST - 2; depth <= MOST; depth++) {
        semel_status status;
        faults_Answer answer;
        faults_Parcel in = {.has_tree = true, .tree = tree_create(depth)};
        faults_Desk_Send(client.channel, &in, &answer, NULL, &status);
        if (depth < MOST)
            check_end(&status, SEMEL_OK, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
        else
            check_end(&status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_MALFORMED, SEMEL_OUTCOME_NOT_EXECUTED);
        cr_assert_eq(answer.op, depth < MOST ? depth : 0);
        semel_message_release(faults_Parcel_fields, &in);
    }
    close_both(&desk, &client);
}

Test(depth, a_reply_that_is_too_deep_ran)
{
    struct desk desk;
    struct client client;
    unsigned depth;
    open_both(&desk, &client);
    semel_status status = grow(&client, 1, MOST, &depth);
    check_end(&status, SEMEL_OK, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    cr_assert_eq(depth, MOST);
    status = grow(&client, 2, MOST + 1, &depth);
    check_end(&status, SEMEL_INTERNAL, SEMEL_REASON_DECODE_FAILED, SEMEL_OUTCOME_EXECUTED);
    cr_assert_eq(depth, 1, "what is left is empty");
    cr_assert_eq(status.attempts, 1);
    cr_assert_eq(server_runs(&desk.server, 2), 1);
    cr_assert_eq(client_stats(&client).failed_by[SEMEL_REASON_DECODE_FAILED], 1);
    cr_assert_eq(client_stats(&client).by_rule[SEMEL_RULE_R8], 2);
    close_both(&desk, &client);
}

static enum semel_code raise_deep(struct desk *desk, semel_request *request, const faults_Order *in,
                                  unsigned runs, faults_Answer *out)
{
    (void)desk, (void)runs, (void)out;
    faults_Deep error = {.has_tree = true, .tree = tree_create(in->size)};
    enum semel_code code = faults_Desk_Act_raise_Deep(request, SEMEL_ABORTED, &error);
    semel_message_release(faults_Deep_fields, &error);
    return code;
}

Test(depth, an_error_that_is_too_deep_is_told_by_its_name)
{
    struct desk desk;
    struct client client;
    faults_Desk_Act_error error;
    open_both(&desk, &client);
    desk.handler = raise_deep;
    semel_status status = desk_act(&client, 1, MOST - 1, &error);
    check_end(&status, SEMEL_ABORTED, SEMEL_REASON_DECLARED_ERROR, SEMEL_OUTCOME_EXECUTED);
    cr_assert_eq(tree_depth(&error.as.Deep.tree), MOST - 1);
    faults_Desk_Act_error_release(&error);
    status = desk_act(&client, 2, MOST, &error);
    check_end(&status, SEMEL_INTERNAL, SEMEL_REASON_DECODE_FAILED, SEMEL_OUTCOME_EXECUTED);
    cr_assert_eq((int)error.which, faults_Desk_Act_error_NONE);
    cr_assert_str_eq(status.message, "faults.Deep: messages are nested too deeply");
    close_both(&desk, &client);
}

/* The bytes of trees in one another, as many as fit size, by field 2. */
static uint8_t *deep_bytes(size_t size, size_t *ret_size)
{
    uint8_t *bytes = malloc(size);
    size_t at = size;
    cr_assert(bytes != NULL);
    while (at >= 6) {
        size_t length = size - at;
        uint8_t key[6] = {0x12};
        size_t used = 1;
        do
            key[used++] = (uint8_t)((length & 127) | (length > 127 ? 128 : 0));
        while ((length >>= 7) != 0);
        at -= used;
        memcpy(bytes + at, key, used);
    }
    *ret_size = size - at;
    memmove(bytes, bytes + at, *ret_size);
    return bytes;
}

/* Decoded, it would take the stack many times over. */
Test(depth, a_million_levels_crash_no_server)
{
    struct desk desk;
    struct client client;
    struct peer peer;
    size_t size;
    unsigned depth;
    open_both(&desk, &client);
    struct hello hello = peer_some_hello(1);
    hello.frame_limit = 4 << 20;
    uint8_t *bytes = deep_bytes((4 << 20) - 1000, &size);
    peer_connect(&peer, desk.server.uri);
    peer_greet(&peer, &hello);
    for (uint64_t seq = 1; seq <= 2; seq++) {
        struct frame request = peer_request(seq, 1, ADD, bytes, size);
        request.method = faults_Desk_methods[seq == 1 ? faults_Desk_Grow_index : faults_Desk_Send_index].id;
        cr_assert(peer_send(&peer, &request));
        struct frame reply = peer_expect(&peer, FRAME_REPLY);
        if (seq == 1) {
            cr_assert_eq((int)reply.aux, SEMEL_REASON_MALFORMED);
            cr_assert_eq(reply.flags, SEMEL_OUTCOME_NOT_EXECUTED);
        } else { /* there, field 2 is unknown, and passed over */
            cr_assert_eq((int)reply.code, SEMEL_OK);
        }
    }
    free(bytes);
    peer_close(&peer);
    semel_status status = grow(&client, 3, 0, &depth);
    check_end(&status, SEMEL_OK, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    close_both(&desk, &client);
}
