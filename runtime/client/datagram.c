/* Datagrams out, and what the network says of those that did not arrive.
 *
 * Reads best next: datagram.h. */
#include "client/datagram.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "client/channel.h"
#include "client/record.h"
#include "core/datagram.h"
#include "core/units.h"
#include "net/status.h"

enum {
    /* What comes back is looked at so often before others have their turn. */
    LOOKS_A_TURN = 64,
    /* Send calls that fail for what the network told of an earlier datagram are tried again, but not for ever. */
    SEND_TRIES = 4,
};

struct datagrams {
    semel_channel *channel;
    const struct endpoint *endpoints;
    size_t endpoint_count;
    size_t at; /* the endpoint that is sent to */
    int fd;    /* -1: none yet */
    struct loop_io io;
    struct loop_task flush;
    uint64_t cursor;                     /* no call that waits has a lower seq */
    const struct semel_method **methods; /* that were sent: a loss names one of them by its id */
    size_t method_count;
};

static const struct transport *transport_of(const struct datagrams *datagrams)
{
    return datagrams->endpoints->transport;
}

bool datagrams_allow(const struct endpoint *endpoints, size_t count, semel_status *ret_status)
{
    for (size_t i = 0; i < count; i++) {
        bool alike = endpoints[i].transport == endpoints[0].transport &&
                     strcmp(endpoints[i].text, endpoints[0].text) == 0;
        if ((endpoints[i].transport->datagrams != NULL || endpoints[0].transport->datagrams != NULL) &&
            !alike) {
            (void)status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_BAD_ADDRESS,
                             "an udp endpoint stands alone: it has no session that another could go on with");
            return false;
        }
    }
    return true;
}

/* ---- the descriptor ---- */

static void close_fd(struct datagrams *datagrams)
{
    if (datagrams->fd < 0)
        return;
    loop_io_close(&datagrams->io);
    transport_of(datagrams)->close(datagrams->fd);
    datagrams->fd = -1;
}

static void on_ready(struct loop_io *io, bool readable, bool writable);

/* To the first address that can be sent to, from the present one on.  Returns 0 or an errno. */
static int open_fd(struct datagrams *datagrams)
{
    int error = 0;
    if (datagrams->fd >= 0)
        return 0;
    for (size_t i = 0; datagrams->fd < 0 && i < datagrams->endpoint_count; i++) {
        error = transport_of(datagrams)->datagrams->open(&datagrams->endpoints[datagrams->at], &datagrams->fd);
        if (error != 0)
            datagrams->at = (datagrams->at + 1) % datagrams->endpoint_count;
    }
    if (datagrams->fd < 0)
        return error;
    loop_io_open(channel_loop(datagrams->channel), &datagrams->io, datagrams->fd, on_ready);
    loop_io_want(&datagrams->io, true, false);
    return 0;
}

/* ---- what did not arrive ---- */

/* Remembers a method that is sent.  Without memory for it its losses are counted, but not told. */
static void note_method(struct datagrams *datagrams, const struct semel_method *method)
{
    for (size_t i = 0; i < datagrams->method_count; i++)
        if (datagrams->methods[i] == method)
            return;
    size_t size = (datagrams->method_count + 1) * sizeof(const struct semel_method *);
    const struct semel_method **grown = realloc(datagrams->methods, size);
    if (grown == NULL)
        return;
    datagrams->methods = grown;
    grown[datagrams->method_count++] = method;
}

static const struct semel_method *find_method(const struct datagrams *datagrams, uint64_t id)
{
    for (size_t i = 0; i < datagrams->method_count; i++)
        if (datagrams->methods[i]->id == id)
            return datagrams->methods[i];
    return NULL;
}

/* Its call has ended long ago, as sent.  The outcome stays UNKNOWN: what says so can be forged, and the network may
 * have doubled the datagram before. */
static void tell_lost(struct datagrams *datagrams, const struct semel_method *method, int os_error)
{
    semel_channel *channel = datagrams->channel;
    semel_status status;
    if (method == NULL || channel->loss == NULL)
        return;
    (void)status_set(&status, SEMEL_UNAVAILABLE, SEMEL_REASON_DATAGRAM_LOST, "%s: %s",
                     semel_reason_text(SEMEL_REASON_DATAGRAM_LOST), strerror(os_error));
    status.outcome = SEMEL_OUTCOME_UNKNOWN;
    status.method = method->name;
    status.attempts = 1;
    channel->callbacks++;
    channel->loss(method, &status, channel->loss_user);
    channel->callbacks--;
}

/* The address does not take datagrams: if there is another, the next ones go there, with those that waited for room. */
static void leave_address(struct datagrams *datagrams)
{
    if (datagrams->endpoint_count == 1)
        return;
    close_fd(datagrams);
    datagrams->at = (datagrams->at + 1) % datagrams->endpoint_count;
    datagrams_kick(datagrams);
}

/* Takes what the network says.  Returns whether it said anything. */
static bool take_losses(struct datagrams *datagrams)
{
    uint8_t bytes[LIMIT_DATAGRAM];
    size_t size;
    int os_error;
    bool refused = false;
    int count = 0;
    while (count < LOOKS_A_TURN && transport_of(datagrams)->datagrams->lost(datagrams->fd, bytes, sizeof bytes,
                                                                            &size, &os_error) == 0) {
        struct frame frame;
        count++;
        refused |= os_error == ECONNREFUSED;
        if (!datagram_recognise(bytes, size, &frame))
            continue; /* not of ours, or too little of it */
        datagrams->channel->stats.datagrams_lost++;
        tell_lost(datagrams, find_method(datagrams, frame.method), os_error);
    }
    if (refused)
        leave_address(datagrams);
    return count > 0;
}

/* Nobody answers a datagram: what comes is thrown away. */
static void discard(struct datagrams *datagrams)
{
    uint8_t bytes[TRANSPORT_DATAGRAMS];
    size_t sizes[TRANSPORT_DATAGRAMS], count;
    struct iovec rooms[TRANSPORT_DATAGRAMS];
    for (size_t i = 0; i < TRANSPORT_DATAGRAMS; i++)
        rooms[i] = (struct iovec){&bytes[i], 1};
    (void)transport_of(datagrams)->datagrams->receive(datagrams->fd, rooms, TRANSPORT_DATAGRAMS, sizes, &count);
}

/* ---- what leaves ---- */

/* The calls that wait, in their order, up to a seq. */
static size_t gather(struct datagrams *datagrams, uint64_t end, struct call **calls, struct iovec *messages)
{
    struct outbox *outbox = &datagrams->channel->outbox;
    size_t count = 0;
    struct outbox_call *slot = outbox_from(outbox, datagrams->cursor);
    datagrams->cursor = slot != NULL ? slot->seq : outbox->next;
    for (; slot != NULL && slot->seq < end && count < TRANSPORT_DATAGRAMS;
         slot = outbox_from(outbox, slot->seq + 1)) {
        if (slot->state != OUTBOX_READY)
            continue; /* cancelled: it ends by itself */
        calls[count] = (struct call *)slot;
        messages[count++] = (struct iovec){slot->out.bytes, slot->out.size};
    }
    return count;
}

/* Before any callback: what one of them does to a call that is on its way comes too late. */
static void mark_sent(struct datagrams *datagrams, struct call *const *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct call *call = calls[i];
        note_method(datagrams, call->method);
        outbox_set(&datagrams->channel->outbox, &call->slot, OUTBOX_QUEUED);
        outbox_written(&call->slot);
    }
}

/* It is not OK, which would say that it ran, and it has not failed. */
static void end_sent(struct call *call)
{
    const struct retry_decision sent = {.action = RETRY_FINISH,
                                        .code = SEMEL_UNKNOWN,
                                        .reason = SEMEL_REASON_DATAGRAM_SENT,
                                        .outcome = SEMEL_OUTCOME_UNKNOWN};
    const struct call_failure none = {.failure = RETRY_ANSWERED};
    semel_status status;
    call_tell_sent(call);
    record_status(call, &sent, 1, &status);
    record_message(&status, &none);
    call_end(call, NULL, NULL, &status);
}

/* It never left this host. */
static void end_unsent(struct call *call, int os_error)
{
    const struct retry_decision unsent = {.action = RETRY_FAIL,
                                          .code = SEMEL_UNAVAILABLE,
                                          .reason = SEMEL_REASON_IO_ERROR,
                                          .outcome = SEMEL_OUTCOME_NOT_EXECUTED};
    const struct call_failure failure = {
        .failure = RETRY_CONNECT_FAILED, .reason = SEMEL_REASON_IO_ERROR, .os_error = os_error};
    semel_status status;
    record_status(call, &unsent, 1, &status);
    record_message(&status, &failure);
    call_end(call, NULL, NULL, &status);
}

/* Sends as many as are taken.  Returns 0 or an errno that is the first one's own: it is said again, and of no earlier
 * one.  The kernel may tell of an earlier one though its queue had no room to say of which. */
static int send_calls(struct datagrams *datagrams, const struct iovec *messages, size_t count, size_t *ret_sent)
{
    int error = 0;
    bool again = false;
    *ret_sent = 0;
    for (int i = 0; i < SEND_TRIES; i++) {
        if ((error = open_fd(datagrams)) != 0)
            return error;
        error = transport_of(datagrams)->datagrams->send(datagrams->fd, messages, count, ret_sent);
        if (error == 0 || error == EAGAIN || (!take_losses(datagrams) && again))
            return error;
        again = true;
    }
    return error;
}

static void on_flush(struct loop_task *task)
{
    struct datagrams *datagrams = container_of(task, struct datagrams, flush);
    struct call *calls[TRANSPORT_DATAGRAMS];
    struct iovec messages[TRANSPORT_DATAGRAMS];
    uint64_t end = datagrams->channel->outbox.next; /* what callbacks start meanwhile has a turn of its own */
    size_t count;
    while ((count = gather(datagrams, end, calls, messages)) > 0) {
        size_t sent;
        int error = send_calls(datagrams, messages, count, &sent);
        datagrams->channel->counters.writes++;
        if (error == EAGAIN || error == EWOULDBLOCK) {
            loop_io_want(&datagrams->io, true, true); /* until there is room, or their deadlines pass */
            return;
        }
        if (error != 0) {
            end_unsent(calls[0], error);
            continue;
        }
        assert(sent > 0 && sent <= count);
        for (size_t i = 0; i < sent; i++)
            datagrams->channel->counters.bytes_out += messages[i].iov_len;
        mark_sent(datagrams, calls, sent);
        for (size_t i = 0; i < sent; i++)
            end_sent(calls[i]);
    }
}

static void on_ready(struct loop_io *io, bool readable, bool writable)
{
    struct datagrams *datagrams = container_of(io, struct datagrams, io);
    if (readable && !take_losses(datagrams))
        discard(datagrams);
    if (!writable || datagrams->fd < 0)
        return;
    loop_io_want(&datagrams->io, true, false);
    datagrams_kick(datagrams);
}

void datagrams_kick(struct datagrams *datagrams)
{
    loop_later(channel_loop(datagrams->channel), &datagrams->flush);
}

/* ---- life ---- */

struct datagrams *datagrams_create(semel_channel *channel, const struct endpoint *endpoints, size_t count)
{
    struct datagrams *datagrams = calloc(1, sizeof *datagrams);
    if (datagrams == NULL)
        return NULL;
    *datagrams = (struct datagrams){
        .channel = channel, .endpoints = endpoints, .endpoint_count = count, .fd = -1, .cursor = 1};
    loop_task_init(&datagrams->flush, on_flush);
    return datagrams;
}

void datagrams_destroy(struct datagrams *datagrams)
{
    if (datagrams == NULL)
        return;
    loop_task_cancel(channel_loop(datagrams->channel), &datagrams->flush);
    close_fd(datagrams);
    free(datagrams->methods);
    free(datagrams);
}
