/* A server of files in its folder.  What is open, and where it stands, is lost when it ends.
 *
 * Reads best next: client.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.semel.h"

enum { HANDLES = 64, LINE_MAX_SIZE = 4096 };

struct open_file {
    FILE *stream; /* NULL: not open */
    uint64_t at;
    uint64_t before; /* where the line before begins */
};

struct files {
    struct open_file open[HANDLES];
};

static enum semel_code open_file(semel_request *request, demo_OpenRequest *in, demo_OpenReply *out, void *user)
{
    struct files *files = user;
    (void)out;
    /* Of this folder only. */
    if (in->handle >= HANDLES || in->path == NULL || strchr(in->path, '/') != NULL || in->path[0] == '.')
        return semel_request_error(request, SEMEL_INVALID_ARGUMENT, "no such handle, or not a plain file name");
    struct open_file *file = &files->open[in->handle];
    FILE *stream = fopen(in->path, "rb");
    if (stream == NULL)
        return semel_request_error(request, SEMEL_NOT_FOUND, strerror(errno));
    if (file->stream != NULL)
        fclose(file->stream);
    *file = (struct open_file){.stream = stream};
    return SEMEL_OK;
}

/* The open file of a handle, or NULL. */
static struct open_file *find(struct files *files, uint32_t handle)
{
    return handle < HANDLES && files->open[handle].stream != NULL ? &files->open[handle] : NULL;
}

static bool move_to(struct open_file *file, uint64_t offset)
{
    return offset <= INT32_MAX && fseek(file->stream, (long)offset, SEEK_SET) == 0;
}

static enum semel_code seek(semel_request *request, demo_SeekRequest *in, demo_SeekReply *out, void *user)
{
    struct open_file *file = find(user, in->handle);
    (void)out;
    if (file == NULL || !move_to(file, in->offset))
        return semel_request_error(request, SEMEL_FAILED_PRECONDITION, "not open, or no such place");
    file->at = file->before = in->offset;
    return SEMEL_OK;
}

static enum semel_code read_line(semel_request *request, demo_ReadLineRequest *in, demo_ReadLineReply *out,
                                 void *user)
{
    struct open_file *file = find(user, in->handle);
    char line[LINE_MAX_SIZE] = "";
    if (file == NULL || (in->offset != file->at && in->offset != file->before) || !move_to(file, in->offset))
        return semel_request_error(request, SEMEL_FAILED_PRECONDITION, "not open, or it stands elsewhere");
    if (fgets(line, sizeof line, file->stream) == NULL && ferror(file->stream))
        return semel_request_error(request, SEMEL_DATA_LOSS, "the file cannot be read");
    out->line = strdup(line);
    if (out->line == NULL)
        return semel_request_error(request, SEMEL_RESOURCE_EXHAUSTED, "out of memory");
    file->before = in->offset;
    file->at = out->next = in->offset + strlen(line);
    return SEMEL_OK;
}

int main(int argc, char **argv)
{
    static const struct demo_File_handlers handlers = {.Open = open_file, .Seek = seek, .ReadLine = read_line};
    static struct files files;
    semel_status status = {.code = SEMEL_OK};
    semel_node *node = NULL;
    semel_server *server = NULL;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    if (semel_node_open(NULL, &node, &status) != SEMEL_OK ||
        semel_server_open(node, "memory", &server, &status) != SEMEL_OK ||
        demo_File_serve(server, &handlers, &files) != SEMEL_OK ||
        semel_server_listen(server, argc > 1 ? argv[1] : "tcp://127.0.0.1:4063", uri, &status) != SEMEL_OK) {
        fprintf(stderr, "remote-file-server: %s\n", status.message);
        semel_node_close(node);
        return 1;
    }
    printf("listening %s\n", uri);
    fflush(stdout);
    semel_node_run(node);
    semel_node_close(node);
    return 0;
}
