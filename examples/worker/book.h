/* A book: a file of lines that only grows.  What stands in it survives a kill -9 of its writer.
 * It must not know: what the lines mean, nor anything of Semel.
 * Reads best next: tasks.h, crew.h, which are read back from books. */
#ifndef WORKER_BOOK_H
#define WORKER_BOOK_H

#include <stdbool.h>
#include <stddef.h>

/* Longest line with its newline; more would not be written in one piece. */
enum { BOOK_LINE_MAX = 512 };

struct book {
    int fd; /* -1: closed */
    const char *path;
    size_t lines; /* read at opening: after EBADMSG, the number of the line that was not understood */
};

/* Takes one line that stands in the book, without its newline.  false: it makes no sense. */
typedef bool book_read_fn(const char *line, void *user);

/* Opens or creates the book, for this process alone, and reads what stands in it.  path is borrowed; read may be NULL.
 * Returns 0, or an errno value: EWOULDBLOCK (another process has it), EBADMSG (a line makes no sense, or is torn). */
int book_open(struct book *book, const char *path, book_read_fn *read, void *user);
void book_close(struct book *book);

/* Appends one line with a single write: it is there whole, or not at all.  If that fails the process ends: nothing
 * is done that is not written down. */
void book_write(struct book *book, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What an errno value of book_open means. */
const char *book_error(int error);

#endif
