/* The command line of a simulation.
 *
 * Reads best next: options.c, main.c. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct sim_options {
    uint64_t first;
    uint64_t last;
    int64_t seconds; /* 0: until the last seed */
    uint32_t jobs;
    bool single; /* --seed */
    bool trace;
    bool hash;
    bool help; /* nothing else is asked for */
};

/* Tells on stdout what can be asked for. */
void sim_options_help(const char *program);

/* false: it makes no sense, and stderr says why. */
bool sim_options_parse(int argc, char **argv, struct sim_options *ret_options);

#endif
