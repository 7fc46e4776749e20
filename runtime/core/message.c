/* Messages by way of nanopb.
 *
 * Reads best next: message.h. */
#include "core/message.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <string.h>

#include "core/nesting.h"

const char message_no_memory[] = "out of memory";

/* What nanopb says when it cannot allocate; it has no other sign for it. */
#define NANOPB_NO_MEMORY "realloc failed"

bool message_size(const pb_msgdesc_t *fields, const void *message, size_t *ret_size, const char **ret_error)
{
    pb_ostream_t stream = PB_OSTREAM_SIZING;
    if (!pb_encode(&stream, fields, message)) {
        *ret_error = PB_GET_ERROR(&stream);
        return false;
    }
    *ret_size = stream.bytes_written;
    return true;
}

bool message_encode(const pb_msgdesc_t *fields, const void *message, uint8_t *into, size_t room,
                    size_t *ret_size, const char **ret_error)
{
    pb_ostream_t stream = pb_ostream_from_buffer(into, room);
    if (!pb_encode(&stream, fields, message)) {
        *ret_error = PB_GET_ERROR(&stream);
        return false;
    }
    *ret_size = stream.bytes_written;
    return true;
}

static bool is_shallow(const pb_msgdesc_t *fields, const uint8_t *bytes, size_t size, const char **ret_error)
{
    enum nesting nesting = nesting_check(fields, bytes, size);
    *ret_error = nesting == NESTING_TOO_DEEP ? "messages are nested too deeply" : "not a message";
    return nesting == NESTING_FINE;
}

/* Whether zeros are what a message begins as, so that nanopb need not set its fields one by one.  Messages inside it
 * may have defaults of their own. */
static bool begins_as_zeros(const pb_msgdesc_t *fields)
{
    return fields->default_value == NULL && fields->submsg_info[0] == NULL;
}

bool message_decode(struct message_type type, void *message, const uint8_t *bytes, size_t size,
                    const char **ret_error)
{
    /* All of it, for nanopb leaves a callback as it finds it, and would call it. */
    memset(message, 0, type.size);
    if (type.recursive && !is_shallow(type.fields, bytes, size, ret_error))
        return false;
    unsigned flags = begins_as_zeros(type.fields) ? PB_DECODE_NOINIT : 0;
    pb_istream_t stream = pb_istream_from_buffer(bytes, size);
    if (pb_decode_ex(&stream, type.fields, message, flags))
        return true;
    *ret_error = PB_GET_ERROR(&stream);
    if (strcmp(*ret_error, NANOPB_NO_MEMORY) == 0)
        *ret_error = message_no_memory;
    return false;
}

void message_release(const pb_msgdesc_t *fields, void *message)
{
    pb_release(fields, message);
}
