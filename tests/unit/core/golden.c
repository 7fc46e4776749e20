/* The fields and the bytes of the golden conversation: alice-01 deposits 500, the server drains, and calls back.
 *
 * Reads best next: golden.h. */
#include "golden.h"

#include <string.h>

#include "core/datagram.h"
#include "core/receipt.h"

static const struct hello hello = {
    .version = HANDSHAKE_VERSION,
    .session = {{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae,
                 0xaf}},
    .attempt = 2,
    .nonce = GOLDEN_CLIENT_NONCE,
    .last_domain = {{0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde,
                     0xdf}},
    .last_incarnation = UINT64_C(0x3333333333333333),
    .last_connection = 3,
    .floor = 5,
    .heartbeat_ms = 5000,
    .frame_limit = 1048576,
    .node_instance = 0x41424344,
    .window = 256,
    .table = 1,
    .name_size = 6,
    .name = "teller",
};

static const struct welcome welcome = {
    .version = HANDSHAKE_VERSION,
    .incarnation = UINT64_C(0x3333333333333333),
    .domain = {{0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde,
                0xdf}},
    .connection = 4,
    .nonce = GOLDEN_SERVER_NONCE,
    .lease_ms = 60000,
    .window = 1024,
    .frame_limit = 1048576,
    .heartbeat_ms = 5000,
};

static const uint8_t deposit[13] = "\x0a\x08"
                                   "alice-01"
                                   "\x10\xf4\x03";
static const uint8_t balance[3] = "\x08\xf4\x03";
static const uint8_t degrees[2] = "\x08\x15";

const struct golden golden[GOLDEN_COUNT] = {
    {"HELLO",
     {.type = FRAME_HELLO},
     HANDSHAKE_MAGIC,
     "96000000 01000000 00000000 00000000 00000000 00000000 00000000 00000000 "
     "dd053604 a4ef9767 8a3b5f83 647340a4 01000600 88130000 a0a1a2a3 a4a5a6a7 "
     "a8a9aaab acadaeaf 02000000 00000000 11111111 11111111 d0d1d2d3 d4d5d6d7 "
     "d8d9dadb dcdddedf 33333333 33333333 03000000 00000000 05000000 00000000 "
     "00001000 44434241 00010000 01000000 74656c6c 6572 "},
    {"WELCOME",
     {.type = FRAME_WELCOME, .flags = FRAME_RESUMED},
     GOLDEN_CLIENT_NONCE,
     "6c000000 02010000 00000000 00000000 00000000 00000000 00000000 00000000 "
     "1713eb8e 5f15214d 4142e65b 3e1fef3e 01000000 60ea0000 33333333 33333333 "
     "d0d1d2d3 d4d5d6d7 d8d9dadb dcdddedf 04000000 00000000 22222222 22222222 "
     "00040000 00001000 88130000 "},
    {"REFUSE",
     {.type = FRAME_REFUSE, .flags = FRAME_ELSEWHERE, .aux = SEMEL_REASON_DRAINING, .time_ms = 1000},
     GOLDEN_CLIENT_NONCE,
     "38000000 03080000 00000000 00000000 00000000 00000000 10000000 e8030000 "
     "e54d788d 98e5d161 a00d4320 d8858339 64726169 6e696e67 "},
    {"REQUEST",
     {.type = FRAME_REQUEST, .seq = 5, .method = GOLDEN_METHOD, .aux = 0, .time_ms = 60000},
     GOLDEN_SERVER_NONCE,
     "3d000000 04000000 05000000 00000000 73bcea9e 76e8890a 00000000 60ea0000 "
     "0dc17648 97e5ba5c fe4c7358 2012bb0a 0a08616c 6963652d 303110f4 03 "},
    {"PING",
     {.type = FRAME_PING, .seq = 6, .aux = 1},
     GOLDEN_SERVER_NONCE + GOLDEN_STRIDE,
     "30000000 07000000 06000000 00000000 00000000 00000000 01000000 00000000 "
     "c294d338 0580062d 0d4481e0 412ebe08 "},
    {"CANCEL",
     {.type = FRAME_CANCEL, .seq = 5, .aux = 0},
     GOLDEN_SERVER_NONCE + 2 * GOLDEN_STRIDE,
     "30000000 06000000 05000000 00000000 00000000 00000000 00000000 00000000 "
     "c294d338 0580062d 58d43d9a 0d00954d "},
    {"REPLY",
     {.type = FRAME_REPLY,
      .flags = SEMEL_OUTCOME_EXECUTED,
      .code = SEMEL_OK,
      .seq = 5,
      .method = GOLDEN_METHOD},
     ~GOLDEN_SERVER_NONCE,
     "33000000 05020000 05000000 00000000 73bcea9e 76e8890a 00000000 00000000 "
     "9cee1acb 95e08e39 00bb5685 2caede4f 08f403 "},
    {"GOAWAY",
     {.type = FRAME_GOAWAY},
     ~GOLDEN_SERVER_NONCE + GOLDEN_STRIDE,
     "30000000 09000000 00000000 00000000 00000000 00000000 00000000 00000000 "
     "c294d338 0580062d c4cc4604 7afe2013 "},
    {"BYE",
     {.type = FRAME_BYE, .seq = 6, .aux = 0},
     GOLDEN_SERVER_NONCE + 3 * GOLDEN_STRIDE,
     "30000000 0a000000 06000000 00000000 00000000 00000000 00000000 00000000 "
     "c294d338 0580062d bc005fdc 441fffef "},
    {"REQUEST-BACK",
     {.type = FRAME_REQUEST,
      .flags = FRAME_IDEMPOTENT,
      .seq = 2,
      .method = GOLDEN_PEER_METHOD,
      .aux = 1,
      .time_ms = 60000},
     ~GOLDEN_SERVER_NONCE + 2 * GOLDEN_STRIDE,
     "30000000 04010000 02000000 00000000 5d75bdee 39bef52f 01000000 60ea0000 "
     "84dfe406 3bd03be7 c3fae790 007de090 "},
    {"REPLY-BACK",
     {.type = FRAME_REPLY,
      .flags = SEMEL_OUTCOME_EXECUTED,
      .code = SEMEL_OK,
      .seq = 2,
      .method = GOLDEN_PEER_METHOD},
     GOLDEN_SERVER_NONCE + 4 * GOLDEN_STRIDE,
     "32000000 05020000 02000000 00000000 5d75bdee 39bef52f 00000000 00000000 "
     "bd8cd91a 2f403516 428dde64 34f5d339 0815 "},
    {"RECEIPT",
     {.type = FRAME_RECEIPT},
     ~GOLDEN_SERVER_NONCE + 3 * GOLDEN_STRIDE,
     "48000000 0b000000 00000000 00000000 00000000 00000000 00000000 00000000 "
     "83431a8a be0713d5 3dcf390a 4dcd65d1 06000000 00000000 03000000 0a000000 00000000 01000000 "},
    {"DATAGRAM",
     {.type = FRAME_DATAGRAM,
      .flags = FRAME_IDEMPOTENT | FRAME_ONEWAY,
      .code = DATAGRAM_VERSION,
      .seq = 1,
      .method = GOLDEN_HINT_METHOD},
     DATAGRAM_SEED,
     "32000000 0c030100 01000000 00000000 c6da5580 e32a21ee 00000000 00000000 "
     "019422a9 f6e55c74 60dbcd75 afb342f8 0815 "},
};

static size_t write_receipt(uint8_t *body)
{
    static const uint64_t oneways[] = {6, 7, 8, 10};
    size_t size = 0;
    for (size_t i = 0; i < sizeof oneways / sizeof *oneways; i++)
        (void)receipt_add(body, &size, oneways[i]);
    return size;
}

/* Of the call back: nothing is asked but how warm it is. */
static size_t write_peer_body(enum frame_type type, uint8_t *body)
{
    if (type == FRAME_REQUEST)
        return 0;
    memcpy(body, degrees, sizeof degrees);
    return sizeof degrees;
}

static size_t write_body(const struct frame *frame, uint8_t *body)
{
    if (frame->method == GOLDEN_PEER_METHOD)
        return write_peer_body(frame->type, body);
    switch (frame->type) {
    case FRAME_HELLO: return hello_write(body, &hello);
    case FRAME_WELCOME: welcome_write(body, &welcome); return HANDSHAKE_WELCOME_SIZE;
    case FRAME_REFUSE: memcpy(body, "draining", 8); return 8;
    case FRAME_REQUEST: memcpy(body, deposit, sizeof deposit); return sizeof deposit;
    case FRAME_RECEIPT: return write_receipt(body);
    case FRAME_DATAGRAM: memcpy(body, degrees, sizeof degrees); return sizeof degrees;
    case FRAME_REPLY: memcpy(body, balance, sizeof balance); return sizeof balance;
    default: return 0;
    }
}

size_t golden_write(const struct golden *one, uint8_t *bytes)
{
    struct frame frame = one->frame;
    frame.body = bytes + FRAME_HEADER_SIZE;
    frame.body_size = write_body(&frame, bytes + FRAME_HEADER_SIZE);
    frame.digest = frame_digest(frame.method, frame.body, frame.body_size);
    frame_write(bytes, &frame);
    frame_seal(bytes, one->seed);
    return FRAME_HEADER_SIZE + frame.body_size;
}
