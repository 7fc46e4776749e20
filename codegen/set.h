/* A FileDescriptorSet: what protoc writes with -o, read as a request, and written without what is not needed.
 *
 * The bytes may be anything.  It must not know what the files mean.  Reads best next: idl/request.h. */
#ifndef CODEGEN_SET_H
#define CODEGEN_SET_H

#include "codegen/text.h"
#include "idl/request.h"

#define SET_SIZE_MAX (256U << 20) /* more than any company's .proto files; what is larger is something else */

/* Reads all of a file; false with errno, EFBIG when it has more than SET_SIZE_MAX bytes. */
bool set_load(const char *path, struct text *ret_bytes);
/* The same of an open file, from its start. */
bool set_load_from(int file, struct text *ret_bytes);

/* The files of the set as a request for code of the count files in names, which must be among them.  As
 * request_parse, but an empty set is a problem too. */
bool set_parse(const struct text *set, const char *const *names, size_t count, struct request *ret_request,
               const char **ret_problem);

/* Appends the set without source locations and comments: what protoc writes without --include_source_info.
 * false: it is not a set. */
bool set_strip(const struct text *set, struct text *to);

#endif
