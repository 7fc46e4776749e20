/* A listener: accepts connections on one address.
 *
 * Reads best next: connection.h. */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include "core/timers.h"
#include "net/loop.h"
#include "net/transport.h"

struct semel_server;

struct listener {
    struct listener *next;
    struct semel_server *server;
    struct endpoint endpoint;
    int fd;
    struct loop_io io;
    struct timer pause; /* no descriptors are left: try again after a while */
};

/* Listens at an endpoint.  Returns 0 or an errno; *ret_listener is set on success. */
int listener_open(struct semel_server *server, const struct endpoint *endpoint, struct listener **ret_listener);
/* Stops listening and frees it. */
void listener_close(struct listener *listener);

#endif
