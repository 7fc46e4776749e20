/* The outbox: a ring of calls by seq.
 *
 * Reads best next: outbox.h. */
#include "core/outbox.h"

#include <assert.h>
#include <stdlib.h>

#include "core/limits.h"

enum { FIRST_RING = 64 };

static const struct {
    const char *name;
    unsigned to;
} states[OUTBOX_STATE_COUNT] = {
#define TO(name) (1u << OUTBOX_##name)
#define OUTBOX_STATE_ROW(name, to) {#name, to},
    OUTBOX_STATES(OUTBOX_STATE_ROW)
#undef OUTBOX_STATE_ROW
#undef TO
};

static void set_state(struct outbox_call *call, enum outbox_state state)
{
    assert((states[call->state].to & (1u << state)) != 0);
    call->state = state;
}

void outbox_init(struct outbox *outbox, uint64_t limit)
{
    assert(limit > 0 && limit <= LIMIT_OUTSTANDING_MAX);
    *outbox = (struct outbox){
        .floor = 1, .oldest = 1, .next = 1, .cursor = 1, .limit = limit, .reserved = OUTBOX_NONE};
}

void outbox_fini(struct outbox *outbox)
{
    assert(outbox->count == 0);
    free(outbox->ring);
    outbox->ring = NULL;
    outbox->ring_size = 0;
}

static struct outbox_call **slot(const struct outbox *outbox, uint64_t seq)
{
    return &outbox->ring[seq & (outbox->ring_size - 1)];
}

static bool grow(struct outbox *outbox)
{
    struct outbox grown = *outbox;
    grown.ring_size = outbox->ring_size == 0 ? FIRST_RING : outbox->ring_size * 2;
    grown.ring = calloc(grown.ring_size, sizeof(struct outbox_call *));
    if (grown.ring == NULL)
        return false;
    for (uint64_t seq = outbox->oldest; seq < outbox->next; seq++)
        *slot(&grown, seq) = *slot(outbox, seq);
    free(outbox->ring);
    *outbox = grown;
    return true;
}

void outbox_reserve(struct outbox *outbox, bool keep)
{
    if (!keep)
        outbox->reserved = OUTBOX_NONE;
    else if (outbox->reserved == OUTBOX_NONE)
        outbox->reserved = outbox->next; /* earlier ones have been used */
}

static void put(struct outbox *outbox, struct outbox_call *call, uint64_t seq)
{
    call->seq = seq;
    call->out.order = seq;
    call->state = OUTBOX_READY;
    *slot(outbox, seq) = call;
    outbox->count++;
}

/* The first seq that was kept and is unused; OUTBOX_NONE: none is left. */
static uint64_t next_reserved(const struct outbox *outbox)
{
    if (outbox->reserved == OUTBOX_NONE)
        return OUTBOX_NONE;
    uint64_t from = outbox->reserved > outbox->floor ? outbox->reserved : outbox->floor;
    uint64_t seq = (from + OUTBOX_RESERVE - 1) / OUTBOX_RESERVE * OUTBOX_RESERVE;
    return seq < outbox->next ? seq : OUTBOX_NONE;
}

static void put_reserved(struct outbox *outbox, struct outbox_call *call, uint64_t seq)
{
    assert(*slot(outbox, seq) == NULL);
    outbox->reserved = seq + 1; /* each one once: a server may know it from now on */
    put(outbox, call, seq);
    if (seq < outbox->cursor)
        outbox->cursor = seq;
}

/* Until the gate opens the floor rises no further than to the first call that waits for that.  Without a window the
 * connection is being left, and whatever passes ends with it. */
static bool is_shut_out(const struct outbox *outbox, uint64_t seq)
{
    uint64_t floor = outbox->floor;
    while (floor < seq &&
           (*slot(outbox, floor) == NULL || (*slot(outbox, floor))->passes || (*slot(outbox, floor))->parked))
        floor++;
    return outbox->gated && outbox->window > 0 && seq >= floor + outbox->window;
}

static enum outbox_add_result add_passing(struct outbox *outbox, struct outbox_call *call, uint64_t reserved)
{
    if (is_shut_out(outbox, reserved))
        return OUTBOX_SHUT_OUT;
    put_reserved(outbox, call, reserved);
    return OUTBOX_ADDED;
}

static void raise_floor(struct outbox *outbox)
{
    while (outbox->oldest < outbox->next && *slot(outbox, outbox->oldest) == NULL)
        outbox->oldest++;
    if (outbox->floor < outbox->oldest)
        outbox->floor = outbox->oldest;
    while (outbox->floor < outbox->next &&
           (*slot(outbox, outbox->floor) == NULL || (*slot(outbox, outbox->floor))->parked))
        outbox->floor++;
}

enum outbox_add_result outbox_add(struct outbox *outbox, struct outbox_call *call)
{
    uint64_t reserved = next_reserved(outbox);
    if (call->passes && reserved != OUTBOX_NONE)
        return add_passing(outbox, call, reserved);
    bool skips = outbox->reserved != OUTBOX_NONE && outbox->next % OUTBOX_RESERVE == 0;
    uint64_t span = outbox->next + skips - outbox->oldest;
    if (span >= outbox->limit)
        return OUTBOX_FULL;
    if (span >= outbox->ring_size && !grow(outbox))
        return OUTBOX_NO_MEMORY;
    if (call->passes && is_shut_out(outbox, outbox->next + skips))
        return OUTBOX_SHUT_OUT;
    outbox->next += skips;
    put(outbox, call, outbox->next++);
    if (skips)
        raise_floor(outbox); /* past the seq that was kept: nobody may be left whose end would do it */
    return OUTBOX_ADDED;
}

struct outbox_call *outbox_find(const struct outbox *outbox, uint64_t seq)
{
    if (seq < outbox->oldest || seq >= outbox->next)
        return NULL;
    return *slot(outbox, seq);
}

struct outbox_call *outbox_from(const struct outbox *outbox, uint64_t from)
{
    for (uint64_t seq = from < outbox->oldest ? outbox->oldest : from; seq < outbox->next; seq++)
        if (*slot(outbox, seq) != NULL)
            return *slot(outbox, seq);
    return NULL;
}

void outbox_attach(struct outbox *outbox, struct sendq *queue, uint32_t window)
{
    outbox->queue = queue;
    outbox->window = window;
    if (queue != NULL)
        return;
    /* A replay that the window kept back: the next WELCOME has to judge it anew. */
    for (struct outbox_call *call = outbox_from(outbox, 0); call != NULL;
         call = outbox_from(outbox, call->seq + 1))
        if (call->state == OUTBOX_READY && call->exposed)
            set_state(call, OUTBOX_HELD);
}

static void enqueue(struct outbox *outbox, struct outbox_call *call)
{
    set_state(call, OUTBOX_QUEUED);
    sendq_push(outbox->queue, &call->out);
}

/* The others stay READY, so that the cursor stays. */
static void fill_passing(struct outbox *outbox, uint64_t end)
{
    for (uint64_t seq = outbox->floor; seq < end; seq++) {
        struct outbox_call *call = *slot(outbox, seq);
        if (call != NULL && call->state == OUTBOX_READY && call->passes)
            enqueue(outbox, call);
    }
}

void outbox_fill(struct outbox *outbox)
{
    if (outbox->queue == NULL)
        return;
    uint64_t end = outbox->floor + outbox->window;
    if (end > outbox->next)
        end = outbox->next;
    if (outbox->gated) {
        fill_passing(outbox, end);
        return;
    }
    if (outbox->cursor < outbox->floor)
        outbox->cursor = outbox->floor;
    for (; outbox->cursor < end; outbox->cursor++) {
        struct outbox_call *call = *slot(outbox, outbox->cursor);
        if (call != NULL && call->state == OUTBOX_READY)
            enqueue(outbox, call);
    }
}

void outbox_written(struct outbox_call *call)
{
    set_state(call, OUTBOX_WRITTEN);
    call->exposed = true;
}

void outbox_set(struct outbox *outbox, struct outbox_call *call, enum outbox_state state)
{
    assert(!call->out.queued);
    set_state(call, state);
    if (state == OUTBOX_READY && call->seq < outbox->cursor)
        outbox->cursor = call->seq;
}

bool outbox_unqueue(struct outbox *outbox, struct outbox_call *call)
{
    assert(call->state == OUTBOX_QUEUED);
    if (!call->out.queued)
        return true; /* dropped with its connection, started or not */
    if (call->out.taken > 0)
        return false; /* also on a queue that was taken off: a parting connection finishes what was started */
    assert(outbox->queue != NULL);
    return sendq_remove(outbox->queue, &call->out);
}

void outbox_park(struct outbox *outbox, struct outbox_call *call)
{
    assert(!call->out.queued && !call->parked);
    if (call->state != OUTBOX_DELAYED)
        set_state(call, OUTBOX_DELAYED);
    call->parked = true;
    raise_floor(outbox);
}

bool outbox_end(struct outbox *outbox, struct outbox_call *call)
{
    bool free_frame = !call->out.queued || sendq_remove(outbox->queue, &call->out);
    set_state(call, OUTBOX_ENDED);
    assert(*slot(outbox, call->seq) == call);
    *slot(outbox, call->seq) = NULL;
    outbox->count--;
    raise_floor(outbox);
    return free_frame;
}

const char *outbox_state_name(enum outbox_state state)
{
    return state < OUTBOX_STATE_COUNT ? states[state].name : "?";
}
