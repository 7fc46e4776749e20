/* HELLO and WELCOME to and from bytes; every field checked for what no honest peer sends.
 *
 * Reads best next: README.md, the byte tables. */
#include "core/handshake.h"

#include <assert.h>

#include "core/bytes.h"

size_t hello_write(uint8_t *body, const struct hello *hello)
{
    assert(hello->name_size <= LIMIT_NODE_NAME);
    struct bytes_writer writer = {body, HANDSHAKE_HELLO_SIZE + hello->name_size, false};
    bytes_write16(&writer, hello->version);
    bytes_write16(&writer, hello->name_size);
    bytes_write32(&writer, hello->heartbeat_ms);
    bytes_write(&writer, hello->session.bytes, sizeof hello->session.bytes);
    bytes_write64(&writer, hello->attempt);
    bytes_write64(&writer, hello->nonce);
    bytes_write(&writer, hello->last_domain.bytes, sizeof hello->last_domain.bytes);
    bytes_write64(&writer, hello->last_incarnation);
    bytes_write64(&writer, hello->last_connection);
    bytes_write64(&writer, hello->floor);
    bytes_write32(&writer, hello->frame_limit);
    bytes_write32(&writer, hello->node_instance);
    bytes_write32(&writer, hello->window);
    bytes_write32(&writer, hello->table);
    bytes_write(&writer, hello->name, hello->name_size);
    assert(!writer.bad && writer.left == 0);
    return HANDSHAKE_HELLO_SIZE + hello->name_size;
}

enum semel_reason hello_read(const uint8_t *body, size_t size, struct hello *ret_hello)
{
    struct bytes_reader reader = {body, size, false};
    struct hello hello = {.version = bytes_read16(&reader)};
    if (size >= HANDSHAKE_HELLO_SIZE && hello.version != HANDSHAKE_VERSION) {
        *ret_hello = (struct hello){.version = hello.version, .nonce = bytes_load64(body + HANDSHAKE_NONCE_AT)};
        return SEMEL_REASON_BAD_VERSION;
    }
    hello.name_size = bytes_read16(&reader);
    hello.heartbeat_ms = bytes_read32(&reader);
    bytes_read(&reader, hello.session.bytes, sizeof hello.session.bytes);
    hello.attempt = bytes_read64(&reader);
    hello.nonce = bytes_read64(&reader);
    bytes_read(&reader, hello.last_domain.bytes, sizeof hello.last_domain.bytes);
    hello.last_incarnation = bytes_read64(&reader);
    hello.last_connection = bytes_read64(&reader);
    hello.floor = bytes_read64(&reader);
    hello.frame_limit = bytes_read32(&reader);
    hello.node_instance = bytes_read32(&reader);
    hello.window = bytes_read32(&reader);
    hello.table = bytes_read32(&reader);
    if (hello.name_size > LIMIT_NODE_NAME)
        return SEMEL_REASON_BAD_FIELD;
    bytes_read(&reader, hello.name, hello.name_size);
    if (reader.bad || reader.left != 0 || id_is_none(&hello.session) || hello.attempt == 0 ||
        hello.floor == 0 || hello.heartbeat_ms < LIMIT_HEARTBEAT_MIN_MS ||
        hello.frame_limit < LIMIT_FRAME_MIN || hello.window > LIMIT_WINDOW_MAX ||
        (hello.window == 0) != (hello.table == 0))
        return SEMEL_REASON_BAD_FIELD;
    *ret_hello = hello;
    return SEMEL_REASON_NONE;
}

void welcome_write(uint8_t *body, const struct welcome *welcome)
{
    struct bytes_writer writer = {body, HANDSHAKE_WELCOME_SIZE, false};
    bytes_write16(&writer, welcome->version);
    bytes_write16(&writer, 0); /* reserved */
    bytes_write32(&writer, welcome->lease_ms);
    bytes_write64(&writer, welcome->incarnation);
    bytes_write(&writer, welcome->domain.bytes, sizeof welcome->domain.bytes);
    bytes_write64(&writer, welcome->connection);
    bytes_write64(&writer, welcome->nonce);
    bytes_write32(&writer, welcome->window);
    bytes_write32(&writer, welcome->frame_limit);
    bytes_write32(&writer, welcome->heartbeat_ms);
    assert(!writer.bad && writer.left == 0);
}

enum semel_reason welcome_read(const uint8_t *body, size_t size, struct welcome *ret_welcome)
{
    struct bytes_reader reader = {body, size, false};
    struct welcome welcome = {.version = bytes_read16(&reader)};
    if (!reader.bad && welcome.version != HANDSHAKE_VERSION)
        return SEMEL_REASON_BAD_VERSION;
    bytes_read16(&reader); /* reserved */
    welcome.lease_ms = bytes_read32(&reader);
    welcome.incarnation = bytes_read64(&reader);
    bytes_read(&reader, welcome.domain.bytes, sizeof welcome.domain.bytes);
    welcome.connection = bytes_read64(&reader);
    welcome.nonce = bytes_read64(&reader);
    welcome.window = bytes_read32(&reader);
    welcome.frame_limit = bytes_read32(&reader);
    welcome.heartbeat_ms = bytes_read32(&reader);
    if (reader.bad || reader.left != 0 || id_is_none(&welcome.domain) || welcome.connection == 0 ||
        welcome.window == 0 || welcome.window > LIMIT_WINDOW_MAX || welcome.frame_limit < LIMIT_FRAME_MIN ||
        welcome.heartbeat_ms < LIMIT_HEARTBEAT_MIN_MS)
        return SEMEL_REASON_BAD_FIELD;
    *ret_welcome = welcome;
    return SEMEL_REASON_NONE;
}
