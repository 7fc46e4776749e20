/* The link: its whole table, and what becomes of every kind of wrong byte.
 *
 * Reads best next: sendq_test.c. */
#include "core/link.h"

#include <signal.h>

#include "core/bytes.h"
#include "core/limits.h"
#include "pair.h"
#include "support.h"

/* ---- the table, written from semantics, section 5 ---- */

/* Every line: who sends what in which state, and where it leads.  What is not here is not allowed. */
static const struct rule {
    enum link_role sender;
    enum frame_type type;
    enum link_state in;
    enum link_state to;
} rules[] = {
    /* No request is sent before WELCOME. */
    {LINK_CLIENT, FRAME_HELLO, LINK_EXPECT_HELLO, LINK_EXPECT_ANSWER},
    {LINK_SERVER, FRAME_WELCOME, LINK_EXPECT_ANSWER, LINK_OPEN},
    {LINK_SERVER, FRAME_REFUSE, LINK_EXPECT_ANSWER, LINK_FINISHED},
    /* Work, heartbeats from both sides. */
    {LINK_CLIENT, FRAME_REQUEST, LINK_OPEN, LINK_OPEN},
    {LINK_CLIENT, FRAME_CANCEL, LINK_OPEN, LINK_OPEN},
    {LINK_CLIENT, FRAME_PING, LINK_OPEN, LINK_OPEN},
    {LINK_CLIENT, FRAME_PONG, LINK_OPEN, LINK_OPEN},
    {LINK_SERVER, FRAME_REPLY, LINK_OPEN, LINK_OPEN},
    {LINK_SERVER, FRAME_RECEIPT, LINK_OPEN, LINK_OPEN},
    /* Calls back: the same the other way, as long as there is a connection. */
    {LINK_SERVER, FRAME_REQUEST, LINK_OPEN, LINK_OPEN},
    {LINK_SERVER, FRAME_REQUEST, LINK_DRAINING, LINK_DRAINING},
    {LINK_SERVER, FRAME_REQUEST, LINK_FINISHED, LINK_FINISHED},
    {LINK_SERVER, FRAME_CANCEL, LINK_OPEN, LINK_OPEN},
    {LINK_SERVER, FRAME_CANCEL, LINK_DRAINING, LINK_DRAINING},
    {LINK_SERVER, FRAME_CANCEL, LINK_FINISHED, LINK_FINISHED},
    {LINK_CLIENT, FRAME_REPLY, LINK_OPEN, LINK_OPEN},
    {LINK_CLIENT, FRAME_REPLY, LINK_DRAINING, LINK_DRAINING},
    {LINK_CLIENT, FRAME_REPLY, LINK_FINISHED, LINK_FINISHED},
    {LINK_CLIENT, FRAME_RECEIPT, LINK_OPEN, LINK_OPEN},
    {LINK_CLIENT, FRAME_RECEIPT, LINK_DRAINING, LINK_DRAINING},
    {LINK_CLIENT, FRAME_RECEIPT, LINK_FINISHED, LINK_FINISHED},
    {LINK_SERVER, FRAME_PING, LINK_OPEN, LINK_OPEN},
    {LINK_SERVER, FRAME_PONG, LINK_OPEN, LINK_OPEN},
    /* A client may leave on its own; a server may tell why it closes, at any time. */
    {LINK_CLIENT, FRAME_BYE, LINK_OPEN, LINK_FINISHED},
    {LINK_SERVER, FRAME_REFUSE, LINK_OPEN, LINK_FINISHED},
    {LINK_SERVER, FRAME_REFUSE, LINK_DRAINING, LINK_FINISHED},
    {LINK_SERVER, FRAME_REFUSE, LINK_FINISHED, LINK_FINISHED},
    /* Drain: GOAWAY, what crossed it, the answers, BYE, the last answers. */
    {LINK_SERVER, FRAME_GOAWAY, LINK_OPEN, LINK_DRAINING},
    {LINK_CLIENT, FRAME_REQUEST, LINK_DRAINING, LINK_DRAINING},
    {LINK_CLIENT, FRAME_CANCEL, LINK_DRAINING, LINK_DRAINING},
    {LINK_CLIENT, FRAME_PING, LINK_DRAINING, LINK_DRAINING},
    {LINK_CLIENT, FRAME_PONG, LINK_DRAINING, LINK_DRAINING},
    {LINK_CLIENT, FRAME_BYE, LINK_DRAINING, LINK_FINISHED},
    {LINK_SERVER, FRAME_REPLY, LINK_DRAINING, LINK_DRAINING},
    {LINK_SERVER, FRAME_RECEIPT, LINK_DRAINING, LINK_DRAINING},
    {LINK_SERVER, FRAME_PING, LINK_DRAINING, LINK_DRAINING},
    {LINK_SERVER, FRAME_PONG, LINK_DRAINING, LINK_DRAINING},
    {LINK_CLIENT, FRAME_PING, LINK_FINISHED, LINK_FINISHED},
    {LINK_CLIENT, FRAME_PONG, LINK_FINISHED, LINK_FINISHED},
    {LINK_SERVER, FRAME_REPLY, LINK_FINISHED, LINK_FINISHED},
    {LINK_SERVER, FRAME_RECEIPT, LINK_FINISHED, LINK_FINISHED},
    {LINK_SERVER, FRAME_PING, LINK_FINISHED, LINK_FINISHED},
    {LINK_SERVER, FRAME_PONG, LINK_FINISHED, LINK_FINISHED},
    /* BYE and GOAWAY may cross. */
    {LINK_SERVER, FRAME_GOAWAY, LINK_FINISHED, LINK_FINISHED},
};

static enum link_state expected_state(enum link_role sender, enum frame_type type, enum link_state in)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].sender == sender && rules[i].type == type && rules[i].in == in)
            return rules[i].to;
    return LINK_CLOSED;
}

/* Walks a pair to a state by honest frames. */
static void walk_to(struct pair *pair, enum link_state state)
{
    pair_init(pair);
    if (state >= LINK_EXPECT_ANSWER)
        pair_pass(pair, LINK_CLIENT, FRAME_HELLO);
    if (state >= LINK_OPEN)
        pair_welcome(pair);
    if (state == LINK_DRAINING || state == LINK_FINISHED)
        pair_pass(pair, LINK_SERVER, FRAME_GOAWAY);
    if (state == LINK_FINISHED)
        pair_pass(pair, LINK_CLIENT, FRAME_BYE);
    cr_assert_eq(pair->client.state, state);
    cr_assert_eq(pair->server.state, state);
}

Test(link, sending_keeps_to_the_table)
{
    for (int role = LINK_CLIENT; role <= LINK_SERVER; role++) {
        for (int state = LINK_EXPECT_HELLO; state < LINK_STATE_COUNT; state++) {
            for (int type = FRAME_NONE; type < FRAME_TYPE_COUNT; type++) {
                struct pair pair;
                walk_to(&pair, (enum link_state)state);
                struct link *link = role == LINK_CLIENT ? &pair.client : &pair.server;
                enum link_state to = expected_state((enum link_role)role, (enum frame_type)type,
                                                    (enum link_state)state);
                cr_assert_eq(link_may_send(link, (enum frame_type)type), to != LINK_CLOSED, "%d sends %s in %s",
                             role, frame_type_name((enum frame_type)type),
                             link_state_name((enum link_state)state));
                if (to == LINK_CLOSED)
                    continue;
                link_sending(link, (enum frame_type)type);
                cr_assert_eq(link->state, to);
            }
        }
    }
}

Test(link, receiving_keeps_to_the_table)
{
    for (int role = LINK_CLIENT; role <= LINK_SERVER; role++) {
        for (int state = LINK_EXPECT_HELLO; state < LINK_STATE_COUNT; state++) {
            for (int type = FRAME_HELLO; type < FRAME_TYPE_COUNT; type++) {
                struct pair pair;
                walk_to(&pair, (enum link_state)state);
                struct link *to = role == LINK_CLIENT ? &pair.server : &pair.client;
                struct packet packet = pair_forge(&pair, (enum link_role)role, (enum frame_type)type);
                enum link_state next = expected_state((enum link_role)role, (enum frame_type)type,
                                                      (enum link_state)state);
                struct frame frame;
                size_t size;
                enum semel_reason bad = SEMEL_REASON_NONE;
                enum link_result result = link_parse(to, packet.bytes, packet.size, &frame, &size, &bad);
                cr_assert_eq(to->state, next, "%s by %d in %s", frame_type_name((enum frame_type)type), role,
                             link_state_name((enum link_state)state));
                cr_assert_eq(result, next == LINK_CLOSED ? LINK_BAD : LINK_FRAME);
                cr_assert_eq(bad, next == LINK_CLOSED ? SEMEL_REASON_BAD_STATE : SEMEL_REASON_NONE);
            }
        }
    }
}

Test(link, nothing_may_be_sent_once_closed)
{
    struct pair pair;
    walk_to(&pair, LINK_OPEN);
    link_close(&pair.client);
    for (int type = FRAME_NONE; type < FRAME_TYPE_COUNT; type++)
        cr_assert_not(link_may_send(&pair.client, (enum frame_type)type));
}

Test(link, sending_what_is_not_allowed_is_a_bug, .signal = SIGABRT)
{
    struct pair pair;
    walk_to(&pair, LINK_EXPECT_ANSWER);
    link_sending(&pair.client, FRAME_REQUEST);
}

Test(link, feeding_a_closed_link_is_a_bug, .signal = SIGABRT)
{
    struct pair pair;
    walk_to(&pair, LINK_OPEN);
    link_close(&pair.server);
    link_parse(&pair.server, (const uint8_t *)"", 0, NULL, NULL, NULL);
}

Test(link, states_have_names)
{
    static const char *const names[] = {"CLOSED", "EXPECT_HELLO", "EXPECT_ANSWER",
                                        "OPEN",   "DRAINING",     "FINISHED"};
    for (int state = 0; state < LINK_STATE_COUNT; state++)
        cr_assert_str_eq(link_state_name((enum link_state)state), names[state]);
    cr_assert_str_eq(link_state_name((enum link_state)LINK_STATE_COUNT), "?");
}

/* ---- bytes in, frames out ---- */

Test(link, needs_exactly_what_is_missing)
{
    struct pair pair;
    walk_to(&pair, LINK_OPEN);
    struct packet packet = pair_request(&pair, 100);
    for (size_t size = 0; size <= packet.size; size++) {
        uint8_t *bytes = exact_copy(packet.bytes, size);
        struct frame frame;
        size_t needed = 0;
        enum semel_reason bad;
        enum link_result result = link_parse(&pair.server, bytes, size, &frame, &needed, &bad);
        cr_assert_eq(result, size < packet.size ? LINK_NEED_MORE : LINK_FRAME, "%zu", size);
        cr_assert_eq(needed, size < FRAME_HEADER_SIZE ? FRAME_HEADER_SIZE : packet.size, "%zu", size);
        if (result == LINK_FRAME) {
            cr_assert_eq(frame.body, bytes + FRAME_HEADER_SIZE);
            cr_assert_eq(frame.body_size, 100);
        }
        free(bytes);
    }
}

/* Feeds a stream in pieces from memory of exactly their size; returns a digest over all frames that came out. */
static uint64_t feed(struct link *link, const uint8_t *stream, size_t size, size_t piece, int *ret_frames)
{
    uint64_t sum = 0;
    size_t begin = 0;
    *ret_frames = 0;
    for (size_t end = piece < size ? piece : size;; end = end + piece < size ? end + piece : size) {
        for (;;) {
            uint8_t *bytes = exact_copy(stream + begin, end - begin);
            struct frame frame;
            size_t taken;
            enum semel_reason bad;
            enum link_result result = link_parse(link, bytes, end - begin, &frame, &taken, &bad);
            cr_assert_neq(result, LINK_BAD);
            if (result == LINK_FRAME) {
                sum = frame_digest(sum ^ frame.seq ^ frame.digest, frame.body, frame.body_size);
                ++*ret_frames;
                begin += taken;
            }
            free(bytes);
            if (result == LINK_NEED_MORE)
                break;
        }
        if (end == size)
            return sum;
    }
}

Test(link, pieces_make_no_difference)
{
    static uint8_t stream[8192];
    struct pair start;
    walk_to(&start, LINK_OPEN);
    size_t size = 0;
    for (int i = 0; i < 12; i++) {
        struct packet packet = pair_request(&start, (size_t)i * 17 % 300);
        memcpy(stream + size, packet.bytes, packet.size);
        size += packet.size;
    }
    struct link link = start.server;
    int frames;
    uint64_t whole = feed(&link, stream, size, size, &frames);
    cr_assert_eq(frames, 12);
    for (size_t piece = 1; piece < size; piece = piece < 300 ? piece + 1 : piece + 97) {
        link = start.server;
        cr_assert_eq(feed(&link, stream, size, piece, &frames), whole, "pieces of %zu", piece);
        cr_assert_eq(frames, 12);
    }
}

/* The server speaks after the header of a request came and before its body did, at every byte between. */
static enum semel_reason speak_between(enum frame_type type, size_t split)
{
    struct pair pair;
    walk_to(&pair, LINK_OPEN);
    struct packet packet = pair_request(&pair, 100);
    struct frame frame;
    size_t size;
    enum semel_reason bad = SEMEL_REASON_NONE;
    cr_assert_eq(link_parse(&pair.server, packet.bytes, split, &frame, &size, &bad), LINK_NEED_MORE);
    link_sending(&pair.server, type);
    if (link_parse(&pair.server, packet.bytes, packet.size, &frame, &size, &bad) == LINK_FRAME)
        cr_assert_eq(frame.body_size, 100);
    return bad;
}

/* Regression: a request whose header came before this side said REFUSE was delivered after it. */
Test(link, a_request_that_refuse_overtook_is_not_delivered)
{
    for (size_t split = 0; split < FRAME_HEADER_SIZE + 100; split++)
        cr_assert_eq(speak_between(FRAME_REFUSE, split), SEMEL_REASON_BAD_STATE, "split %zu", split);
}

Test(link, a_request_that_crosses_goaway_is_delivered)
{
    for (size_t split = 0; split < FRAME_HEADER_SIZE + 100; split++)
        cr_assert_eq(speak_between(FRAME_GOAWAY, split), SEMEL_REASON_NONE, "split %zu", split);
}

/* ---- wrong bytes ---- */

static enum semel_reason reason_for(struct link *link, struct packet packet)
{
    uint8_t *bytes = exact_copy(packet.bytes, packet.size);
    struct frame frame;
    size_t size;
    enum semel_reason bad = SEMEL_REASON_NONE;
    enum link_result result = link_parse(link, bytes, packet.size, &frame, &size, &bad);
    free(bytes);
    cr_assert_neq(result, LINK_NEED_MORE);
    cr_assert_eq(result == LINK_BAD, bad != SEMEL_REASON_NONE);
    cr_assert_eq(result == LINK_BAD, link->state == LINK_CLOSED, "a bad link is closed");
    return bad;
}

Test(link, dropped_frame)
{
    struct pair pair;
    walk_to(&pair, LINK_OPEN);
    pair_request(&pair, 10);
    cr_assert_eq(reason_for(&pair.server, pair_request(&pair, 10)), SEMEL_REASON_BAD_CHECK);
}

Test(link, doubled_frame)
{
    struct pair pair;
    walk_to(&pair, LINK_OPEN);
    struct packet packet = pair_request(&pair, 10);
    cr_assert_eq(reason_for(&pair.server, packet), SEMEL_REASON_NONE);
    cr_assert_eq(reason_for(&pair.server, packet), SEMEL_REASON_BAD_CHECK);
}

Test(link, swapped_frames)
{
    struct pair pair;
    walk_to(&pair, LINK_OPEN);
    pair_request(&pair, 10);
    struct packet second = pair_request(&pair, 10);
    cr_assert_eq(reason_for(&pair.server, second), SEMEL_REASON_BAD_CHECK);
}

Test(link, reflected_frames)
{
    struct pair pair;
    walk_to(&pair, LINK_OPEN);
    cr_assert_eq(reason_for(&pair.client, pair_forge(&pair, LINK_CLIENT, FRAME_PING)), SEMEL_REASON_BAD_CHECK);
    walk_to(&pair, LINK_OPEN);
    cr_assert_eq(reason_for(&pair.server, pair_forge(&pair, LINK_SERVER, FRAME_PING)), SEMEL_REASON_BAD_CHECK);
    pair_init(&pair);
    cr_assert_eq(reason_for(&pair.client, pair_forge(&pair, LINK_CLIENT, FRAME_HELLO)), SEMEL_REASON_BAD_MAGIC);
}

Test(link, frames_of_another_connection)
{
    struct pair old, new;
    walk_to(&old, LINK_OPEN);
    walk_to(&new, LINK_OPEN);
    link_open(&new.client, 99, 4096);
    link_open(&new.server, 99, 4096);
    cr_assert_eq(reason_for(&new.server, pair_request(&old, 10)), SEMEL_REASON_BAD_CHECK);
    cr_assert_eq(reason_for(&new.client, pair_forge(&old, LINK_SERVER, FRAME_REPLY)), SEMEL_REASON_BAD_CHECK);
}

/* WELCOME is checked under the nonce of this HELLO, so that an answer to an older offer is not believed. */
Test(link, welcome_to_another_hello)
{
    struct pair pair;
    walk_to(&pair, LINK_EXPECT_ANSWER);
    struct packet packet = pair_forge(&pair, LINK_SERVER, FRAME_WELCOME);
    link_init(&pair.client, LINK_CLIENT, PAIR_CLIENT_NONCE + 1);
    link_sending(&pair.client, FRAME_HELLO);
    cr_assert_eq(reason_for(&pair.client, packet), SEMEL_REASON_BAD_MAGIC);
}

Test(link, strangers)
{
    struct packet http = {.size = 80};
    memcpy(http.bytes,
           "GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n     ", 80);
    struct pair pair;
    walk_to(&pair, LINK_EXPECT_HELLO);
    cr_assert_eq(reason_for(&pair.server, http), SEMEL_REASON_BAD_MAGIC);
    walk_to(&pair, LINK_EXPECT_ANSWER);
    memcpy(http.bytes, "HTTP/1.1 400 Bad Request", 24);
    cr_assert_eq(reason_for(&pair.client, http), SEMEL_REASON_BAD_MAGIC);
}

Test(link, damaged_body)
{
    struct pair start, pair;
    walk_to(&start, LINK_OPEN);
    struct packet packet = pair_request(&start, 60);
    for (size_t at = FRAME_HEADER_SIZE; at < packet.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            struct packet damaged = packet;
            damaged.bytes[at] ^= (uint8_t)(1 << bit);
            pair = start;
            cr_assert_eq(reason_for(&pair.server, damaged), SEMEL_REASON_BAD_DIGEST);
        }
    }
}

Test(link, frames_over_the_agreed_limit)
{
    struct pair pair;
    walk_to(&pair, LINK_OPEN);
    link_open(&pair.server, PAIR_SERVER_NONCE, FRAME_HEADER_SIZE + 100);
    cr_assert_eq(reason_for(&pair.server, pair_request(&pair, 100)), SEMEL_REASON_NONE);
    cr_assert_eq(reason_for(&pair.server, pair_request(&pair, 101)), SEMEL_REASON_BAD_SIZE);
}

/* The size is refused from the header alone: nobody waits for 4 GiB, or buffers them. */
Test(link, a_huge_size_is_refused_at_once)
{
    struct pair pair;
    walk_to(&pair, LINK_OPEN);
    struct packet packet = pair_request(&pair, 0);
    bytes_store32(packet.bytes, UINT32_MAX);
    frame_seal(packet.bytes, PAIR_SERVER_NONCE);
    cr_assert_eq(reason_for(&pair.server, packet), SEMEL_REASON_BAD_SIZE);
}

Test(link, random_bytes_are_never_frames)
{
    struct rng rng = {8};
    for (int i = 0; i < 200000; i++) {
        struct pair pair;
        pair_init(&pair);
        struct packet packet = {.size = 48 + rng_below(&rng, 64)};
        for (size_t at = 0; at < packet.size; at += 8)
            bytes_store64(packet.bytes + at, rng_next(&rng));
        cr_assert_eq(reason_for(i % 2 == 0 ? &pair.server : &pair.client, packet), SEMEL_REASON_BAD_MAGIC);
    }
}

struct recording {
    uint8_t bytes[4096];
    size_t size;
    size_t begins[64]; /* of the frames; one more than there are */
    int frames;
};

static void record(struct recording *recording, struct pair *pair)
{
    recording->size = 0;
    for (recording->frames = 0; recording->frames < 16; recording->frames++) {
        struct packet packet = pair_request(pair, (size_t)recording->frames * 29 % 120);
        recording->begins[recording->frames] = recording->size;
        memcpy(recording->bytes + recording->size, packet.bytes, packet.size);
        recording->size += packet.size;
    }
    recording->begins[recording->frames] = recording->size;
}

/* Damages a copy of the stream in one of many ways; the first changed byte is at *ret_first or behind it. */
static size_t mutate(const struct recording *from, uint8_t *into, struct rng *rng, size_t *ret_first)
{
    size_t at = rng_below(rng, from->size), other = rng_below(rng, from->size);
    size_t first = at < other ? at : other, last = at < other ? other : at, size = from->size;
    memcpy(into, from->bytes, size);
    switch (rng_below(rng, 5)) {
    case 0: /* a bit */
        into[at] ^= (uint8_t)(1u << rng_below(rng, 8));
        first = at;
        break;
    case 1: /* a byte */
        into[at] = (uint8_t)rng_next(rng);
        first = at;
        break;
    case 2: /* a run missing */
        memmove(into + first, into + last, size - last);
        size -= last - first;
        break;
    case 3: /* a run doubled */
        memcpy(into + last, from->bytes + first, size - last);
        first = last;
        break;
    default: /* a frame in the place of another */
        at = rng_below(rng, (uint64_t)from->frames);
        first = from->begins[rng_below(rng, (uint64_t)from->frames)];
        last = from->begins[at + 1] - from->begins[at];
        memcpy(into + first, from->bytes + from->begins[at], last < size - first ? last : size - first);
    }
    *ret_first = first;
    return size;
}

/* Whatever happens to a stream, what comes out is a prefix of what was sent. */
Test(link, mutated_streams_yield_nothing_that_was_not_sent)
{
    struct rng rng = {9};
    struct pair start;
    static struct recording recording;
    walk_to(&start, LINK_OPEN);
    record(&recording, &start);
    for (int i = 0; i < 200000; i++) {
        uint8_t stream[sizeof recording.bytes];
        size_t first, begin = 0, taken;
        size_t size = mutate(&recording, stream, &rng, &first);
        struct link link = start.server;
        struct frame frame;
        enum semel_reason bad;
        int frames = 0;
        while (link_parse(&link, stream + begin, size - begin, &frame, &taken, &bad) == LINK_FRAME) {
            cr_assert_lt(frames, recording.frames);
            cr_assert_eq(begin, recording.begins[frames]);
            cr_assert_eq(memcmp(stream + begin, recording.bytes + begin, taken), 0);
            begin += taken;
            frames++;
        }
        cr_assert(begin >= first || recording.begins[frames + 1] > first, "all before the damage comes out");
    }
}
