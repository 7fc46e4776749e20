/* Messages with one field of bytes: the stubs for payloads that fit it.
 * It must not know: how many calls are made, or when.
 * Reads best next: echo_large.c. */
#include <stdlib.h>

#include "echo.h"
#include "echo.semel.h"
#include "payload.h"

/* Requests are borrowed by the stubs: one does for all. */
static bench_EchoRequest request;

static bool is_right(const bench_EchoReply *reply)
{
    if (reply->payload == NULL) /* an empty field does not travel */
        return request.payload->size == 0;
    return reply->payload->size == request.payload->size &&
           payload_matches(request.payload->bytes, reply->payload->bytes, reply->payload->size);
}

static bool prepare(size_t payload_bytes)
{
    request.payload = malloc(PB_BYTES_ARRAY_T_ALLOCSIZE(payload_bytes));
    if (request.payload == NULL)
        return false;
    request.payload->size = (pb_size_t)payload_bytes;
    payload_fill(request.payload->bytes, payload_bytes);
    return true;
}

static void discard(void)
{
    free(request.payload);
    request.payload = NULL;
}

static enum semel_code call(semel_channel *channel, bool idempotent, semel_status *ret_status, bool *ret_right)
{
    bench_EchoReply reply;
    enum semel_code code = idempotent ? bench_Echo_EchoIdempotent(channel, &request, &reply, NULL, ret_status)
                                      : bench_Echo_Echo(channel, &request, &reply, NULL, ret_status);
    if (code != SEMEL_OK)
        return code;
    *ret_right = is_right(&reply);
    bench_Echo_Echo_release(&reply);
    return SEMEL_OK;
}

static void on_done(const bench_EchoReply *reply, const semel_status *status, void *user)
{
    echo_ended(user, status, status->code == SEMEL_OK && is_right(reply));
}

static void on_noted(const semel_status *status, void *user)
{
    echo_ended(user, status, status->code == SEMEL_OK);
}

static enum semel_code start(semel_channel *channel, const struct options *options, struct echo_slot *slot)
{
    if (options->oneway)
        return bench_Echo_Note_start(channel, &request, NULL, NULL, on_noted, slot);
    return options->idempotent ? bench_Echo_EchoIdempotent_start(channel, &request, NULL, NULL, on_done, slot)
                               : bench_Echo_Echo_start(channel, &request, NULL, NULL, on_done, slot);
}

const struct echo_shape echo_small = {
    .payload_max = PB_SIZE_MAX,
    .prepare = prepare,
    .discard = discard,
    .call = call,
    .start = start,
};
