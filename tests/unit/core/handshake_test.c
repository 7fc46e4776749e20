/* HELLO and WELCOME: every field there and back, every truncation, every illegal field.
 *
 * Reads best next: link_test.c. */
#include "core/handshake.h"

#include <signal.h>

#include "core/bytes.h"
#include "support.h"

static struct hello fair_hello(uint16_t name_size)
{
    struct hello hello = {
        .version = HANDSHAKE_VERSION,
        .session = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
        .attempt = UINT64_C(0xa1a2a3a4a5a6a7a8),
        .nonce = UINT64_C(0xb1b2b3b4b5b6b7b8),
        .last_domain = {{31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46}},
        .last_incarnation = UINT64_C(0xc1c2c3c4c5c6c7c8),
        .last_connection = UINT64_C(0xd1d2d3d4d5d6d7d8),
        .floor = UINT64_C(0xe1e2e3e4e5e6e7e8),
        .heartbeat_ms = 0xf1f2f3f4,
        .frame_limit = 0xe1e2e3e4,
        .node_instance = 0x71727374,
        .window = 0xd1d2,
        .table = 0x81828384,
        .name_size = name_size,
    };
    memset(hello.name, 'n', name_size);
    return hello;
}

static struct welcome fair_welcome(void)
{
    return (struct welcome){
        .version = HANDSHAKE_VERSION,
        .incarnation = UINT64_C(0xa1a2a3a4a5a6a7a8),
        .domain = {{31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46}},
        .connection = UINT64_C(0xb1b2b3b4b5b6b7b8),
        .nonce = UINT64_C(0xc1c2c3c4c5c6c7c8),
        .lease_ms = 0xd1d2d3d4,
        .window = 0xe1f2,
        .frame_limit = 0xf1f2f3f4,
        .heartbeat_ms = 0xe5e6e7e8,
    };
}

/* Reads from memory that ends with the body. */
static enum semel_reason read_hello(const uint8_t *body, size_t size, struct hello *ret_hello)
{
    uint8_t *exact = exact_copy(body, size);
    enum semel_reason reason = hello_read(exact, size, ret_hello);
    free(exact);
    return reason;
}

static enum semel_reason read_welcome(const uint8_t *body, size_t size, struct welcome *ret_welcome)
{
    uint8_t *exact = exact_copy(body, size);
    enum semel_reason reason = welcome_read(exact, size, ret_welcome);
    free(exact);
    return reason;
}

static enum semel_reason hello_there_and_back(const struct hello *hello)
{
    uint8_t body[HANDSHAKE_HELLO_SIZE + LIMIT_NODE_NAME];
    struct hello read;
    return read_hello(body, hello_write(body, hello), &read);
}

static enum semel_reason welcome_there_and_back(const struct welcome *welcome)
{
    uint8_t body[HANDSHAKE_WELCOME_SIZE];
    struct welcome read;
    welcome_write(body, welcome);
    return read_welcome(body, sizeof body, &read);
}

Test(handshake, hello_keeps_every_field)
{
    for (uint16_t name_size = 0; name_size <= LIMIT_NODE_NAME; name_size++) {
        struct hello hello = fair_hello(name_size), read;
        uint8_t body[HANDSHAKE_HELLO_SIZE + LIMIT_NODE_NAME];
        size_t size = hello_write(body, &hello);
        cr_assert_eq(size, HANDSHAKE_HELLO_SIZE + name_size);
        cr_assert_eq(read_hello(body, size, &read), SEMEL_REASON_NONE);
        cr_assert(id_equal(&read.session, &hello.session) && id_equal(&read.last_domain, &hello.last_domain));
        cr_assert_eq(read.attempt, hello.attempt);
        cr_assert_eq(read.nonce, hello.nonce);
        cr_assert_eq(read.last_incarnation, hello.last_incarnation);
        cr_assert_eq(read.last_connection, hello.last_connection);
        cr_assert_eq(read.floor, hello.floor);
        cr_assert_eq(read.heartbeat_ms, hello.heartbeat_ms);
        cr_assert_eq(read.frame_limit, hello.frame_limit);
        cr_assert_eq(read.node_instance, hello.node_instance);
        cr_assert_eq(read.window, hello.window);
        cr_assert_eq(read.table, hello.table);
        cr_assert_eq(read.name_size, name_size);
        cr_assert_eq(memcmp(read.name, hello.name, name_size), 0);
    }
}

Test(handshake, welcome_keeps_every_field)
{
    struct welcome welcome = fair_welcome(), read;
    uint8_t body[HANDSHAKE_WELCOME_SIZE];
    welcome_write(body, &welcome);
    cr_assert_eq(read_welcome(body, sizeof body, &read), SEMEL_REASON_NONE);
    cr_assert(id_equal(&read.domain, &welcome.domain));
    cr_assert_eq(read.incarnation, welcome.incarnation);
    cr_assert_eq(read.connection, welcome.connection);
    cr_assert_eq(read.nonce, welcome.nonce);
    cr_assert_eq(read.lease_ms, welcome.lease_ms);
    cr_assert_eq(read.window, welcome.window);
    cr_assert_eq(read.frame_limit, welcome.frame_limit);
    cr_assert_eq(read.heartbeat_ms, welcome.heartbeat_ms);
}

/* README.md: the nonce stands where a server can find it even in the HELLO of another version. */
Test(handshake, fields_stand_where_the_readme_says)
{
    struct hello hello = fair_hello(3);
    uint8_t body[HANDSHAKE_HELLO_SIZE + LIMIT_NODE_NAME];
    hello_write(body, &hello);
    cr_assert_eq(body[0], HANDSHAKE_VERSION);
    cr_assert_eq(body[2], 3);
    cr_assert_eq(bytes_load32(body + 4), hello.heartbeat_ms);
    cr_assert_eq(memcmp(body + 8, hello.session.bytes, 16), 0);
    cr_assert_eq(bytes_load64(body + 24), hello.attempt);
    cr_assert_eq(bytes_load64(body + 32), hello.nonce);
    cr_assert_eq(memcmp(body + 40, hello.last_domain.bytes, 16), 0);
    cr_assert_eq(bytes_load64(body + 56), hello.last_incarnation);
    cr_assert_eq(bytes_load64(body + 64), hello.last_connection);
    cr_assert_eq(bytes_load64(body + 72), hello.floor);
    cr_assert_eq(bytes_load32(body + 80), hello.frame_limit);
    cr_assert_eq(bytes_load32(body + 84), hello.node_instance);
    cr_assert_eq(bytes_load32(body + 88), hello.window);
    cr_assert_eq(bytes_load32(body + 92), hello.table);
    cr_assert_eq(memcmp(body + 96, "nnn", 3), 0);
    struct welcome welcome = fair_welcome();
    welcome_write(body, &welcome);
    cr_assert_eq(bytes_load32(body + 4), welcome.lease_ms);
    cr_assert_eq(bytes_load64(body + 8), welcome.incarnation);
    cr_assert_eq(memcmp(body + 16, welcome.domain.bytes, 16), 0);
    cr_assert_eq(bytes_load64(body + 32), welcome.connection);
    cr_assert_eq(bytes_load64(body + 40), welcome.nonce);
    cr_assert_eq(bytes_load32(body + 48), welcome.window);
    cr_assert_eq(bytes_load32(body + 52), welcome.frame_limit);
    cr_assert_eq(bytes_load32(body + 56), welcome.heartbeat_ms);
}

Test(handshake, every_truncation_and_every_tail_is_refused)
{
    uint8_t body[HANDSHAKE_HELLO_SIZE + LIMIT_NODE_NAME + 8] = {0};
    for (uint16_t name_size = 0; name_size <= LIMIT_NODE_NAME; name_size++) {
        struct hello hello = fair_hello(name_size), read = {.attempt = 77};
        size_t whole = hello_write(body, &hello);
        for (size_t size = 0; size <= whole + 8; size++) {
            if (size == whole)
                continue;
            cr_assert_eq(read_hello(body, size, &read), SEMEL_REASON_BAD_FIELD, "%zu of %zu", size, whole);
            cr_assert_eq(read.attempt, 77, "the result is left alone");
        }
    }
    struct welcome welcome = fair_welcome(), read = {.nonce = 77};
    welcome_write(body, &welcome);
    for (size_t size = 0; size <= HANDSHAKE_WELCOME_SIZE + 8; size++) {
        if (size == HANDSHAKE_WELCOME_SIZE)
            continue;
        cr_assert_eq(read_welcome(body, size, &read), SEMEL_REASON_BAD_FIELD, "%zu", size);
        cr_assert_eq(read.nonce, 77);
    }
}

Test(handshake, another_version_is_told_apart_from_damage)
{
    struct hello hello = fair_hello(0);
    struct welcome welcome = fair_welcome();
    for (unsigned version = 0; version <= UINT16_MAX; version++) {
        hello.version = welcome.version = (uint16_t)version;
        enum semel_reason expected = version == HANDSHAKE_VERSION ? SEMEL_REASON_NONE
                                                                  : SEMEL_REASON_BAD_VERSION;
        cr_assert_eq(hello_there_and_back(&hello), expected);
        cr_assert_eq(welcome_there_and_back(&welcome), expected);
    }
}

/* Regression: a HELLO of another version was cut without a word.  Of its body only version and nonce are believed, so
 * that the server can seal a REFUSE which that client will take. */
Test(handshake, another_version_leaves_a_nonce_to_refuse_with)
{
    struct rng rng = {18};
    uint8_t body[HANDSHAKE_HELLO_SIZE + LIMIT_NODE_NAME];
    for (size_t size = 0; size <= sizeof body; size++) {
        for (size_t at = 0; at < sizeof body; at++)
            body[at] = (uint8_t)rng_next(&rng);
        bytes_store16(body, (uint16_t)(2 + rng_below(&rng, 1000)));
        struct hello hello = {.attempt = 77, .nonce = 78};
        enum semel_reason reason = read_hello(body, size, &hello);
        if (size < HANDSHAKE_HELLO_SIZE) {
            cr_assert_eq(reason, SEMEL_REASON_BAD_FIELD, "%zu bytes are no HELLO of any version", size);
            cr_assert(hello.attempt == 77 && hello.nonce == 78);
            continue;
        }
        cr_assert_eq(reason, SEMEL_REASON_BAD_VERSION);
        cr_assert_eq(hello.version, bytes_load16(body));
        cr_assert_eq(hello.nonce, bytes_load64(body + 32));
        cr_assert(id_is_none(&hello.session) && hello.attempt == 0 && hello.name_size == 0, "nothing else");
    }
}

Test(handshake, hello_without_what_it_needs_is_refused)
{
    struct hello hello = fair_hello(4);
    memset(&hello.session, 0, sizeof hello.session);
    cr_assert_eq(hello_there_and_back(&hello), SEMEL_REASON_BAD_FIELD);
    hello = fair_hello(4);
    hello.attempt = 0;
    cr_assert_eq(hello_there_and_back(&hello), SEMEL_REASON_BAD_FIELD);
    hello = fair_hello(4);
    hello.floor = 0;
    cr_assert_eq(hello_there_and_back(&hello), SEMEL_REASON_BAD_FIELD);
    hello = fair_hello(4);
    hello.frame_limit = LIMIT_FRAME_MIN - 1;
    cr_assert_eq(hello_there_and_back(&hello), SEMEL_REASON_BAD_FIELD);
    hello.frame_limit = LIMIT_FRAME_MIN;
    cr_assert_eq(hello_there_and_back(&hello), SEMEL_REASON_NONE);
}

/* Who takes calls back has a table that remembers them, and the other way round. */
Test(handshake, a_window_without_a_table_is_refused)
{
    static const struct {
        uint32_t window;
        uint32_t table;
        bool fair;
    } cases[] = {{0, 0, true},     {0, 1, false},     {1, 0, false},          {1, 1, true},
                 {65536, 1, true}, {65537, 1, false}, {UINT32_MAX, 1, false}, {1, UINT32_MAX, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hello hello = fair_hello(4);
        hello.window = cases[i].window;
        hello.table = cases[i].table;
        cr_assert_eq(hello_there_and_back(&hello), cases[i].fair ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_FIELD,
                     "window %u, table %u", cases[i].window, cases[i].table);
    }
}

Test(handshake, first_hello_has_seen_nothing)
{
    struct hello hello = fair_hello(0);
    memset(&hello.last_domain, 0, sizeof hello.last_domain);
    hello.last_incarnation = hello.last_connection = 0;
    hello.attempt = hello.floor = 1;
    cr_assert_eq(hello_there_and_back(&hello), SEMEL_REASON_NONE);
}

Test(handshake, a_name_size_that_lies_is_refused)
{
    struct hello hello = fair_hello(10), read;
    uint8_t body[HANDSHAKE_HELLO_SIZE + LIMIT_NODE_NAME];
    size_t size = hello_write(body, &hello);
    for (unsigned told = 0; told <= UINT16_MAX; told++) {
        bytes_store16(body + 2, (uint16_t)told);
        cr_assert_eq(read_hello(body, size, &read), told == 10 ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_FIELD);
    }
}

Test(handshake, welcome_out_of_bounds_is_refused)
{
    struct welcome welcome = fair_welcome();
    memset(&welcome.domain, 0, sizeof welcome.domain);
    cr_assert_eq(welcome_there_and_back(&welcome), SEMEL_REASON_BAD_FIELD);
    welcome = fair_welcome();
    welcome.connection = 0;
    cr_assert_eq(welcome_there_and_back(&welcome), SEMEL_REASON_BAD_FIELD);
    static const struct {
        uint32_t window;
        uint32_t frame_limit;
        bool fair;
    } cases[] = {{0, 4096, false},          {1, 4096, true},  {65536, 4096, true}, {65537, 4096, false},
                 {UINT32_MAX, 4096, false}, {1, 4095, false}, {1, 0, false},       {1, UINT32_MAX, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        welcome = fair_welcome();
        welcome.window = cases[i].window;
        welcome.frame_limit = cases[i].frame_limit;
        cr_assert_eq(welcome_there_and_back(&welcome),
                     cases[i].fair ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_FIELD);
    }
}

/* Regression: a peer could wish for a heartbeat of 1 ms, and the other side did nothing but ping. */
Test(handshake, a_heartbeat_that_would_only_ping_is_refused)
{
    static const struct {
        uint32_t heartbeat_ms;
        enum semel_reason reason;
    } cases[] = {{0, SEMEL_REASON_BAD_FIELD},    {1, SEMEL_REASON_BAD_FIELD}, {49, SEMEL_REASON_BAD_FIELD},
                 {50, SEMEL_REASON_NONE},        {51, SEMEL_REASON_NONE},     {5000, SEMEL_REASON_NONE},
                 {UINT32_MAX, SEMEL_REASON_NONE}};
    cr_assert_eq(LIMIT_HEARTBEAT_MIN_MS, 50);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hello hello = fair_hello(4);
        struct welcome welcome = fair_welcome();
        hello.heartbeat_ms = welcome.heartbeat_ms = cases[i].heartbeat_ms;
        cr_assert_eq(hello_there_and_back(&hello), cases[i].reason, "%u ms", cases[i].heartbeat_ms);
        cr_assert_eq(welcome_there_and_back(&welcome), cases[i].reason, "%u ms", cases[i].heartbeat_ms);
    }
}

/* It is drawn, so that no value of it can be wrong; and it does not spill into the name behind it. */
Test(handshake, every_node_instance_is_fair)
{
    for (unsigned bit = 0; bit <= 32; bit++) {
        struct hello hello = fair_hello(3), read;
        uint8_t body[HANDSHAKE_HELLO_SIZE + LIMIT_NODE_NAME];
        hello.node_instance = bit == 32 ? 0 : UINT32_C(1) << bit;
        cr_assert_eq(read_hello(body, hello_write(body, &hello), &read), SEMEL_REASON_NONE);
        cr_assert_eq(read.node_instance, hello.node_instance);
        cr_assert(read.name_size == 3 && memcmp(read.name, "nnn", 3) == 0);
        cr_assert_eq(read.frame_limit, hello.frame_limit);
    }
}

Test(handshake, random_bodies_never_read_past_their_end)
{
    struct rng rng = {7};
    for (int i = 0; i < 100000; i++) {
        uint8_t body[192];
        size_t size = rng_below(&rng, sizeof body);
        for (size_t at = 0; at < size; at++)
            body[at] = (uint8_t)rng_next(&rng);
        if (size > 3 && rng_below(&rng, 4) > 0)
            memcpy(body, "\x01\0", 2);
        if (size > 3 && rng_below(&rng, 2) > 0)
            bytes_store16(body + 2, (uint16_t)rng_below(&rng, 80));
        struct hello hello;
        struct welcome welcome;
        if (read_hello(body, size, &hello) == SEMEL_REASON_NONE)
            cr_assert(hello.name_size <= LIMIT_NODE_NAME && size == HANDSHAKE_HELLO_SIZE + hello.name_size &&
                      hello.heartbeat_ms >= 50);
        if (read_welcome(body, size, &welcome) == SEMEL_REASON_NONE)
            cr_assert(size == HANDSHAKE_WELCOME_SIZE && welcome.window <= LIMIT_WINDOW_MAX &&
                      welcome.heartbeat_ms >= 50);
    }
}

Test(handshake, writing_too_long_a_name_is_a_bug, .signal = SIGABRT)
{
    uint8_t body[HANDSHAKE_HELLO_SIZE + LIMIT_NODE_NAME + 1];
    struct hello hello = fair_hello(0);
    hello.name_size = LIMIT_NODE_NAME + 1;
    hello_write(body, &hello);
}
