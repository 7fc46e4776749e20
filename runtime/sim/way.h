/* The way of bytes from one end of a connection to the other: what the files of streams share.
 *
 * Reads best next: stream.c, which moves the bytes; meeting.c and trouble.c, which begin and break connections. */
#ifndef SIM_WAY_H
#define SIM_WAY_H

#include "sim/stream.h"

struct stream *stream_create(semel_sim_host *host, enum stream_state state);
/* Its host may have something to do. */
void stream_poke(const struct stream *stream);

bool way_is_blocked(const semel_sim_host *from, const semel_sim_host *to);
/* When something that an end sends now arrives. */
int64_t way_arrival(const struct stream *stream);
/* Bytes of an end, to be sent by way_send, which also takes what was written before. */
void way_put(struct stream *stream, const uint8_t *bytes, size_t size);
void way_send(struct stream *stream, bool fin);
/* What is on its way goes on, if it may. */
void way_plan(struct stream *stream);
/* What is on its way never arrives. */
void way_drop(struct stream_pipe *pipe);
void way_send_reset(struct stream *stream);

/* Events: a reset arrives at an end; an end hears how much room the other has. */
void way_on_reset(void *arg, uint64_t tag);
void way_on_grant(void *arg, uint64_t tag);

/* Begins to dial; from NULL: a ghost. */
struct stream *meeting_start(semel_sim_host *from, semel_sim_host *to, uint16_t port);
/* Events: a dial arrives at its host; its answer (an errno) arrives where it began. */
void meeting_on_syn(void *arg, uint64_t tag);
void meeting_on_answer(void *arg, uint64_t tag);

/* A ghost is connected: it says what it has to say. */
void ghost_play(struct stream *ghost);

#endif
