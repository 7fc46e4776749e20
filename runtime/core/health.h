/* How an endpoint has fared: a memory of its failures that fades, to try the healthiest first.  It must not know
 * endpoints beyond that; nothing is ever excluded, only put behind.
 *
 * Reads best next: limiter.h. */
#ifndef CORE_HEALTH_H
#define CORE_HEALTH_H

#include <stddef.h>
#include <stdint.h>

#define HEALTH_FAILURE 1000      /* what one failure adds */
#define HEALTH_PENALTY_MAX 32000 /* after any number of failures it fades within minutes */
#define HEALTH_HALF_LIFE_MS 30000

/* All zero: nothing bad is known. */
struct health {
    uint32_t penalty; /* at changed_ns */
    int64_t changed_ns;
};

void health_failed(struct health *health, int64_t now_ns);
/* A success takes seven eighths of the penalty away. */
void health_worked(struct health *health, int64_t now_ns);

/* What is left of the penalty: half after 30 s, straight lines between the half-lives.  Less than a sixteenth of
 * one failure is forgotten: 0. */
uint32_t health_penalty(const struct health *health, int64_t now_ns);

/* Sorts order, which holds the indexes of the count endpoints in the order of choice, by penalty; equals keep their
 * order. The endpoint that failed last comes last, whatever the others have done; last_failed == count: none. */
void health_order(const struct health *endpoints, size_t count, size_t last_failed, int64_t now_ns,
                  size_t *order);

#endif
