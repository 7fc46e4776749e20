/* HELLO out, WELCOME or REFUSE in.
 *
 * Reads best next: dial.h, core/handshake.h, greeting.c. */
#include "client/dial.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client/channel.h"
#include "client/greeting.h"
#include "net/random.h"

static void on_connected(struct wire *wire)
{
    struct dial *dial = wire->owner;
    const semel_channel *channel = dial->channel;
    struct hello hello = {
        .version = HANDSHAKE_VERSION,
        .session = channel->session,
        .attempt = dial->attempt,
        .nonce = wire->link.seed_in, /* what the answer is to be checked under */
        .last_domain = channel->last_domain,
        .last_incarnation = channel->last_incarnation,
        .last_connection = channel->last_connection,
        .floor = channel->outbox.floor,
        .heartbeat_ms = (uint32_t)channel->heartbeat_ms,
        .frame_limit = (uint32_t)channel->frame_limit,
        .node_instance = channel->node->instance,
        .name_size = (uint16_t)strlen(channel->node->name),
    };
    memcpy(hello.name, channel->node->name, hello.name_size);
    serving_tell(&channel->serving, &hello);
    dial->told = hello.table;
    uint8_t body[HANDSHAKE_HELLO_SIZE + LIMIT_NODE_NAME];
    const struct frame frame = {.type = FRAME_HELLO, .body = body, .body_size = hello_write(body, &hello)};
    const uint64_t seed = HANDSHAKE_MAGIC;
    if (!wire_send_control(wire, &frame, WIRE_ORDER_FIRST, &seed))
        wire_fail(wire, SEMEL_REASON_NO_MEMORY, 0);
}

static void on_welcome(struct dial *dial, const struct frame *frame)
{
    semel_channel *channel = dial->channel;
    struct welcome welcome;
    enum semel_reason reason = welcome_read(frame->body, frame->body_size, &welcome);
    if (reason == SEMEL_REASON_NONE &&
        (welcome.heartbeat_ms > channel->heartbeat_ms || welcome.frame_limit > channel->frame_limit))
        reason = SEMEL_REASON_BAD_FIELD;
    if (reason != SEMEL_REASON_NONE) {
        wire_fail(dial->wire, reason, 0);
        return;
    }
    struct wire *wire = dial->wire;
    uint32_t told = dial->told;
    reconnector_connected(&channel->reconnector, dial);
    free(dial);
    channel_take_wire(channel, wire, reconnector_uri(&channel->reconnector));
    greeting_welcome(channel, &welcome, (frame->flags & FRAME_RESUMED) != 0, told);
}

/* The link lets nothing else through before the verdict. */
static void on_frame(struct wire *wire, const struct frame *frame)
{
    struct dial *dial = wire->owner;
    if (frame->type == FRAME_WELCOME) {
        on_welcome(dial, frame);
        return;
    }
    assert(frame->type == FRAME_REFUSE);
    greeting_refused(dial->channel, wire, dial->address.text, frame);
}

static void on_lost(struct wire *wire, enum semel_reason reason, int os_error)
{
    struct dial *dial = wire->owner;
    semel_channel *channel = dial->channel;
    channel->stats.closed_by[reason]++;
    node_log(channel->node, SEMEL_LOG_INFO, "channel %s: no connection to %s: %s",
             channel->name != NULL ? channel->name : "-", dial->address.text, semel_reason_text(reason));
    wire_destroy(wire);
    reconnector_dial_failed(&channel->reconnector, dial, reason, os_error);
    free(dial);
}

/* HELLO is the wire's own frame, sealed by its maker: nothing is sent, dropped or stamped for an owner. */
static const struct wire_events events = {.connected = on_connected, .frame = on_frame, .lost = on_lost};

static struct wire *open_wire(struct dial *dial, int fd)
{
    semel_channel *channel = dial->channel;
    /* A client never stops reading: if both sides did, nobody would move. */
    const struct wire_limits limits = {
        .handshake_ns = channel->connect_timeout_ns, .slow_ns = channel->slow_ns, .send_limit = UINT64_MAX};
    return wire_create(&channel->node->room, dial->address.transport, fd, true, LINK_CLIENT, random_u64(),
                       &limits, &events, &channel->counters, dial);
}

/* Makes the wire.  Returns what was wrong, NONE if nothing. */
static enum semel_reason begin(struct dial *dial, int *ret_os_error)
{
    int fd = -1;
    *ret_os_error = dial->address.transport->dial(&dial->address, &fd);
    if (*ret_os_error != 0)
        return SEMEL_REASON_CONNECT_FAILED;
    dial->wire = open_wire(dial, fd);
    return dial->wire != NULL ? SEMEL_REASON_NONE : SEMEL_REASON_NO_MEMORY;
}

struct dial *dial_start(semel_channel *channel, size_t endpoint, const struct endpoint *address,
                        uint64_t attempt, enum semel_reason *ret_reason, int *ret_os_error)
{
    struct dial *dial = malloc(sizeof *dial);
    channel->stats.dials++;
    *ret_reason = SEMEL_REASON_NO_MEMORY;
    *ret_os_error = 0;
    if (dial != NULL) {
        *dial = (struct dial){
            .channel = channel, .endpoint = endpoint, .address = *address, .attempt = attempt};
        *ret_reason = begin(dial, ret_os_error);
        if (*ret_reason == SEMEL_REASON_NONE)
            return dial;
    }
    free(dial);
    channel->stats.closed_by[*ret_reason]++;
    return NULL;
}

void dial_cancel(struct dial *dial)
{
    dial->channel->stats.dials_cancelled++;
    dial->channel->stats.closed_by[SEMEL_REASON_CLOSED_LOCALLY]++;
    wire_destroy(dial->wire);
    free(dial);
}
