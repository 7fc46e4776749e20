/* A channel as the host of its server.
 *
 * Reads best next: serving.h, server/carried.c. */
#include "client/serving.h"

#include <stddef.h>

#include "client/channel.h"

static semel_channel *channel_of(struct lane *lane)
{
    return container_of(container_of(lane, struct serving, lane), struct semel_channel, serving);
}

/* ---- the lane's host ---- */

static void on_entered(struct lane *lane)
{
    semel_channel *channel = channel_of(lane);
    channel->serving.table++;
    channel->stays++;
    if (channel->wire != NULL)
        serving_check(channel);
    else
        reconnector_wake(&channel->reconnector);
}

/* What was granted can not be taken back on a connection, and what comes on it must not run unremembered. */
static void on_left(struct lane *lane)
{
    semel_channel *channel = channel_of(lane);
    channel->stays--;
    if (lane->wire == NULL)
        return;
    lane->wire = NULL;
    loop_later(channel_loop(channel), &channel->serving.cut);
}

static const struct lane_host host = {.entered = on_entered, .left = on_left};

static void on_cut(struct loop_task *task)
{
    struct serving *serving = container_of(task, struct serving, cut);
    const semel_channel *channel = container_of(serving, struct semel_channel, serving);
    wire_fail(channel->wire, SEMEL_REASON_CLOSED_LOCALLY, 0);
}

void serving_init(semel_channel *channel)
{
    lane_init(&channel->serving.lane, channel->node, &host);
    loop_task_init(&channel->serving.cut, on_cut);
}

void serving_stop(semel_channel *channel)
{
    struct serving *serving = &channel->serving;
    serving_detach(channel, SEMEL_REASON_CLOSED_LOCALLY, 0);
    if (serving->lane.guest != NULL)
        lane_end(&serving->lane, true);
    serving->lane.guest = NULL;
}

/* ---- the handshake ---- */

void serving_tell(const struct serving *serving, struct hello *hello)
{
    hello->window = serving_is_on(serving) ? serving->lane.window : 0;
    hello->table = serving_is_on(serving) ? serving->table : 0;
}

bool serving_resumes(const semel_channel *channel, const struct welcome *welcome, bool resumed)
{
    return resumed && id_equal(&channel->last_domain, &welcome->domain) &&
           channel->last_incarnation == welcome->incarnation;
}

void serving_attach(semel_channel *channel, uint32_t told, bool resumes)
{
    struct serving *serving = &channel->serving;
    serving->told = told;
    if (serving_is_on(serving) && told == serving->table)
        lane_attach(&serving->lane, channel->wire, channel->connection, resumes);
}

void serving_detach(semel_channel *channel, enum semel_reason reason, int os_error)
{
    channel->serving.told = 0;
    loop_task_cancel(channel_loop(channel), &channel->serving.cut);
    lane_detach(&channel->serving.lane, reason, os_error);
}

void serving_check(semel_channel *channel)
{
    struct serving *serving = &channel->serving;
    uint32_t table = serving_is_on(serving) ? serving->table : 0;
    if (channel->wire == NULL || serving->told == table)
        return;
    channel->reconnector.renewing = serving_is_on(serving);
    if (serving->told == 0)
        channel_part(channel);
    else /* calls back to the guest of the HELLO may come, and nobody would answer them */
        loop_later(channel_loop(channel), &serving->cut);
}

/* ---- frames ---- */

void serving_frame(semel_channel *channel, const struct frame *frame)
{
    struct serving *serving = &channel->serving;
    bool asks = frame->type == FRAME_REQUEST || frame->type == FRAME_CANCEL;
    if (serving->lane.wire == NULL) {
        if (asks && serving->told == 0)
            wire_fail(channel->wire, SEMEL_REASON_BAD_STATE, 0); /* it was granted no calls back */
        return;                                                  /* or the guest has left, and the wire goes */
    }
    channel->callbacks++;
    serving->lane.guest->frame(&serving->lane, frame);
    channel->callbacks--;
}

void serving_sent(semel_channel *channel, struct outgoing *out)
{
    struct serving *serving = &channel->serving;
    if (serving->lane.wire != NULL)
        serving->lane.guest->sent(&serving->lane, out);
    reply_settle(reply_of(out));
}

void serving_writing(semel_channel *channel)
{
    struct lane *lane = &channel->serving.lane;
    if (lane->wire != NULL)
        lane->guest->writing(lane);
}
