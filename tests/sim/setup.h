/* How one seed is set up: who there is, with which limits, and what befalls them.
 *
 * Reads best next: setup.c. */
#ifndef TESTS_SIM_SETUP_H
#define TESTS_SIM_SETUP_H

#include <semel/semel.h>
#include <semel/sim.h>

enum { SERVERS_MAX = 3, CLIENTS_MAX = 3 };

struct setup {
    uint32_t servers;
    uint32_t clients;
    uint32_t durable;       /* a bit for each server: its store outlives it */
    uint32_t ops;           /* in all */
    int64_t faults_ms;      /* how long they go on */
    bool bulky;             /* replies are large */
    uint32_t ballast_bytes; /* what the application has in each durable store; 0: nothing to speak of */
    bool clean;             /* no faults at all: everything must work */
    bool small_tables;      /* MaxSessions or KeepTotal may be reached */
    bool drains;            /* servers are restarted in good order, */
    bool short_drains;      /* with no patience */
    bool cancels;
    bool handlers_think;
    bool handlers_refuse;
    bool hedges;
    bool backs;          /* servers call their clients back, */
    bool renewals;       /* which are served by a new server now and then */
    bool asks;           /* servers ask servers, */
    bool asks_wait;      /* and some wait in synchronous stubs */
    bool recoveries;     /* some channels have a recovery function */
    bool namesakes;      /* all clients have one name */
    bool names;          /* clients look their servers up by name */
    bool eager;          /* channels are to be connected always */
    bool patient;        /* every call waits for its server */
    bool spares_clients; /* they do not crash */
    bool impatient;      /* calls that do not wait try once or twice */
    int64_t lease_ms;
    int64_t heartbeat_ms;
    struct semel_sim_faults faults;
    semel_properties *properties;
};

void setup_choose(semel_sim *sim, struct setup *ret_setup);
void setup_fini(struct setup *setup);

#endif
