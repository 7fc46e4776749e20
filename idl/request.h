/* A CodeGeneratorRequest, decoded: the files protoc hands to its plugins.
 *
 * The input may be anything: a request that is cut, changed or made up gives an error.  It must not know
 * what the files mean (model.c).  Reads best next: model.h. */
#ifndef IDL_REQUEST_H
#define IDL_REQUEST_H

#include "descriptor.pb.h"
#include "idl/locations.h"

/* A message type of a file, nested ones included, in the order of their declaration. */
struct request_message {
    desc_Message message;
    size_t parent;    /* index in the file's list, or REQUEST_NO_PARENT */
    struct path path; /* cut at PATH_MAX_DEPTH: deeper ones are placed at their ancestor */
};

#define REQUEST_NO_PARENT SIZE_MAX
#define REQUEST_NESTING_MAX 64 /* protoc itself stops at half of it */

struct request_file {
    desc_File file;
    struct request_message *messages;
    size_t message_count;
    struct locations locations;
    bool wanted; /* named in file_to_generate */
};

struct request {
    desc_Request head;
    struct request_file **files; /* imports before those that import them */
    size_t file_count;
};

/* Decodes size bytes.  On success the caller owns *ret_request and ends it with request_fini; on failure it
 * is empty and *ret_problem is a static text. */
bool request_parse(const void *bytes, size_t size, struct request *ret_request, const char **ret_problem);
void request_fini(struct request *request);

#endif
