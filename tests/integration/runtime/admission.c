/* The busy server.
 *
 * Reads best next: admission.h. */
#include "admission.h"

#include <stdlib.h>

enum { REQUEST_MAX = FRAME_HEADER_SIZE + 16 };

static void send_all(struct peer *peer, unsigned first, unsigned last, unsigned first_op, uint32_t time_ms)
{
    size_t room = (last - first + 1) * REQUEST_MAX, size = 0;
    uint8_t body[16], *bytes = malloc(room);
    cr_assert(bytes != NULL);
    for (unsigned seq = first; seq <= last; seq++) {
        struct frame request = peer_request(seq, 1, ADD, body, peer_body(body, first_op + seq - first));
        request.time_ms = time_ms;
        size += peer_build(peer, &request, bytes + size, room - size);
    }
    cr_assert(peer_write(peer, bytes, size));
    free(bytes);
}

void busy_send(struct peer *peer, unsigned first, unsigned last, uint32_t time_ms)
{
    send_all(peer, first, last, first, time_ms);
}

void busy_send_ops(struct peer *peer, unsigned first, unsigned last, unsigned first_op)
{
    send_all(peer, first, last, first_op, FRAME_NO_DEADLINE);
}

void busy_open(struct server *server, struct peer *peer, const char *const *properties)
{
    struct hello hello = peer_some_hello(1);
    server_open(server, properties);
    server->handler = server_keep;
    peer_connect(peer, server->uri);
    peer_greet(peer, &hello);
    busy_send(peer, 1, 1, FRAME_NO_DEADLINE);
    server_pending(server, 0);
}

void busy_close(struct server *server, struct peer *peer)
{
    peer_close(peer);
    busy_end(server);
}

void busy_end(struct server *server)
{
    server_close(server);
    /* Requests outlive their server: each wants its end. */
    for (size_t i = 0; i < server->pending_count; i++)
        if (server->pending[i] != NULL)
            semel_request_finish(server->pending[i], &(probe_Reply){.op = 0});
}

struct frame busy_expect(struct peer *peer, unsigned seq, enum semel_reason reason, enum semel_outcome outcome)
{
    struct frame reply = peer_expect(peer, FRAME_REPLY);
    cr_assert_eq(reply.seq, seq, "answered: %llu, expected: %u", (unsigned long long)reply.seq, seq);
    cr_assert_eq(reply.aux, (uint32_t)reason, "%u: %s", seq, semel_reason_name((enum semel_reason)reply.aux));
    cr_assert_eq(reply.flags & FRAME_OUTCOME_MASK, outcome);
    return reply;
}

void busy_finish(struct server *server, unsigned n, unsigned op)
{
    semel_request *request = server_pending(server, n);
    pthread_mutex_lock(&server->mutex);
    server->pending[n] = NULL;
    pthread_mutex_unlock(&server->mutex);
    semel_request_finish(request, &(probe_Reply){.op = op});
}

void busy_finish_all(struct server *server, struct peer *peer, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        busy_finish(server, i, i + 1);
        busy_expect(peer, i + 1, SEMEL_REASON_NONE, SEMEL_OUTCOME_EXECUTED);
    }
}
