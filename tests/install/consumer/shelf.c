/* Puts a book on a shelf and finds it again: server and client in one program, over a unix socket.
 *
 * It uses what is installed, and nothing else of Semel.  Reads best next: shelf.proto, then shelf.cc. */
#include <inttypes.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <stdio.h>
#include <string.h>

#include "shelf.semel.h"

/* ---- the server keeps one book, encoded ---- */

struct shelf {
    uint8_t bytes[1024];
    size_t size;
};

static enum semel_code put(semel_request *request, shelf_Book *in, google_protobuf_Empty *out, void *user)
{
    struct shelf *shelf = user;
    (void)out;
    pb_ostream_t stream = pb_ostream_from_buffer(shelf->bytes, sizeof shelf->bytes);
    if (!pb_encode(&stream, shelf_Book_fields, in))
        return semel_request_error(request, SEMEL_INVALID_ARGUMENT, "no room: %s", PB_GET_ERROR(&stream));
    shelf->size = stream.bytes_written;
    return SEMEL_OK;
}

static enum semel_code find(semel_request *request, google_protobuf_StringValue *in, shelf_Book *out,
                            void *user)
{
    const struct shelf *shelf = user;
    pb_istream_t stream = pb_istream_from_buffer(shelf->bytes, shelf->size);
    if (!pb_decode(&stream, shelf_Book_fields, out) || in->value == NULL || strcmp(in->value, out->title) != 0)
        return semel_request_error(request, SEMEL_NOT_FOUND, "no such book");
    return SEMEL_OK;
}

/* ---- the client ---- */

static enum semel_code put_book(semel_channel *channel, semel_status *status)
{
    static PB_BYTES_ARRAY_T(3) cover = {3, {0xCA, 0xFE, 0x01}};
    google_protobuf_Value lenders[2] = {
        {.which_kind = google_protobuf_Value_string_value_tag, .kind.string_value = "Ada"},
        {.which_kind = google_protobuf_Value_number_value_tag, .kind.number_value = 2.5}};
    google_protobuf_Struct_FieldsEntry inner = {
        "lenders", true, {.which_kind = google_protobuf_Value_list_value_tag, .kind.list_value = {2, lenders}}};
    google_protobuf_Struct_FieldsEntry outer = {
        "history",
        true,
        {.which_kind = google_protobuf_Value_struct_value_tag, .kind.struct_value = {1, &inner}}};
    google_protobuf_Empty nothing;
    shelf_Book book = {.title = "Semel in anno",
                       .has_author = true,
                       .author = {.name = "Anon", .born = 1500},
                       .has_printed = true,
                       .printed = {.seconds = 1700000000, .nanos = 5},
                       .has_reading_time = true,
                       .reading_time = {.seconds = 7200, .nanos = 0},
                       .has_cover = true,
                       .cover = {"type.example/cover", (pb_bytes_array_t *)&cover},
                       .has_notes = true,
                       .notes = {1, &outer},
                       .has_subtitle = true,
                       .subtitle = {"licet insanire"},
                       .has_pages = true,
                       .pages = {-42},
                       .has_lent = true,
                       .lent = {true}};
    return shelf_Shelf_Put(channel, &book, &nothing, NULL, status);
}

static void print_notes(const google_protobuf_Struct *notes)
{
    for (pb_size_t i = 0; i < notes->fields_count; i++) {
        const google_protobuf_Struct_FieldsEntry *field = &notes->fields[i];
        printf("%s:", field->key);
        if (field->value.which_kind == google_protobuf_Value_struct_value_tag) {
            printf(" ");
            print_notes(&field->value.kind.struct_value);
        }
        if (field->value.which_kind == google_protobuf_Value_list_value_tag) {
            const google_protobuf_ListValue *list = &field->value.kind.list_value;
            for (pb_size_t k = 0; k < list->values_count; k++)
                if (list->values[k].which_kind == google_protobuf_Value_string_value_tag)
                    printf(" %s", list->values[k].kind.string_value);
                else
                    printf(" %g", list->values[k].kind.number_value);
            printf("\n");
        }
    }
}

static void print_book(const shelf_Book *book)
{
    printf("%s, %s; by %s, born %" PRId32 "\n", book->title, book->subtitle.value, book->author.name,
           book->author.born);
    printf("printed %" PRId64 ".%09" PRId32 ", takes %" PRId64 " s, %" PRId32 " pages, lent: %s\n",
           book->printed.seconds, book->printed.nanos, book->reading_time.seconds, book->pages.value,
           book->lent.value ? "yes" : "no");
    printf("cover %s, %u bytes, the second is %02x\n", book->cover.type_url, (unsigned)book->cover.value->size,
           book->cover.value->bytes[1]);
    print_notes(&book->notes);
}

static enum semel_code talk(semel_channel *channel, semel_status *status)
{
    shelf_Book book = shelf_Book_init_zero;
    google_protobuf_StringValue title = {"Semel in anno"};
    google_protobuf_StringValue unknown = {"Bis"};
    if (put_book(channel, status) != SEMEL_OK ||
        shelf_Shelf_Find(channel, &title, &book, NULL, status) != SEMEL_OK)
        return status->code;
    print_book(&book);
    shelf_Shelf_Find_release(&book);
    if (shelf_Shelf_Find(channel, &unknown, &book, NULL, status) != SEMEL_NOT_FOUND)
        return SEMEL_INTERNAL;
    printf("%s: %s\n", semel_code_name(status->code), status->message);
    return SEMEL_OK;
}

int main(int argc, char **argv)
{
    static const struct shelf_Shelf_handlers handlers = {.Put = put, .Find = find};
    static struct shelf shelf;
    semel_status status = {.code = SEMEL_OK};
    semel_node *node = NULL;
    semel_server *server = NULL;
    semel_channel *channel = NULL;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];

    if (argc != 2) {
        fprintf(stderr, "usage: shelf unix:PATH\n");
        return 2;
    }
    if (semel_node_open(NULL, &node, &status) != SEMEL_OK ||
        semel_server_open(node, "memory", &server, &status) != SEMEL_OK ||
        shelf_Shelf_serve(server, &handlers, &shelf) != SEMEL_OK ||
        semel_server_listen(server, argv[1], uri, &status) != SEMEL_OK ||
        semel_channel_open(node, "reader", uri, &channel, &status) != SEMEL_OK ||
        talk(channel, &status) != SEMEL_OK) {
        fprintf(stderr, "shelf: %s\n", status.message);
        return 1;
    }
    semel_node_close(node);
    return 0;
}
