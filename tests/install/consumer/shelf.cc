// The same service from C++17: the generated headers are C, and C++ programs include them as they are.
// Reads best next: shelf.proto.
#include <cstdio>
#include <string>

#include "shelf.semel.h"

namespace {

struct Shelf {
    std::string title;
    int64_t printed = 0;
};

enum semel_code put(semel_request *, shelf_Book *in, google_protobuf_Empty *, void *user)
{
    auto *shelf = static_cast<Shelf *>(user);
    shelf->title = in->title;
    shelf->printed = in->printed.seconds;
    return SEMEL_OK;
}

enum semel_code find(semel_request *request, google_protobuf_StringValue *in, shelf_Book *out, void *user)
{
    auto *shelf = static_cast<Shelf *>(user);
    if (shelf->title != in->value)
        return semel_request_error(request, SEMEL_NOT_FOUND, "no such book");
    shelf->title.copy(out->title, sizeof out->title - 1);
    out->has_printed = true;
    out->printed.seconds = shelf->printed;
    return SEMEL_OK;
}

enum semel_code talk(semel_channel *channel, semel_status *status)
{
    std::string title = "Semel in anno";
    shelf_Book book = shelf_Book_init_zero;
    title.copy(book.title, sizeof book.title - 1);
    book.has_printed = true;
    book.printed.seconds = 1700000000;
    google_protobuf_Empty nothing = google_protobuf_Empty_init_zero;
    google_protobuf_StringValue query = {title.data()};
    shelf_Book found = shelf_Book_init_zero;
    if (shelf_Shelf_Put(channel, &book, &nothing, nullptr, status) == SEMEL_OK &&
        shelf_Shelf_Find(channel, &query, &found, nullptr, status) == SEMEL_OK) {
        std::printf("%s, printed %lld\n", found.title, static_cast<long long>(found.printed.seconds));
        shelf_Shelf_Find_release(&found);
    }
    return status->code;
}

}  // namespace

int main(int argc, char **argv)
{
    Shelf shelf;
    shelf_Shelf_handlers handlers = {};
    handlers.Put = put;
    handlers.Find = find;
    semel_status status = {};
    semel_node *node = nullptr;
    semel_server *server = nullptr;
    semel_channel *channel = nullptr;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    if (argc != 2) {
        std::fprintf(stderr, "usage: shelf-cpp unix:PATH\n");
        return 2;
    }
    if (semel_node_open(nullptr, &node, &status) != SEMEL_OK ||
        semel_server_open(node, "memory", &server, &status) != SEMEL_OK ||
        shelf_Shelf_serve(server, &handlers, &shelf) != SEMEL_OK ||
        semel_server_listen(server, argv[1], uri, &status) != SEMEL_OK ||
        semel_channel_open(node, "reader", uri, &channel, &status) != SEMEL_OK ||
        talk(channel, &status) != SEMEL_OK) {
        std::fprintf(stderr, "shelf-cpp: %s\n", status.message);
        return 1;
    }
    semel_node_close(node);
    return 0;
}
