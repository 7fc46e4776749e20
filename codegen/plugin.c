/* protoc-gen-semel: a CodeGeneratorRequest on stdin, a CodeGeneratorResponse on stdout.
 *
 * Mistakes in a .proto travel in the response and end with 0, as protoc asks; warnings go to stderr;
 * failures of its own go to stderr and end with 1.  It must not know semelc.  Reads best next: idl/model.h,
 * emit.h. */
#include "codegen/emit.h"
#include "idl/request.h"

#include <pb_encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURE_PROTO3_OPTIONAL = 1 };

/* The answer while it grows: the strings are those of texts and of the model's arena. */
struct answer {
    struct arena arena;
    desc_Response_File *files;
    struct text *texts; /* two a model file: header, source */
    pb_size_t count;
};

static bool write_stdout(pb_ostream_t *stream, const pb_byte_t *bytes, size_t size)
{
    (void)stream;
    return fwrite(bytes, 1, size, stdout) == size;
}

static int send_response(const desc_Response *response)
{
    pb_ostream_t stream = {.callback = write_stdout, .max_size = SIZE_MAX};
    if (!pb_encode(&stream, desc_Response_fields, response) || fflush(stdout) != 0) {
        fprintf(stderr, "protoc-gen-semel: error: cannot write the response: %s\n", PB_GET_ERROR(&stream));
        return 1;
    }
    return 0;
}

static void answer_add(struct answer *answer, const char *stem, const char *suffix,
                       const struct model_file *file, void (*emit)(struct text *, const struct model_file *))
{
    struct text *text = &answer->texts[answer->count];
    emit(text, file);
    answer->files[answer->count].name = arena_printf(&answer->arena, "%s%s", stem, suffix);
    answer->files[answer->count].content = text->bytes;
    answer->count++;
}

static int answer_with_files(const struct model *model)
{
    struct answer answer = {.count = 0};
    answer.files = arena_alloc(&answer.arena, 2 * model->file_count * sizeof *answer.files);
    answer.texts = arena_alloc(&answer.arena, 2 * model->file_count * sizeof *answer.texts);
    for (size_t i = 0; i < model->file_count; i++) {
        const struct model_file *file = &model->files[i];
        answer_add(&answer, file->stem, ".semel.h", file, emit_header);
        answer_add(&answer, file->stem, ".semel.c", file, emit_source);
    }
    desc_Response response = desc_Response_init_zero;
    response.has_supported_features = true;
    response.supported_features = FEATURE_PROTO3_OPTIONAL;
    response.file = answer.files;
    response.file_count = answer.count;
    int result = send_response(&response);
    for (pb_size_t i = 0; i < answer.count; i++)
        text_fini(&answer.texts[i]);
    arena_fini(&answer.arena);
    return result;
}

static int answer_with_error(const char *text)
{
    char *copy = strdup(text);
    desc_Response response = desc_Response_init_zero;
    response.has_supported_features = true;
    response.supported_features = FEATURE_PROTO3_OPTIONAL;
    response.error = copy;
    int result = copy == NULL ? 1 : send_response(&response);
    free(copy);
    return result;
}

static int generate(struct request *request)
{
    if (request->head.parameter != NULL && *request->head.parameter != '\0')
        return answer_with_error("protoc-gen-semel takes no parameter: write --semel_out=DIR, or no opt");
    struct model model;
    struct diagnostics list;
    model_init(&model);
    diagnostics_init(&list, &model.arena);
    model_build(&model, request, &list);
    const char *warnings = diagnostics_text(&list, SEVERITY_WARNING);
    if (*warnings != '\0')
        fprintf(stderr, "%s\n", warnings);
    int result = list.errors > 0 ? answer_with_error(diagnostics_text(&list, SEVERITY_ERROR))
                                 : answer_with_files(&model);
    diagnostics_fini(&list);
    model_fini(&model);
    return result;
}

static bool read_all(FILE *from, struct text *to)
{
    char chunk[16 * 1024];
    size_t size;
    while ((size = fread(chunk, 1, sizeof chunk, from)) > 0)
        text_add(to, chunk, size);
    return !ferror(from);
}

static int usage(void)
{
    fputs("protoc-gen-semel is a plugin of protoc, which talks to it over stdin and stdout.\n"
          "You probably want: semelc FILE.proto\n"
          "or by hand:        protoc --plugin=protoc-gen-semel --semel_out=DIR FILE.proto\n",
          stderr);
    return 1;
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return usage();
    struct text input = {.bytes = NULL};
    if (!read_all(stdin, &input)) {
        perror("protoc-gen-semel: error: cannot read the request");
        text_fini(&input);
        return 1;
    }
    struct request request;
    const char *problem;
    int result = 1;
    if (!request_parse(input.bytes, input.size, &request, &problem)) {
        fprintf(stderr, "protoc-gen-semel: error: the request is not a CodeGeneratorRequest: %s\n", problem);
    } else {
        result = generate(&request);
        request_fini(&request);
    }
    text_fini(&input);
    return result;
}
