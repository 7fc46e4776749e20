/* The tap: every frame on every simulated connection, as it is written and as it is read, for who judges a history.
 *
 * It reads bytes as the wire format has them; it must not know sessions or calls.  Reads best next: tap.c. */
#ifndef SIM_TAP_H
#define SIM_TAP_H

#include <semel/sim.h>

#include "core/frame.h"

struct tap_frame {
    uint64_t connection; /* the world's number of it */
    const semel_sim_host *from;
    const semel_sim_host *to;
    bool
        read; /* false: its last byte was taken from the sender; true: its last byte was read by the receiver */
    bool ghost;  /* of an old connection that is played again */
    bool client; /* the sender dialled */
    struct frame frame;
};

/* Called inside the read or write of a host; must not call the world. */
typedef void tap_fn(const struct tap_frame *frame, void *user);

/* One at a time. */
void tap_set(semel_sim *sim, tap_fn *fn, void *user);

/* ---- for stream.c ---- */

struct tap_queued;

/* One direction of a connection, cut into frames. */
struct tap {
    uint8_t *bytes; /* of the frame that is not whole yet */
    size_t size;
    size_t capacity;
    uint64_t written;         /* bytes seen */
    struct tap_queued *first; /* frames written and not read */
    struct tap_queued **last;
};

void tap_init(struct tap *tap);
void tap_fini(struct tap *tap);
/* Bytes were taken from the sender; about: who and where, frame and read left open. */
void tap_written(struct tap *tap, const struct tap_frame *about, const uint8_t *bytes, size_t size);
/* The receiver has read every byte before this one. */
void tap_was_read(struct tap *tap, const struct tap_frame *about, uint64_t upto);

#endif
