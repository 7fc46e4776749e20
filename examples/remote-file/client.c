/* A pager for a file on a server: prints a line, and the next one for each Enter.  The server may be restarted while
 * it waits: recovery reopens the file and seeks, and the loop that reads never notices.
 *
 * Reads best next: server.c. */
#include <inttypes.h>
#include <stdio.h>

#include "file.semel.h"

struct reader {
    uint32_t handle;
    const char *path;
    uint64_t offset; /* of the line to be read */
    semel_recovery *recovery;
};

static void on_sought(const demo_SeekReply *reply, const semel_status *status, void *user)
{
    struct reader *reader = user;
    (void)reply;
    if (status->code == SEMEL_OK)
        semel_recovery_continue(reader->recovery);
    else
        semel_recovery_give_up(reader->recovery);
}

static void on_opened(const demo_OpenReply *reply, const semel_status *status, void *user)
{
    struct reader *reader = user;
    demo_SeekRequest in = {.handle = reader->handle, .offset = reader->offset};
    (void)reply;
    if (status->code != SEMEL_OK || demo_File_Seek_start(semel_recovery_channel(reader->recovery), &in, NULL,
                                                         NULL, on_sought, reader) != SEMEL_OK)
        semel_recovery_give_up(reader->recovery);
}

/* Runs on every new connection but the first, before the ReadLine that waits for it. */
static void reopen(semel_recovery *recovery, void *user)
{
    struct reader *reader = user;
    demo_OpenRequest in = {.handle = reader->handle, .path = (char *)reader->path};
    reader->recovery = recovery;
    if (demo_File_Open_start(semel_recovery_channel(recovery), &in, NULL, NULL, on_opened, reader) != SEMEL_OK)
        semel_recovery_give_up(recovery);
}

static enum semel_code read_all(semel_channel *channel, struct reader *reader, semel_status *status)
{
    demo_OpenRequest open = {.handle = reader->handle, .path = (char *)reader->path};
    demo_OpenReply opened;
    bool at_end = false;
    if (demo_File_Open(channel, &open, &opened, NULL, status) != SEMEL_OK)
        return status->code;
    while (!at_end) {
        demo_ReadLineRequest in = {.handle = reader->handle, .offset = reader->offset};
        demo_ReadLineReply out;
        if (demo_File_ReadLine(channel, &in, &out, NULL, status) != SEMEL_OK)
            return status->code;
        at_end = out.line == NULL || out.line[0] == '\0';
        fputs(at_end ? "" : out.line, stdout);
        fflush(stdout);
        reader->offset = out.next;
        demo_File_ReadLine_release(&out);
        if (!at_end)
            (void)getchar(); /* with no more input, it goes on by itself */
    }
    return SEMEL_OK;
}

int main(int argc, char **argv)
{
    struct reader reader = {.handle = 1, .path = argc > 2 ? argv[2] : "poem.txt"};
    const struct semel_node_options options = {.thread = true}; /* heartbeats go on while it waits for Enter */
    semel_status status = {.code = SEMEL_OK};
    semel_node *node = NULL;
    semel_channel *channel = NULL;
    if (semel_node_open(&options, &node, &status) != SEMEL_OK ||
        semel_channel_open(node, "file", argc > 1 ? argv[1] : "tcp://127.0.0.1:4063", &channel, &status) !=
            SEMEL_OK) {
        fprintf(stderr, "remote-file-client: %s\n", status.message);
        semel_node_close(node);
        return 1;
    }
    semel_channel_attach_recovery(channel, reopen, &reader);
    if (read_all(channel, &reader, &status) != SEMEL_OK) {
        char text[4096];
        semel_status_explain(&status, text, sizeof text);
        fputs(text, stderr);
    }
    printf("recoveries: %" PRIu64 "\n", semel_channel_recoveries(channel));
    semel_node_close(node); /* closes the channel too */
    return status.code == SEMEL_OK ? 0 : 1;
}
