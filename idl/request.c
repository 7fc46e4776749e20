/* Decodes a CodeGeneratorRequest with nanopb.
 *
 * Lists that may be long (source locations) or deep (nested messages) are callbacks, decoded here one
 * element at a time: nanopb counts array elements in 16 bits and recurses without a limit.
 *
 * It must not know what the files mean.  Reads best next: request.h. */
#include "idl/request.h"

#include <assert.h>
#include <pb_decode.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MESSAGE = 4, MESSAGE_NESTED = 3 };

/* Where the messages of one level go. */
struct level {
    struct request_file *file;
    size_t parent;
    size_t depth;
    int32_t count; /* decoded so far at this level: the next index of the path */
};

static bool decode_message(pb_istream_t *stream, const pb_field_t *field, void **arg);

static struct path message_path(const struct level *level)
{
    if (level->parent == REQUEST_NO_PARENT)
        return path_to((struct path){.depth = 0}, FILE_MESSAGE, level->count);
    struct path above = level->file->messages[level->parent].path;
    if (above.depth + 2 > PATH_MAX_DEPTH)
        return above;
    return path_to(above, MESSAGE_NESTED, level->count);
}

static size_t add_message(struct level *level)
{
    struct request_file *file = level->file;
    struct path path = message_path(level);
    file->messages = array_grow(file->messages, file->message_count, sizeof *file->messages);
    file->messages[file->message_count] = (struct request_message){.parent = level->parent, .path = path};
    level->count++;
    return file->message_count++;
}

static bool decode_message(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    (void)field;
    struct level *level = *arg;
    if (level->depth >= REQUEST_NESTING_MAX)
        PB_RETURN_ERROR(stream, "messages are nested too deeply");
    size_t index = add_message(level);
    struct level inner = {.file = level->file, .parent = index, .depth = level->depth + 1};
    desc_Message message = desc_Message_init_zero;
    message.nested_type.funcs.decode = decode_message;
    message.nested_type.arg = &inner;
    bool decoded = pb_decode_ex(stream, desc_Message_fields, &message, PB_DECODE_NOINIT);
    /* The list may have moved while nested messages were added; message was on the stack for that reason. */
    message.nested_type = (pb_callback_t){{NULL}, NULL};
    level->file->messages[index].message = message;
    return decoded;
}

static bool decode_location(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    (void)field;
    desc_Location location = desc_Location_init_zero;
    bool decoded = pb_decode_ex(stream, desc_Location_fields, &location, PB_DECODE_NOINIT);
    locations_add(*arg, &location);
    return decoded;
}

static bool decode_file(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    (void)field;
    struct request *request = *arg;
    request->files = array_grow(request->files, request->file_count, sizeof(struct request_file *));
    struct request_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        PB_RETURN_ERROR(stream, "out of memory");
    request->files[request->file_count++] = file;
    struct level top = {.file = file, .parent = REQUEST_NO_PARENT};
    file->file.message_type.funcs.decode = decode_message;
    file->file.message_type.arg = &top;
    file->file.source_code_info.location.funcs.decode = decode_location;
    file->file.source_code_info.location.arg = &file->locations;
    bool decoded = pb_decode_ex(stream, desc_File_fields, &file->file, PB_DECODE_NOINIT);
    file->file.message_type = (pb_callback_t){{NULL}, NULL};
    return decoded;
}

static struct request_file *find_file(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->file_count; i++)
        if (request->files[i]->file.name != NULL && strcmp(request->files[i]->file.name, name) == 0)
            return request->files[i];
    return NULL;
}

static const char *mark_wanted(struct request *request)
{
    for (size_t i = 0; i < request->head.file_to_generate_count; i++) {
        struct request_file *file = find_file(request, request->head.file_to_generate[i]);
        if (file == NULL)
            return "a file to generate is not among the files of the request";
        file->wanted = true;
    }
    return NULL;
}

bool request_parse(const void *bytes, size_t size, struct request *ret_request, const char **ret_problem)
{
    assert(ret_request != NULL && ret_problem != NULL);
    *ret_request = (struct request){.files = NULL};
    *ret_problem = NULL;
    pb_istream_t stream = pb_istream_from_buffer(bytes, size);
    ret_request->head.proto_file.funcs.decode = decode_file;
    ret_request->head.proto_file.arg = ret_request;
    if (!pb_decode_ex(&stream, desc_Request_fields, &ret_request->head, PB_DECODE_NOINIT))
        *ret_problem = PB_GET_ERROR(&stream);
    else
        *ret_problem = mark_wanted(ret_request);
    ret_request->head.proto_file = (pb_callback_t){{NULL}, NULL};
    if (*ret_problem != NULL)
        request_fini(ret_request);
    return *ret_problem == NULL;
}

static void file_destroy(struct request_file *file)
{
    for (size_t i = 0; i < file->message_count; i++)
        pb_release(desc_Message_fields, &file->messages[i].message);
    free(file->messages);
    locations_fini(&file->locations);
    pb_release(desc_File_fields, &file->file);
    free(file);
}

void request_fini(struct request *request)
{
    for (size_t i = 0; i < request->file_count; i++)
        file_destroy(request->files[i]);
    free(request->files);
    pb_release(desc_Request_fields, &request->head);
    *request = (struct request){.files = NULL};
}
