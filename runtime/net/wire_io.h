/* How the bytes of a wire move; between wire.c and wire_io.c only.
 *
 * Reads best next: wire_io.c. */
#ifndef NET_WIRE_IO_H
#define NET_WIRE_IO_H

#include "net/wire.h"

/* Frames are copied together up to this many bytes a write. */
#define WIRE_GATHER_SIZE (64u * 1024u)

/* The descriptor is ready. */
void wire_ready(struct loop_io *io, bool readable, bool writable);
/* Reads once and hands on every whole frame.  May close the wire. */
void wire_receive(struct wire *wire);
/* Reads all that has arrived while nobody looked.  May close the wire. */
void wire_catch_up(struct wire *wire);
/* Gives memory back that an idle wire does not need. */
void wire_trim(struct wire *wire);

#endif
