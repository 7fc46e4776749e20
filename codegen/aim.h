/* Aims a caret: protoc tells where an option statement begins; this finds the field, or the value, that is
 * meant.
 *
 * It must not know the rules of the language beyond how a statement, a string and a comment look.
 * Reads best next: report.c. */
#ifndef CODEGEN_AIM_H
#define CODEGEN_AIM_H

#include <stdint.h>

enum { AIM_TAB = 8 }; /* protoc's */

/* A point in a source text; both count from 1, a tab goes to the next multiple of AIM_TAB. */
struct aim {
    uint32_t line;
    uint32_t column;
};

/* The text from a point on, or NULL when source has fewer lines; at most the end of the line. */
const char *aim_text(const char *source, struct aim at);

/* at points to a statement of source; message tells what is wrong ("deadline: \"5x\" is not ...").  When the
 * statement sets options, returns the place within it of what the message is about, else at. */
struct aim aim_at(const char *source, struct aim at, const char *message);

#endif
