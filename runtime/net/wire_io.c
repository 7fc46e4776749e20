/* Bytes in and out of a wire.
 *
 * In: most frames are parsed in a scratch buffer that all wires share and are never copied; only an incomplete frame
 * gets a buffer of its own, which grows with the bytes that really came, not with the size that was announced.
 * Out: the frames of a turn leave in one system call, or a few if there are many; small ones are copied together, large
 * ones are not copied.
 *
 * Reads best next: wire.h. */
#include "net/wire_io.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/units.h"

enum {
    PARTIAL_FIRST = 512,
    /* Spans up to this size are cheaper copied than described to the kernel. */
    COPY_LIMIT = 1024,
    WRITES_A_TURN = 4,
    /* Enough to read the pings of a long silence, and the end of input behind them. */
    READS_TO_CATCH_UP = 64,
    /* Frames of a turn are coalesced up to this many bytes; then the peer gets something to do while the turn goes on.
     * Half of it or twice as much costs a quarter of the calls a second at depth 64. */
    EARLY_WRITE = 2048,
};

/* ---- out ---- */

/* Turns spans into parts, copying runs of small ones together (one alone needs no company).
 * Returns the number of parts and their bytes. */
static size_t lay_out(struct wire *wire, const struct sendq_span *spans, size_t count, struct iovec *parts,
                      size_t *ret_bytes)
{
    uint8_t *at = wire->room->gather;
    const uint8_t *end = at + WIRE_GATHER_SIZE;
    size_t used = 0;
    *ret_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = spans[i].size;
        *ret_bytes += size;
        if (count == 1 || size > COPY_LIMIT || (size_t)(end - at) < size) {
            parts[used++] = (struct iovec){(void *)(uintptr_t)spans[i].bytes, size};
            continue;
        }
        memcpy(at, spans[i].bytes, size);
        if (used > 0 && (uint8_t *)parts[used - 1].iov_base + parts[used - 1].iov_len == at)
            parts[used - 1].iov_len += size;
        else
            parts[used++] = (struct iovec){at, size};
        at += size;
    }
    return used;
}

/* What a system call that failed for good says of the peer.  The kernel's patience may end with one that is there and
 * reads nothing, if so little was sent that all of it had found room in the kernel. */
static void fail_broken(struct wire *wire, int os_error)
{
    bool slow = os_error == ETIMEDOUT && wire_pulse(wire) == TRANSPORT_PULSE_FULL;
    wire_fail(wire, slow ? SEMEL_REASON_SLOW_READER : SEMEL_REASON_IO_ERROR, os_error);
}

static void write_failed(struct wire *wire)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return;
    /* Replies may wait in our receive buffer: the end of input will tell when there are no more. */
    wire->deaf = true;
    if (wire->paused || wire->closing)
        fail_broken(wire, errno);
}

/* One system call.  Returns whether everything gathered was taken. */
static bool write_some(struct wire *wire)
{
    struct sendq_span spans[LIMIT_GATHER];
    struct iovec parts[LIMIT_GATHER];
    size_t bytes;
    size_t count = sendq_gather(&wire->queue, spans, LIMIT_GATHER);
    size_t part_count = lay_out(wire, spans, count, parts, &bytes);
    ssize_t taken = wire->transport->write(wire->fd, parts, part_count);
    wire->counters->writes++;
    if (taken < 0) {
        write_failed(wire);
        return false;
    }
    wire->counters->bytes_out += (uint64_t)taken;
    wire->last_out_ns = wire->last_progress_ns = loop_now(wire->room->loop);
    sendq_took(&wire->queue, (size_t)taken);
    return (size_t)taken == bytes;
}

/* Writes as far as the transport takes it.  May close the wire. */
static void write_out(struct wire *wire)
{
    bool taken = true;
    for (int i = 0; i < WRITES_A_TURN && taken && wire->queue.head != NULL && !wire->deaf; i++)
        taken = write_some(wire);
}

/* ---- in ---- */

static bool reserve_partial(struct wire *wire, size_t size)
{
    if (size <= wire->partial_capacity)
        return true;
    size_t capacity = wire->partial_capacity == 0 ? PARTIAL_FIRST : wire->partial_capacity;
    while (capacity < size)
        capacity *= 2;
    uint8_t *grown = realloc(wire->partial, capacity);
    if (grown == NULL)
        return false;
    wire->partial = grown;
    wire->partial_capacity = capacity;
    return true;
}

/* Keeps what is left of a read (from scratch, or from further back in partial itself) for the next one. */
static bool keep_rest(struct wire *wire, const uint8_t *rest, size_t size)
{
    bool own = wire->partial != NULL && rest >= wire->partial && rest < wire->partial + wire->partial_capacity;
    if (!own && !reserve_partial(wire, size))
        return false;
    if (size > 0 && rest != wire->partial)
        memmove(wire->partial, rest, size);
    wire->partial_size = size;
    return true;
}

static void answer_ping(struct wire *wire, const struct frame *frame)
{
    /* One at a time: who pings without reading must not fill our memory. */
    if (frame->type != FRAME_PING || wire->pong_queued || !link_may_send(&wire->link, FRAME_PONG))
        return;
    const struct frame pong = {.type = FRAME_PONG};
    wire->pong_queued = wire_send_control(wire, &pong, WIRE_ORDER_FIRST, NULL);
}

static void deliver(struct wire *wire, const struct frame *frame)
{
    wire->counters->frames_in++;
    answer_ping(wire, frame);
    wire->events->frame(wire, frame);
    if (wire_is_closed(wire))
        return;
    if (wire->queue.bytes >= EARLY_WRITE)
        write_out(wire);
    if (!wire_is_closed(wire) && wire->queue.bytes > wire->limits.send_limit) {
        wire->paused = true;
        wire_flush_later(wire); /* which also stops listening for more */
    }
}

/* Hands on every whole frame of bytes and keeps the rest.  May close the wire. */
static void consume(struct wire *wire, const uint8_t *bytes, size_t size)
{
    while (!wire->paused && !wire->closing) {
        struct frame frame;
        size_t used;
        enum semel_reason reason;
        enum link_result result = link_parse(&wire->link, bytes, size, &frame, &used, &reason);
        if (result == LINK_BAD) {
            wire_fail(wire, reason, 0);
            return;
        }
        if (result == LINK_NEED_MORE)
            break;
        bytes += used;
        size -= used;
        deliver(wire, &frame);
        if (wire_is_closed(wire))
            return;
    }
    if (!keep_rest(wire, bytes, size))
        wire_fail(wire, SEMEL_REASON_NO_MEMORY, 0);
}

/* The whole size of the frame that partial begins with, as far as it is known. */
static size_t wanted(const struct wire *wire)
{
    return wire->link.header_ready ? FRAME_HEADER_SIZE + wire->link.frame.body_size : FRAME_HEADER_SIZE;
}

/* Where the next read goes.  A frame that fits the scratch buffer is completed there; a large one in its own buffer,
 * which is kept while large frames keep coming. */
static uint8_t *read_target(struct wire *wire, size_t *ret_room)
{
    const struct wire_room *room = wire->room;
    if (wire->partial_size < room->scratch_size && wanted(wire) <= room->scratch_size &&
        wire->partial_capacity <= room->scratch_size) {
        if (wire->partial_size > 0)
            memcpy(room->scratch, wire->partial, wire->partial_size);
        *ret_room = room->scratch_size - wire->partial_size;
        return room->scratch;
    }
    size_t want = wanted(wire);
    size_t next = wire->partial_size < room->scratch_size ? room->scratch_size : wire->partial_size * 2;
    if (!reserve_partial(wire, want > next ? next : want) ||
        (wire->partial_size == wire->partial_capacity && !reserve_partial(wire, wire->partial_size + 1)))
        return NULL;
    size_t end = wire->partial_size > 0 && want > wire->partial_size && want < wire->partial_capacity
                     ? want
                     : wire->partial_capacity;
    *ret_room = end - wire->partial_size;
    return wire->partial;
}

static void read_failed(struct wire *wire, ssize_t got)
{
    if (got == 0)
        wire_fail(wire, SEMEL_REASON_PEER_CLOSED, 0);
    else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        fail_broken(wire, errno);
}

void wire_receive(struct wire *wire)
{
    if (wire->paused || wire->closing)
        return;
    size_t room;
    uint8_t *target = read_target(wire, &room);
    if (target == NULL) {
        wire_fail(wire, SEMEL_REASON_NO_MEMORY, 0);
        return;
    }
    assert(room > 0);
    ssize_t got = wire->transport->read(wire->fd, target + wire->partial_size, room);
    wire->counters->reads++;
    if (got <= 0) {
        read_failed(wire, got);
        return;
    }
    wire->counters->bytes_in += (uint64_t)got;
    wire->last_in_ns = loop_now(wire->room->loop);
    consume(wire, target, wire->partial_size + (size_t)got);
}

void wire_trim(struct wire *wire)
{
    if (wire->partial_size > 0 || wire->partial == NULL)
        return;
    free(wire->partial);
    wire->partial = NULL;
    wire->partial_capacity = 0;
}

/* ---- both ---- */

/* Reads on once the peer has taken enough of what it is owed. */
static void resume(struct wire *wire)
{
    if (!wire->paused || wire->queue.bytes > wire->limits.send_limit / 2)
        return;
    wire->paused = false;
    wire->last_in_ns = loop_now(wire->room->loop);
    if (wire->partial_size > 0)
        consume(wire, wire->partial, wire->partial_size);
}

void wire_catch_up(struct wire *wire)
{
    for (int i = 0; i < READS_TO_CATCH_UP && !wire_is_closed(wire) && !wire->paused && !wire->closing; i++) {
        uint64_t before = wire->counters->bytes_in;
        wire_receive(wire);
        if (wire->counters->bytes_in == before)
            return;
    }
}

/* Whether the peer has been silent so long that bytes written now would go to nobody.  That is seen first by a node
 * that nobody ran for a while: its timers did not fire, and what has arrived was not read.  May close the wire. */
static bool is_dead(struct wire *wire)
{
    if (wire->heartbeat_ns == 0 || wire->paused || wire->closing)
        return false;
    if (loop_now(wire->room->loop) - wire->last_in_ns < wire->heartbeat_ns)
        return false;
    wire_catch_up(wire);
    if (!wire_is_closed(wire) && loop_now(wire->room->loop) - wire->last_in_ns >= wire->heartbeat_ns)
        wire_fail(wire, wire_silence(wire), 0);
    return wire_is_closed(wire);
}

/* A stream that is closed before its input is read is reset, and the peer may lose what it was sent last: a PING that
 * comes after BYE must not cost a reply. */
static void discard_input(const struct wire *wire)
{
    uint8_t bytes[1024]; /* the scratch buffer may hold frames of another wire just now */
    for (int i = 0; i < READS_TO_CATCH_UP; i++)
        if (wire->transport->read(wire->fd, bytes, sizeof bytes) <= 0)
            return;
}

void wire_flush(struct wire *wire)
{
    if (wire_is_closed(wire) || wire->dialling || is_dead(wire))
        return;
    if (wire->events->writing != NULL)
        wire->events->writing(wire);
    if (!wire_is_closed(wire))
        write_out(wire);
    if (wire_is_closed(wire))
        return;
    if (wire->closing && (wire->queue.head == NULL || wire->deaf)) {
        discard_input(wire);
        wire_fail(wire, wire->closing_reason, 0);
        return;
    }
    if (wire->queue.head == NULL)
        wire->last_progress_ns = loop_now(wire->room->loop);
    resume(wire);
    if (!wire_is_closed(wire))
        loop_io_want(&wire->io, !wire->paused && !wire->closing, wire->queue.head != NULL && !wire->deaf);
}

/* ---- readiness ---- */

static void finish_dial(struct wire *wire)
{
    int error = wire->transport->dialled(wire->fd);
    if (error != 0) {
        wire_fail(wire, SEMEL_REASON_CONNECT_FAILED, error);
        return;
    }
    wire->dialling = false;
    wire->transport->prepare(wire->fd);
    loop_io_want(&wire->io, true, false);
    wire->events->connected(wire);
}

void wire_ready(struct loop_io *io, bool readable, bool writable)
{
    struct wire *wire = container_of(io, struct wire, io);
    if (wire->dialling) {
        finish_dial(wire);
        return;
    }
    if (readable)
        wire_receive(wire);
    if (writable && !wire_is_closed(wire))
        wire_flush(wire);
}
