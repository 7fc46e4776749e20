/* One .options file of nanopb, read line by line: which options it gives to which names.
 *
 * nanopb's generator is a Python program that ends in a traceback, or in C that does not compile, when such a file is
 * not to its taste; here every line is judged first.  It must not know .proto files.  Reads best next: sizes.h. */
#ifndef CODEGEN_SIZING_H
#define CODEGEN_SIZING_H

#include "codegen/remark.h"

/* One option of one line, "demo.Account.name max_size:16". */
struct sizing_option {
    const char *pattern; /* of shell wildcards, for full names; an asterisk matches dots too */
    const char *name;    /* "max_size" */
    const char *value;   /* "16"; of a string what stands between the quotes */
    struct aim at;       /* of the option */
    uint32_t pattern_line;
};

struct sizing {
    const char *path;
    struct sizing_option *options;
    size_t count;
};

/* Reads text, the contents of the file at path, and adds what is wrong with it to remarks: errors for what nanopb
 * cannot read and for what would change the C names that generated code relies on, warnings for what works but
 * loses data.  The strings of *ret_sizing are in the remarks' arena; the caller ends it with sizing_fini. */
void sizing_read(struct sizing *ret_sizing, const char *path, const char *text, struct remarks *remarks);
void sizing_fini(struct sizing *sizing);

/* Whether pattern matches name, as nanopb compares them. */
bool sizing_matches(const char *pattern, const char *name);

#endif
