/* The service, as it is deployed: it knows nothing of simulations.
 *
 * Reads best next: service.c, simulate.c. */
#ifndef EXAMPLES_SIMULATE_SERVICE_H
#define EXAMPLES_SIMULATE_SERVICE_H

#include "points.semel.h"

enum { CARDS = 4 };

/* What the server remembers, on its disk: a crash loses none of it. */
struct book {
    uint32_t points[CARDS];
};

extern const struct demo_Points_handlers service_handlers; /* their user is a struct book */

#endif
