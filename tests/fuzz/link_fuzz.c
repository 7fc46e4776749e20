/* One side of a connection, fed by a peer that sends any frames in any pieces: nothing is delivered that the rules do
 * not allow, nothing that was damaged, and the pieces make no difference.
 *
 * The rules stand here once more, in other words than in core/link.c.  Reads best next: outbox_fuzz.c. */
#include <string.h>

#include "choices.h"
#include "core/handshake.h"
#include "core/link.h"

enum {
    FRAMES_MAX = 40,
    STREAM_MAX = FRAMES_MAX * 900,
    CLIENT_NONCE = 77,
    SERVER_NONCE = 99,
    OPEN_LIMIT = 4096
};

/* What has passed, in both directions. */
struct history {
    bool hello;
    bool welcome;
    bool goaway;
    bool over; /* BYE, or REFUSE */
};

static bool is_allowed(const struct history *history, enum link_role sender, enum frame_type type)
{
    bool client = sender == LINK_CLIENT;
    if (!history->hello)
        return client && type == FRAME_HELLO;
    if (!history->welcome && !history->over)
        return !client && (type == FRAME_WELCOME || type == FRAME_REFUSE);
    switch (type) {
    case FRAME_PING:
    case FRAME_PONG:
    case FRAME_REPLY:
    case FRAME_RECEIPT: return true;
    case FRAME_REQUEST:
    case FRAME_CANCEL: return !client || !history->over;
    case FRAME_BYE: return client && !history->over;
    case FRAME_GOAWAY: return !client && (history->over || !history->goaway);
    case FRAME_REFUSE: return !client;
    default: return false;
    }
}

static void note(struct history *history, enum frame_type type)
{
    history->hello |= type == FRAME_HELLO;
    history->welcome |= type == FRAME_WELCOME;
    history->goaway |= type == FRAME_GOAWAY;
    history->over |= type == FRAME_BYE || type == FRAME_REFUSE;
}

/* One frame of the peer, and what the side under test sends when it has come. */
struct step {
    struct frame frame;
    size_t end; /* in the stream */
    bool damaged;
    enum frame_type answer; /* FRAME_NONE: nothing */
};

struct script {
    enum link_role role; /* of the side under test */
    struct step steps[FRAMES_MAX];
    size_t count;
    uint8_t stream[STREAM_MAX];
    size_t size;
};

/* What a run came to. */
struct outcome {
    size_t delivered;
    enum semel_reason bad; /* NONE: it waits for more */
};

static enum link_role peer_of(enum link_role role)
{
    return role == LINK_CLIENT ? LINK_SERVER : LINK_CLIENT;
}

static void send_one(struct link *link, struct history *history, enum frame_type type)
{
    must(link_may_send(link, type) == is_allowed(history, link->role, type));
    if (!link_may_send(link, type))
        return;
    link_sending(link, type);
    note(history, type);
    if (type == FRAME_WELCOME)
        link_open(link, SERVER_NONCE, OPEN_LIMIT);
}

/* The side under test as the script wants it, up to the end of what has come. */
static struct outcome play(const struct script *script, struct choices *pieces)
{
    struct link link;
    struct history history = {0};
    struct outcome outcome = {0};
    size_t start = 0, end = pieces == NULL ? script->size : 0;
    link_init(&link, script->role, CLIENT_NONCE);
    if (script->role == LINK_CLIENT)
        send_one(&link, &history, FRAME_HELLO);
    for (;;) {
        struct frame frame;
        size_t size;
        enum link_result result = link_parse(&link, script->stream + start, end - start, &frame, &size,
                                             &outcome.bad);
        if (result == LINK_BAD) {
            must(link.state == LINK_CLOSED && outcome.bad != SEMEL_REASON_NONE);
            return outcome;
        }
        if (result == LINK_NEED_MORE) {
            must(size > end - start);
            if (end == script->size)
                return outcome;
            end += 1 + choose(pieces, 128);
            end = end < script->size ? end : script->size;
            continue;
        }
        const struct step *step = &script->steps[outcome.delivered];
        must(outcome.delivered < script->count && !step->damaged);
        must(start + size == step->end && frame.type == step->frame.type && frame.seq == step->frame.seq);
        must(frame.body_size == step->frame.body_size &&
             frame.body == script->stream + start + FRAME_HEADER_SIZE);
        must(is_allowed(&history, peer_of(script->role), frame.type));
        note(&history, frame.type);
        if (frame.type == FRAME_WELCOME)
            link_open(&link, SERVER_NONCE, OPEN_LIMIT);
        start += size;
        outcome.delivered++;
        if (step->answer != FRAME_NONE)
            send_one(&link, &history, step->answer);
    }
}

/* Mostly the frame that belongs there. */
static enum frame_type choose_type(struct choices *choices, const struct script *script)
{
    if (script->count == 0 && !one_in(choices, 8))
        return script->role == LINK_SERVER ? FRAME_HELLO : FRAME_WELCOME;
    return (enum frame_type)choose(choices, FRAME_TYPE_COUNT);
}

static size_t choose_size(struct choices *choices, enum frame_type type)
{
    if (one_in(choices, 16))
        return choose_byte(choices) * 3u;
    switch (type) {
    case FRAME_HELLO: return HANDSHAKE_HELLO_SIZE + choose(choices, LIMIT_NODE_NAME);
    case FRAME_WELCOME: return HANDSHAKE_WELCOME_SIZE;
    case FRAME_REQUEST:
    case FRAME_REPLY:
    case FRAME_REFUSE: return choose_byte(choices);
    default: return 0;
    }
}

/* Under which seed the peer seals its n-th frame: before WELCOME, and after. */
static uint64_t seed_of(const struct script *script, const struct link *peer)
{
    bool opened = false;
    for (size_t i = 0; i < script->count; i++)
        opened |= script->steps[i].frame.type == FRAME_WELCOME || script->steps[i].answer == FRAME_WELCOME;
    if (opened)
        return link_seed_out(peer, 0);
    return script->role == LINK_SERVER ? HANDSHAKE_MAGIC : (uint64_t)CLIENT_NONCE;
}

static void add_step(struct script *script, struct choices *choices, struct link *peer)
{
    struct step *step = &script->steps[script->count];
    uint8_t *start = script->stream + script->size;
    enum frame_type type = choose_type(choices, script);
    size_t size = choose_size(choices, type);
    *step = (struct step){.frame = {.type = type, .body_size = size, .seq = 1 + choose_number(choices)}};
    if (one_in(choices, 16)) {
        step->frame.flags = choose_byte(choices);
        step->frame.aux = (uint32_t)choose_number(choices);
        step->frame.code = choose_byte(choices);
    }
    memset(start + FRAME_HEADER_SIZE, (int)script->count, size);
    step->frame.digest = frame_digest(0, start + FRAME_HEADER_SIZE, size);
    frame_write(start, &step->frame);
    frame_seal(start, seed_of(script, peer));
    peer->count_out++;
    script->size += FRAME_HEADER_SIZE + size;
    step->end = script->size;
    if (one_in(choices, 32)) {
        step->damaged = true;
        start[choose_byte(choices) % (FRAME_HEADER_SIZE + size)] ^= (uint8_t)(1u << choose(choices, 8));
    }
    if (type == FRAME_HELLO && script->role == LINK_SERVER && script->count == 0)
        step->answer = one_in(choices, 8) ? FRAME_REFUSE : FRAME_WELCOME;
    else if (one_in(choices, 4))
        step->answer = (enum frame_type)(1 + choose(choices, FRAME_TYPE_COUNT - 1));
    if (step->answer == FRAME_WELCOME && script->count > 0)
        step->answer = FRAME_NONE; /* it answers the first frame or none */
    /* Frames are counted anew when WELCOME has passed. */
    if ((type == FRAME_WELCOME || step->answer == FRAME_WELCOME) && script->count == 0)
        peer->count_out = 0;
    script->count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct choices choices = {bytes, size};
    static struct script script;
    script.count = script.size = 0;
    script.role = one_in(&choices, 2) ? LINK_CLIENT : LINK_SERVER;
    struct link peer = {.seed_out = script.role == LINK_SERVER ? (uint64_t)SERVER_NONCE
                                                               : ~(uint64_t)SERVER_NONCE};
    while (choices.left > 0 && script.count < FRAMES_MAX)
        add_step(&script, &choices, &peer);
    struct outcome whole = play(&script, NULL);
    struct choices pieces = {bytes, size};
    struct outcome piecewise = play(&script, &pieces);
    must(whole.delivered == piecewise.delivered && whole.bad == piecewise.bad);
    return 0;
}
