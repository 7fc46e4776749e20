/* The .options files that nanopb gets: those of the user, found as nanopb finds them, checked, and with what messages
 * that contain themselves need added.
 *
 * No file of the user is changed: nanopb reads copies.  It must not know how nanopb is run.
 * Reads best next: sizing.h. */
#ifndef CODEGEN_SIZES_H
#define CODEGEN_SIZES_H

#include "codegen/report.h"
#include "codegen/sizing.h"
#include "idl/cycles.h"

/* The options of one .proto file. */
struct sizes_file {
    const char *name; /* "sub/bank.options", as nanopb will look for it */
    const char *path; /* of the user's file, NULL: there is none */
    const char *text; /* what nanopb is to read, "": nothing */
    struct sizing sizing;
};

struct sizes {
    struct remarks *remarks; /* borrowed */
    struct sizes_file *files;
    size_t count;
};

/* Finds, reads and checks the .options file of every file of the request; adds a line with FT_POINTER for each field of
 * cycles whose type no line of the user decides.  What is wrong is added to remarks. */
void sizes_collect(struct sizes *ret_sizes, const struct request *request, const struct model *model,
                   const struct cycles *cycles, const struct imports *imports, struct remarks *remarks);
void sizes_fini(struct sizes *sizes);

/* Writes the copies below directory; false with errno. */
bool sizes_write(const struct sizes *sizes, const char *directory);

/* What nanopb said of its copies becomes what is true of the user's files, from the remark at index first on. */
void sizes_aim(const struct sizes *sizes, size_t first);

#endif
