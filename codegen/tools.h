/* Where semelc finds what it drives: protoc, nanopb's plugin, and the .proto files that ship with them.
 *
 * The same rule holds in the build tree and when installed: semel/options.proto lies in ../share/semel as seen
 * from semelc.  It must not know what they do.  Reads best next: semelc.c. */
#ifndef CODEGEN_TOOLS_H
#define CODEGEN_TOOLS_H

#include "idl/arena.h"

struct tools {
    const char *protoc; /* absolute, as all paths here */
    const char *nanopb_plugin;
    const char *semel_protos; /* the directory that holds semel/options.proto */
    const char
        *nanopb_protos; /* the directory that holds nanopb.proto, or NULL: only needed by who imports it */
    const char *google_protos; /* the directory in which protoc finds google/protobuf/, or NULL */
};

/* Fills *ret_tools; NULL, or what is missing and how to get it. */
const char *tools_find(struct arena *arena, struct tools *ret_tools);

#endif
