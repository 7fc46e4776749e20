/* Messages with pieces: the stubs for payloads over what nanopb can count in one field.
 * It must not know: how many calls are made, or when.
 * Reads best next: echo_client.c. */
#include <stdlib.h>

#include "echo.h"
#include "echo.semel.h"
#include "payload.h"

/* Requests are borrowed by the stubs: one does for all. */
static bench_LargeRequest request;

static bool is_right(const bench_LargeReply *reply)
{
    if (reply->pieces_count != request.pieces_count)
        return false;
    for (pb_size_t i = 0; i < reply->pieces_count; i++)
        if (reply->pieces[i]->size != request.pieces[i]->size ||
            !payload_matches(request.pieces[i]->bytes, reply->pieces[i]->bytes, reply->pieces[i]->size))
            return false;
    return true;
}

static bool add_piece(size_t size)
{
    pb_bytes_array_t *piece = malloc(PB_BYTES_ARRAY_T_ALLOCSIZE(size));
    if (piece == NULL)
        return false;
    piece->size = (pb_size_t)size;
    payload_fill(piece->bytes, size);
    request.pieces[request.pieces_count++] = piece;
    return true;
}

static bool prepare(size_t payload_bytes)
{
    request.pieces = calloc(payload_bytes / PB_SIZE_MAX + 1, sizeof(pb_bytes_array_t *));
    if (request.pieces == NULL)
        return false;
    for (size_t left = payload_bytes; left > 0;) {
        size_t size = left < PB_SIZE_MAX ? left : PB_SIZE_MAX;
        if (!add_piece(size))
            return false;
        left -= size;
    }
    return true;
}

static void discard(void)
{
    for (pb_size_t i = 0; i < request.pieces_count; i++)
        free(request.pieces[i]);
    free(request.pieces);
    request = (bench_LargeRequest){0};
}

static enum semel_code call(semel_channel *channel, bool idempotent, semel_status *ret_status, bool *ret_right)
{
    bench_LargeReply reply;
    enum semel_code code = idempotent
                               ? bench_Echo_EchoLargeIdempotent(channel, &request, &reply, NULL, ret_status)
                               : bench_Echo_EchoLarge(channel, &request, &reply, NULL, ret_status);
    if (code != SEMEL_OK)
        return code;
    *ret_right = is_right(&reply);
    bench_Echo_EchoLarge_release(&reply);
    return SEMEL_OK;
}

static void on_done(const bench_LargeReply *reply, const semel_status *status, void *user)
{
    echo_ended(user, status, status->code == SEMEL_OK && is_right(reply));
}

static enum semel_code start(semel_channel *channel, const struct options *options, struct echo_slot *slot)
{
    return options->idempotent
               ? bench_Echo_EchoLargeIdempotent_start(channel, &request, NULL, NULL, on_done, slot)
               : bench_Echo_EchoLarge_start(channel, &request, NULL, NULL, on_done, slot);
}

const struct echo_shape echo_large = {
    .payload_max = OPTIONS_PAYLOAD_MAX,
    .prepare = prepare,
    .discard = discard,
    .call = call,
    .start = start,
};
