/* Datagrams on the server: each stands alone, runs or is dropped, and is never answered.
 *
 * It must not know sessions and connections: a datagram has none, and dedup is not asked, since only what may run again
 * travels in one.  Reads best next: datagram.c, core/datagram.h. */
#ifndef SERVER_DATAGRAM_H
#define SERVER_DATAGRAM_H

#include "net/loop.h"
#include "net/transport.h"

struct semel_server;

struct datagram_listener {
    struct datagram_listener *next;
    struct semel_server *server;
    struct endpoint endpoint;
    int fd;
    struct loop_io io;
    struct loop_task again;
    uint8_t *rooms; /* where they are received */
    size_t sizes[TRANSPORT_DATAGRAMS];
    size_t count; /* received together */
    size_t at;    /* of these, the next to look at */
};

/* Receives at an endpoint.  Returns 0 or an errno; *ret_listener is set on success. */
int datagram_listener_open(struct semel_server *server, const struct endpoint *endpoint,
                           struct datagram_listener **ret_listener);
/* Stops receiving and frees it. */
void datagram_listener_close(struct datagram_listener *listener);

#endif
