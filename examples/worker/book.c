/* The file of book.h.
 * It must not know: what the lines mean, nor anything of Semel.
 * Reads best next: tasks.c. */
#include "book.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* fgets of one whole line, its newline taken off.  1: here it is, 0: the end, -1: torn, or longer than ever written. */
static int read_line(FILE *stream, char *line, int size)
{
    if (fgets(line, size, stream) == NULL)
        return ferror(stream) ? -1 : 0;
    size_t length = strlen(line);
    if (length == 0 || line[length - 1] != '\n')
        return -1;
    line[length - 1] = '\0';
    return 1;
}

static int read_all(struct book *book, book_read_fn *read, void *user)
{
    char line[BOOK_LINE_MAX + 1];
    int copy = dup(book->fd);
    FILE *stream = copy < 0 ? NULL : fdopen(copy, "r");
    if (stream == NULL) {
        int error = errno;
        if (copy >= 0)
            close(copy);
        return error;
    }
    int found;
    bool sense = true;
    while (sense && (found = read_line(stream, line, sizeof line)) != 0) {
        book->lines++;
        sense = found == 1 && (read == NULL || read(line, user));
    }
    fclose(stream);
    return sense ? 0 : EBADMSG;
}

int book_open(struct book *book, const char *path, book_read_fn *read, void *user)
{
    *book = (struct book){.fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644), .path = path};
    if (book->fd < 0)
        return errno;
    int error = flock(book->fd, LOCK_EX | LOCK_NB) == 0 ? read_all(book, read, user) : errno;
    if (error != 0)
        book_close(book);
    return error;
}

void book_close(struct book *book)
{
    if (book->fd >= 0)
        close(book->fd);
    book->fd = -1;
}

void book_write(struct book *book, const char *format, ...)
{
    char line[BOOK_LINE_MAX];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(line, sizeof line - 1, format, list);
    va_end(list);
    assert(book->fd >= 0 && length > 0 && (size_t)length < sizeof line - 1);
    line[length++] = '\n';
    ssize_t written = write(book->fd, line, (size_t)length);
    if (written == length)
        return;
    fprintf(stderr, "%s: cannot be written (%s): stopping before anything is done unwritten\n", book->path,
            written < 0 ? strerror(errno) : "disk full");
    _exit(EXIT_FAILURE);
}

const char *book_error(int error)
{
    if (error == EWOULDBLOCK)
        return "another process has it open";
    return error == EBADMSG ? "a line makes no sense" : strerror(error);
}
