/* Bodies of declared errors.
 *
 * Reads best next: raised.h. */
#include "core/raised.h"

#include "core/bytes.h"

void raised_write_head(uint8_t *body, uint64_t id, uint32_t message_size)
{
    bytes_store64(body, id);
    bytes_store32(body + 8, message_size);
}

bool raised_read(const uint8_t *body, size_t size, struct raised *ret_raised)
{
    struct bytes_reader reader = {.at = body, .left = size};
    *ret_raised = (struct raised){.id = bytes_read64(&reader)};
    ret_raised->message_size = bytes_read32(&reader);
    ret_raised->message = bytes_take(&reader, ret_raised->message_size);
    ret_raised->text = (const char *)reader.at;
    ret_raised->text_size = reader.left;
    return !reader.bad;
}
