/* The journal file, as journal.h says.
 * It must not know: Semel.
 * Reads best next: bank_server.c, which calls it first of all in its handlers. */
#include "journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int journal_open(struct journal *journal, const char *path)
{
    journal->fd = -1;
    if (path == NULL)
        return 0;
    journal->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    return journal->fd < 0 ? errno : 0;
}

void journal_close(struct journal *journal)
{
    if (journal->fd >= 0)
        close(journal->fd);
    journal->fd = -1;
}

bool journal_op_id_valid(const char *op_id)
{
    return strspn(op_id, "0123456789abcdef") == OP_ID_DIGITS && op_id[OP_ID_DIGITS] == '\0';
}

void journal_append(struct journal *journal, const char *op_id, const char *method)
{
    assert(journal_op_id_valid(op_id));
    if (journal->fd < 0)
        return;
    char line[64];
    int length = snprintf(line, sizeof line, "%s %s\n", op_id, method);
    assert(length > 0 && (size_t)length < sizeof line);
    ssize_t written = write(journal->fd, line, (size_t)length);
    if (written == length)
        return;
    fprintf(stderr, "bank-server: the journal cannot be written (%s): stopping before %s runs unwitnessed\n",
            written < 0 ? strerror(errno) : "disk full", op_id);
    _exit(EXIT_FAILURE);
}
