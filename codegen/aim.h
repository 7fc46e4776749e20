/* Aims a caret: protoc tells where an option statement begins; this finds the field, or the value, that is meant.
 *
 * It must not know the rules of the language beyond how a statement, a string and a comment look.
 * Reads best next: report.c. */
#ifndef CODEGEN_AIM_H
#define CODEGEN_AIM_H

#include <stddef.h>
#include <stdint.h>

/* A point in a source text: offset in bytes; line and column from 1, tabs going to the next multiple of 8. */
struct aim {
    uint32_t line;
    uint32_t column;
};

/* The offset of line in source, or (size_t)-1 when it has fewer. */
size_t aim_line_start(const char *source, uint32_t line);

/* at points to a statement of source; message tells what is wrong ("deadline: \"5x\" is not ...").  When the statement
 * is an option of ours, returns the place within it of what the message is about, else at. */
struct aim aim_at(const char *source, struct aim at, const char *message);

#endif
