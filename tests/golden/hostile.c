/* Feeds cut and changed copies of one request to the model and the emitters: no crash, no leak (under
 * sanitizers).
 *
 * The changes follow a fixed sequence, so a failure comes again.  Reads best next: idl/request.h. */
#include "codegen/emit.h"
#include "idl/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANGED_COPIES = 150, CUTS = 60 };

/* The file to generate stands last, behind its imports: most changes go there. */
enum { TAIL_BYTES = 6000 };

struct tally {
    size_t refused;  /* not a request */
    size_t wrong;    /* a request with errors */
    size_t accepted; /* a model came of it */
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void emit_all(const struct model *model)
{
    for (size_t i = 0; i < model->file_count; i++) {
        struct text text = {.bytes = NULL};
        emit_header(&text, &model->files[i]);
        emit_source(&text, &model->files[i]);
        text_fini(&text);
    }
}

static void feed(const void *bytes, size_t size, struct tally *tally)
{
    struct request request;
    const char *problem;
    if (!request_parse(bytes, size, &request, &problem)) {
        tally->refused++;
        return;
    }
    struct model model;
    struct diagnostics list;
    model_init(&model);
    diagnostics_init(&list, &model.arena);
    model_build(&model, &request, &list);
    diagnostics_text(&list, SEVERITY_ERROR);
    diagnostics_text(&list, SEVERITY_WARNING);
    if (list.errors > 0) {
        tally->wrong++;
    } else {
        tally->accepted++;
        emit_all(&model);
    }
    diagnostics_fini(&list);
    model_fini(&model);
    request_fini(&request);
}

/* The copy has exactly its size, so that the sanitizer sees one byte read too many. */
static void feed_copy(const unsigned char *bytes, size_t size, uint64_t *state, struct tally *tally)
{
    unsigned char *copy = malloc(size == 0 ? 1 : size);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, size);
    for (uint64_t changes = state == NULL ? 0 : 1 + next_random(state) % 4; size > 0 && changes > 0;
         changes--) {
        size_t reach = next_random(state) % 4 != 0 && size > TAIL_BYTES ? TAIL_BYTES : size;
        size_t at = size - 1 - next_random(state) % reach;
        copy[at] = (unsigned char)next_random(state);
    }
    feed(copy, size, tally);
    free(copy);
}

static unsigned char *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    struct text text = {.bytes = NULL};
    char chunk[4096];
    size_t size;
    while ((size = fread(chunk, 1, sizeof chunk, file)) > 0)
        text_add(&text, chunk, size);
    fclose(file);
    *ret_size = text.size;
    return (unsigned char *)text.bytes;
}

int main(int argc, char **argv)
{
    size_t size = 0;
    unsigned char *bytes = argc == 2 ? read_file(argv[1], &size) : NULL;
    if (bytes == NULL) {
        fprintf(stderr, "usage: hostile REQUEST_FILE\n");
        return 2;
    }
    struct tally tally = {0};
    feed_copy(bytes, size, NULL, &tally);
    if (tally.refused > 0) {
        fprintf(stderr, "the request itself is refused\n");
        free(bytes);
        return 1;
    }
    size_t step = size / CUTS + 1;
    for (size_t cut = 0; cut < size; cut += step)
        feed_copy(bytes, cut, NULL, &tally);
    uint64_t state = 0x9e3779b97f4a7c15;
    for (int i = 0; i < CHANGED_COPIES; i++)
        feed_copy(bytes, size, &state, &tally);
    printf("%zu refused, %zu with errors, %zu accepted\n", tally.refused, tally.wrong, tally.accepted);
    free(bytes);
    return 0;
}
