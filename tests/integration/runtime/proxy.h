/* A proxy between a client and a server that cuts the connection after a given byte, once.
 *
 * It must not know frames.  Reads best next: cut_test.c. */
#ifndef RUNTIME_PROXY_H
#define RUNTIME_PROXY_H

#include <pthread.h>
#include <semel/status.h>

enum proxy_direction { PROXY_TO_SERVER, PROXY_TO_CLIENT };

struct proxy {
    char uri[SEMEL_ENDPOINT_TEXT_MAX]; /* where clients connect */
    char server[SEMEL_ENDPOINT_TEXT_MAX];
    int listener;
    int stop[2];
    pthread_t thread;
    /* set before proxy_open; read by its thread only */
    enum proxy_direction direction;
    uint64_t cut_after; /* bytes in that direction, over all connections; UINT64_MAX: never */
    bool mortal;        /* after its cut it takes nobody any more; set before a client connects */
    uint64_t passed[2]; /* bytes by direction; to be read after proxy_close */
    unsigned cuts;
    unsigned connections;
};

void proxy_open(struct proxy *proxy, const char *server, enum proxy_direction direction, uint64_t cut_after);
void proxy_close(struct proxy *proxy);

#endif
