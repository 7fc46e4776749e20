/* The peer in tests: seals what it is told to, with the seed that is due.
 *
 * Reads best next: pair.h. */
#include "pair.h"

#include "core/receipt.h"
#include "support.h"

void pair_init(struct pair *pair)
{
    link_init(&pair->client, LINK_CLIENT, PAIR_CLIENT_NONCE);
    /* A real server learns the nonce from HELLO, and seals its one answer under it. */
    link_init(&pair->server, LINK_SERVER, PAIR_CLIENT_NONCE);
    pair->next_seq = 1;
}

static size_t body_size_of(enum frame_type type)
{
    if (type == FRAME_RECEIPT)
        return RECEIPT_RUN_SIZE;
    return type == FRAME_HELLO ? HANDSHAKE_HELLO_SIZE : type == FRAME_WELCOME ? HANDSHAKE_WELCOME_SIZE : 0;
}

static struct packet forge(struct pair *pair, enum link_role sender, struct frame *frame)
{
    struct link *link = sender == LINK_CLIENT ? &pair->client : &pair->server;
    struct packet packet = {.size = FRAME_HEADER_SIZE + frame->body_size};
    assert(packet.size <= sizeof packet.bytes);
    for (size_t i = FRAME_HEADER_SIZE; i < packet.size; i++)
        packet.bytes[i] = (uint8_t)(i * 31 + frame->seq);
    frame->digest = frame_digest(frame->method, packet.bytes + FRAME_HEADER_SIZE, frame->body_size);
    frame_write(packet.bytes, frame);
    frame_seal(packet.bytes, link_seed_out(link, 0));
    link->count_out++;
    return packet;
}

struct packet pair_forge(struct pair *pair, enum link_role sender, enum frame_type type)
{
    struct frame frame = {.type = type,
                          .flags = type == FRAME_DATAGRAM ? FRAME_IDEMPOTENT | FRAME_ONEWAY : 0,
                          .seq = 7,
                          .method = 3,
                          .body_size = body_size_of(type)};
    return forge(pair, sender, &frame);
}

struct packet pair_request(struct pair *pair, size_t body_size)
{
    struct frame frame = {.type = FRAME_REQUEST, .seq = pair->next_seq++, .method = 3, .body_size = body_size};
    return forge(pair, LINK_CLIENT, &frame);
}

void pair_pass(struct pair *pair, enum link_role sender, enum frame_type type)
{
    struct link *from = sender == LINK_CLIENT ? &pair->client : &pair->server;
    struct link *to = sender == LINK_CLIENT ? &pair->server : &pair->client;
    struct packet packet = pair_forge(pair, sender, type);
    struct frame frame;
    size_t size;
    enum semel_reason bad = SEMEL_REASON_NONE;
    link_sending(from, type);
    cr_assert_eq(link_parse(to, packet.bytes, packet.size, &frame, &size, &bad), LINK_FRAME, "%s",
                 semel_reason_name(bad));
    cr_assert_eq(frame.type, type);
}

void pair_welcome(struct pair *pair)
{
    pair_pass(pair, LINK_SERVER, FRAME_WELCOME);
    link_open(&pair->client, PAIR_SERVER_NONCE, 65536);
    link_open(&pair->server, PAIR_SERVER_NONCE, 65536);
}

void pair_open(struct pair *pair)
{
    pair_init(pair);
    pair_pass(pair, LINK_CLIENT, FRAME_HELLO);
    pair_welcome(pair);
}
