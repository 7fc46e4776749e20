/* Any bytes as a message that can hold itself: decoded within its depth, or refused; what was decoded survives another
 * round, and nothing stays allocated.
 *
 * Reads best next: ../../runtime/core/message.h, nesting.h. */
#include <google/protobuf/struct.pb.h>
#include <string.h>

#include "choices.h"
#include "core/message.h"
#include "core/nesting.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    google_protobuf_Struct message = google_protobuf_Struct_init_zero;
    google_protobuf_Struct again = google_protobuf_Struct_init_zero;
    const struct message_type type = {google_protobuf_Struct_fields, sizeof message, true};
    const char *error = NULL;
    size_t encoded_size, written;
    if (!message_decode(type, &message, bytes, size, &error)) {
        must(error != NULL);
        return 0;
    }
    must(nesting_check(google_protobuf_Struct_fields, bytes, size) == NESTING_FINE);
    if (!message_size(google_protobuf_Struct_fields, &message, &encoded_size, &error)) {
        message_release(google_protobuf_Struct_fields, &message);
        return 0; /* text that is no UTF-8 */
    }
    uint8_t *encoded = malloc(encoded_size + 1);
    must(encoded != NULL);
    must(message_encode(google_protobuf_Struct_fields, &message, encoded, encoded_size, &written, &error));
    must(written == encoded_size);
    message_release(google_protobuf_Struct_fields, &message);
    must(message_decode(type, &again, encoded, encoded_size, &error));
    must(message_size(google_protobuf_Struct_fields, &again, &written, &error) && written == encoded_size);
    message_release(google_protobuf_Struct_fields, &again);
    free(encoded);
    return 0;
}
