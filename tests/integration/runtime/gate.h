/* A durable store that keeps batches in memory and commits when the test says so, or fails, or crashes: what a server
 * does between handing a batch over and hearing of it, one step at a time.
 *
 * It must not know what any test expects.  Reads best next: durable_test.c. */
#ifndef RUNTIME_GATE_H
#define RUNTIME_GATE_H

#include <pthread.h>

#include "fixture.h"
#include "store/store.h"

enum { GATE_BATCHES = 4096 };

struct gate {
    struct store store;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool closed; /* commits wait */
    unsigned waiting;
    unsigned handed; /* commits handed over so far */
    enum store_result result;
    bool keeps; /* what it says that failed, too */
    struct store_commit *commits[16];
    struct {
        uint8_t *bytes;
        size_t size;
    } batches[GATE_BATCHES];
    uint64_t next;
};

/* Open: it commits at once. */
void gate_init(struct gate *gate);
void gate_fini(struct gate *gate);

/* From now on commits wait. */
void gate_shut(struct gate *gate);
/* Commits what waits, with this result, and from now on at once. */
void gate_open(struct gate *gate, enum store_result result);
/* Waits until so many commits wait at the shut gate. */
void gate_wait(struct gate *gate, unsigned waiting);
/* Waits until so many have been handed over, from the beginning. */
void gate_wait_handed(struct gate *gate, unsigned handed);

/* A server on it, as server_open; closing the server leaves the gate as it is: a crash, for what waits. */
void gate_serve(struct gate *gate, struct server *server, const char *const *properties, const char *uri);

#endif
