/* The proxy: a listener, and connections of two flows each that it joins and cuts.
 * It must not know: command lines, signals, or what the bytes mean.
 * Reads best next: main.c. */
#ifndef CUTTER_PROXY_H
#define CUTTER_PROXY_H

#include <sys/socket.h>

#include "flow.h"

struct address {
    struct sockaddr_storage storage;
    socklen_t size;
};

enum { ADDRESS_TEXT_MAX = 80 };

/* Reads HOST:PORT or [HOST]:PORT.  Returns NULL, or what is wrong as a static text. */
const char *address_resolve(const char *text, struct address *ret_address);
/* Writes it as HOST:PORT with numbers; text has ADDRESS_TEXT_MAX bytes. */
void address_text(const struct address *address, char *text);

struct connection;

struct proxy {
    struct ev_loop *loop;
    struct plan plan;
    struct counters counters;
    struct address to;
    ev_io acceptable;
    struct connection *connections; /* all that live, doubly linked */
    uint64_t count;
};

/* Listens at an address; proxy->loop, plan and to have been set.  *ret_bound is the address with its real
 * port. Returns 0, or an errno value. */
int proxy_open(struct proxy *proxy, const struct address *listen_at, struct address *ret_bound);
/* Ends all connections and the listener. */
void proxy_close(struct proxy *proxy);

#endif
