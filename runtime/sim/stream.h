/* Streams: listeners and connections between hosts, byte by byte.
 *
 * A connection has two ends and two directions.  What one end writes is on its way for a while and arrives in order;
 * each end holds so many unread bytes and no more.  An end is closed, reset, or falls silent.
 *
 * It must not know frames: the tap does.  Reads best next: way.h, stream.c, transport.c. */
#ifndef SIM_STREAM_H
#define SIM_STREAM_H

#include <sys/uio.h>

#include "net/loop.h"
#include "sim/host.h"

enum stream_state { STREAM_LISTENING, STREAM_DIALLING, STREAM_FAILED, STREAM_OPEN, STREAM_CLOSED };

/* One step on the way: bytes up to end, and perhaps the end of input. */
struct stream_segment {
    struct stream_segment *next;
    uint64_t end;
    int64_t due_ns;
    bool fin;
};

/* One direction, kept at the end that writes. */
struct stream_pipe {
    uint8_t *bytes; /* from base to written */
    size_t capacity;
    uint64_t base;
    uint64_t written;
    uint64_t arrived;
    uint64_t read_upto;
    uint64_t granted; /* read_upto as the writer knows it */
    uint64_t room;    /* unread bytes it takes */
    struct stream_segment *first;
    struct stream_segment **last;
    int64_t last_due_ns;
    int64_t acked_ns; /* when the peer's machine got something last */
    bool moving;      /* an event for the first segment is planned */
    bool granting;    /* news of room is on its way, */
    bool grant_waits; /* or held up */
    bool fin;         /* the end of input has arrived */
    struct tap tap;
};

struct stream {
    int fd;
    semel_sim_host *host; /* NULL: a ghost, who plays an old connection again */
    enum stream_state state;
    struct loop_io *io;
    int error; /* FAILED: of the dial; OPEN: a reset has come */

    /* listeners */
    uint16_t port;
    struct stream *backlog; /* accepted by the kernel, not by the process */
    struct stream *next_in_backlog;

    /* connections */
    uint64_t connection;
    bool client;        /* it dialled */
    bool hushed;        /* both directions are swallowed */
    bool gone;          /* its machine has forgotten it */
    semel_sim_host *to; /* of the side that dialled: whom */
    uint16_t to_port;
    struct stream *peer; /* NULL while it is dialled */
    struct stream_pipe out;
    int64_t latency_ns;
    int64_t patience_ns; /* 0: the kernel sends for ever */
    bool watched;        /* its patience is looked at later */
    /* Held up on the way, until it is free again: a dial, its answer (errno + 1), a reset. */
    bool syn_waits;
    int answer_waits;
    bool reset_waits;
    uint8_t *record; /* what the client wrote, for a ghost to play again */
    size_t record_size;
    bool recorded; /* there is no room for more */
};

struct stream *stream_of(int fd);
/* For loops: what it is ready for. */
bool stream_readable(const struct stream *stream);
bool stream_writable(const struct stream *stream);

int stream_listen(uint16_t port, int *ret_fd);
/* address: of place.h. */
int stream_dial(semel_sim_host *to, uint16_t port, uint16_t address, int *ret_fd);
int stream_dialled(int fd);
int stream_accept(int fd, int *ret_fd);
ssize_t stream_read(int fd, void *into, size_t size);
ssize_t stream_write(int fd, const struct iovec *parts, size_t count);
void stream_close(int fd);
void stream_set_patience(int fd, int64_t patience_ms);
/* Whether the peer's machine has acknowledged every byte; nothing for this long, though it should have; whether it has
 * no room for more. */
bool stream_is_acknowledged(int fd);
bool stream_is_unheard(int fd, int64_t silence_ms);
bool stream_is_full(int fd);
/* Bytes that have not arrived. */
uint64_t stream_under_way(int fd);

/* Faults. */
void stream_cut(struct stream *stream);
void stream_hush(struct stream *stream);
/* A way is free again: what waited goes on. */
void stream_unblock(const semel_sim_host *from, const semel_sim_host *to);
/* The process of a host has ended: its kernel closes its streams, or its machine went down and says nothing. */
void stream_drop(const semel_sim_host *host, bool silent);
/* A machine is back, and knows nothing of the connections it had. */
void stream_restart(const semel_sim_host *host);
/* Sends recorded bytes to a listener, as an old connection whose bytes come late. */
void stream_ghost(semel_sim_host *to, uint16_t port, const uint8_t *bytes, size_t size);
/* How many a host has open. */
int stream_open_count(const semel_sim_host *host);
void stream_free_all(void);

#endif
