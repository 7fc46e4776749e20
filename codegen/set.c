/* Takes a FileDescriptorSet apart, record by record.
 *
 * It must not know what the files mean.  Reads best next: set.h. */
#include "codegen/set.h"

#include <errno.h>
#include <fcntl.h>
#include <pb_decode.h>
#include <string.h>
#include <unistd.h>

/* Field numbers of FileDescriptorSet, FileDescriptorProto and CodeGeneratorRequest. */
enum { SET_FILE = 1, FILE_SOURCE_INFO = 9, REQUEST_GENERATE = 1, REQUEST_FILE = 15 };

/* One field of a message as it stands in the bytes. */
struct record {
    uint32_t number;
    pb_wire_type_t type;
    const char *start; /* of its tag */
    size_t size;       /* with its tag */
    const char *value; /* of a string: behind its length */
    size_t value_size;
};

static void add_varint(struct text *to, uint64_t value)
{
    char bytes[10];
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[size++] = (char)(value | 0x80);
    bytes[size++] = (char)value;
    text_add(to, bytes, size);
}

static void add_string(struct text *to, uint32_t number, const char *bytes, size_t size)
{
    add_varint(to, (uint64_t)number << 3 | PB_WT_STRING);
    add_varint(to, size);
    text_add(to, bytes, size);
}

/* Reads the field at the start of bytes; false when there is none that is whole. */
static bool next_record(const char *bytes, size_t size, struct record *ret_record)
{
    pb_istream_t stream = pb_istream_from_buffer((const pb_byte_t *)bytes, size);
    bool end;
    *ret_record = (struct record){.start = bytes};
    if (!pb_decode_tag(&stream, &ret_record->type, &ret_record->number, &end))
        return false;
    if (ret_record->type == PB_WT_STRING) {
        uint64_t length;
        if (!pb_decode_varint(&stream, &length) || length > stream.bytes_left)
            return false;
        ret_record->value = bytes + (size - stream.bytes_left);
        ret_record->value_size = (size_t)length;
        ret_record->size = (size_t)(ret_record->value - bytes) + ret_record->value_size;
        return true;
    }
    if (!pb_skip_field(&stream, ret_record->type))
        return false;
    ret_record->size = size - stream.bytes_left;
    return true;
}

/* Writes one record of a set to where it is wanted. */
typedef void record_writer(struct text *to, const struct record *record);

/* Each record of a message through write. */
static bool each_record(const char *bytes, size_t size, struct text *to, record_writer *write)
{
    while (size > 0) {
        struct record record;
        if (!next_record(bytes, size, &record))
            return false;
        write(to, &record);
        bytes += record.size;
        size -= record.size;
    }
    return true;
}

static void write_to_request(struct text *to, const struct record *record)
{
    if (record->number == SET_FILE && record->type == PB_WT_STRING)
        add_string(to, REQUEST_FILE, record->value, record->value_size);
}

static void write_without_places(struct text *to, const struct record *record)
{
    if (record->number != FILE_SOURCE_INFO)
        text_add(to, record->start, record->size);
}

static void write_stripped_file(struct text *to, const struct record *record)
{
    if (record->number != SET_FILE || record->type != PB_WT_STRING)
        return;
    struct text file = {.bytes = NULL};
    if (each_record(record->value, record->value_size, &file, write_without_places))
        add_string(to, SET_FILE, file.size == 0 ? "" : file.bytes, file.size);
    text_fini(&file);
}

bool set_strip(const struct text *set, struct text *to)
{
    return each_record(set->bytes, set->size, to, write_stripped_file);
}

bool set_parse(const struct text *set, const char *const *names, size_t count, struct request *ret_request,
               const char **ret_problem)
{
    struct text request = {.bytes = NULL};
    *ret_request = (struct request){.files = NULL};
    for (size_t i = 0; i < count; i++)
        add_string(&request, REQUEST_GENERATE, names[i], strlen(names[i]));
    size_t head = request.size;
    bool good = each_record(set->bytes, set->size, &request, write_to_request);
    if (!good)
        *ret_problem = "it is cut, or damaged";
    else if (request.size == head)
        *ret_problem = "it holds no file";
    else
        good = request_parse(request.bytes, request.size, ret_request, ret_problem);
    good = good && request.size > head;
    text_fini(&request);
    return good;
}

bool set_load_from(int file, struct text *ret_bytes)
{
    char chunk[16 * 1024];
    ssize_t size;
    *ret_bytes = (struct text){.bytes = NULL};
    while ((size = pread(file, chunk, sizeof chunk, (off_t)ret_bytes->size)) > 0) {
        text_add(ret_bytes, chunk, (size_t)size);
        if (ret_bytes->size > SET_SIZE_MAX) {
            errno = EFBIG;
            size = -1;
            break;
        }
    }
    return size == 0;
}

bool set_load(const char *path, struct text *ret_bytes)
{
    *ret_bytes = (struct text){.bytes = NULL};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    bool loaded = set_load_from(file, ret_bytes);
    int reason = errno;
    close(file);
    errno = reason;
    return loaded;
}
