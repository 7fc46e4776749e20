/* Where things stand in a .proto file, and the comments above them: protobuf's SourceCodeInfo, looked up by
 * path.
 *
 * It must not know what a path means beyond its numbers.  Reads best next: request.h. */
#ifndef IDL_LOCATIONS_H
#define IDL_LOCATIONS_H

#include "descriptor.pb.h"
#include "idl/diagnostics.h"

/* A path leads from the file to a thing by field numbers and indexes: {6, 0, 2, 3} is the file's service (6)
 * number 0, its method (2) number 3.  Five pairs reach the options of a method in a service. */
enum { PATH_MAX_DEPTH = 10 };

struct path {
    int32_t steps[PATH_MAX_DEPTH];
    size_t depth;
};

/* The same path, one field deeper; index -1 for a field that does not repeat. */
struct path path_to(struct path from, int32_t field, int32_t index);

struct locations {
    desc_Location *items; /* owned, each with its pointer fields */
    size_t count;
    bool sorted;
};

/* Takes ownership of what item points to. */
void locations_add(struct locations *locations, const desc_Location *item);
void locations_fini(struct locations *locations);

/* The place of path or, when protoc tells nothing about it, of the nearest thing around it. */
struct place locations_find(struct locations *locations, const char *file, struct path path);

/* The comment above (or else behind) path, as written without its comment marks; NULL if there is none. */
const char *locations_comment(struct locations *locations, struct path path);

#endif
