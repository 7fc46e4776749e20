/* Text that grows, line by line, with indentation and lists that wrap: what the emitters write into.
 *
 * It must not know what language it holds.  Reads best next: emit.h. */
#ifndef CODEGEN_TEXT_H
#define CODEGEN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { TEXT_WIDTH = 110, TEXT_INDENT = 4 };

/* Zero-initialised it is empty.  Out of memory ends the process (idl/arena.h says why). */
struct text {
    char *bytes; /* owned; terminated once something was written */
    size_t size;
    size_t capacity;
    size_t level;       /* of indentation */
    size_t line_start;  /* offset of the current line */
    size_t list_column; /* where the wrapped lines of the open list start */
    bool list_empty;
};

void text_fini(struct text *text);

/* Appends as it is, without indentation. */
void text_add(struct text *text, const char *bytes, size_t size);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One indented line with its newline. */
void text_line(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_blank(struct text *text);

/* A line, and one level deeper: "{"; one level back, and a line: "}". */
void text_open(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_close(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A list such as the parameters of a function: head, items parted by commas, tail and a newline.  An item
 * that does not fit goes to the next line, under the first item. */
void text_list_begin(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_list_item(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_list_end(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
