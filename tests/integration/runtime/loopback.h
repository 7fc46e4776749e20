/* Loopback addresses that are this process's own: no other test that runs meanwhile listens or dials there, so a port
 * that was given back stays free, and a server that comes back finds it so.
 *
 * Reads best next: peer.h. */
#ifndef RUNTIME_LOOPBACK_H
#define RUNTIME_LOOPBACK_H

#include <netinet/in.h>
#include <stdbool.h>

/* Where servers listen: "127.a.b.c". */
const char *loopback_here(void);
/* Another one, for addresses that lead nowhere, or not yet. */
const char *loopback_elsewhere(void);

/* "tcp://HERE:0" and "udp://HERE:0" */
const char *loopback_tcp(void);
const char *loopback_udp(void);

/* A place where nobody listens until the test does, each time another one; uri gets SEMEL_ENDPOINT_TEXT_MAX bytes. */
void loopback_dead(char *uri);

/* Whether this host has [::1]; if the kernel says that it has not, a line "SKIPPED: why" tells so. */
bool loopback_has_six(void);

/* HERE, any port. */
struct sockaddr_in loopback_any(void);
/* Of "tcp://127.x.y.z:PORT" or "udp:...". */
struct sockaddr_in loopback_of(const char *uri);

#endif
