/* Where an endpoint leads to: what stands in its address in place of numbers.
 *
 * Reads best next: transport.c, names.c. */
#ifndef SIM_PLACE_H
#define SIM_PLACE_H

#include "net/transport.h"
#include "sim/world.h"

enum place_address { PLACE_FIRST, PLACE_SECOND, PLACE_NOBODY /* what is sent there is never answered */ };

struct place {
    int32_t host; /* PLACE_ANY: to listen at */
    uint16_t port;
    uint16_t address; /* which of the host's */
};

enum { PLACE_ANY = -1 };

/* The place of tcp://NAME.net:PORT.  false: there is no such host. */
bool place_named(const char *uri, struct place *ret_place);
void place_set(struct endpoint *endpoint, const struct place *place);

#endif
