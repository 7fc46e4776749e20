/* Who listens for lost oneways: what semel_channel_on_loss told, kept for a test to look at.
 *
 * It must not know what any test expects.  Reads best next: oneway_test.c. */
#ifndef RUNTIME_LOSSES_H
#define RUNTIME_LOSSES_H

#include "fixture.h"

struct losses {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned times;
    const struct semel_method *method; /* of the latest */
    semel_status status;
    pthread_t thread;
    void (*then)(void *arg); /* called after each, on the node's thread; may be NULL */
    void *arg;
};

/* Listens from now on. */
void losses_listen(struct losses *losses, semel_channel *channel);
/* Waits until so many were told; returns the latest. */
const semel_status *losses_wait(struct losses *losses, unsigned times);
unsigned losses_times(struct losses *losses);

#endif
