/* The plugin's whole way from bytes to C as one fuzz target: no crash, no leak; errors, or text.
 *
 * It must not know where its inputs come from: a driver of ours, or libFuzzer.  Reads best next: driver.c. */
#include "codegen/emit.h"
#include "idl/cycles.h"
#include "idl/imports.h"
#include "idl/request.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What is accepted becomes text: a header and a source with nothing in them would be a lie. */
static void emit_all(const struct model *model)
{
    for (size_t i = 0; i < model->file_count; i++) {
        struct text header = {.bytes = NULL};
        struct text source = {.bytes = NULL};
        emit_header(&header, &model->files[i]);
        emit_source(&source, &model->files[i]);
        if (header.size == 0 || source.size == 0) {
            fputs("a file was accepted and nothing came of it\n", stderr);
            abort();
        }
        text_fini(&header);
        text_fini(&source);
    }
}

static void build(struct request *request)
{
    struct model model;
    struct diagnostics list;
    size_t count;
    model_init(&model);
    diagnostics_init(&list, &model.arena);
    model_build(&model, request, &list);
    diagnostics_text(&list, SEVERITY_ERROR);
    diagnostics_text(&list, SEVERITY_WARNING);
    if (list.errors == 0) {
        imports_without_use(&model, request, &count);
        emit_all(&model);
    }
    diagnostics_fini(&list);
    model_fini(&model);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct request request;
    const char *problem;
    if (!request_parse(bytes, size, &request, &problem))
        return 0;
    build(&request);
    request_fini(&request);
    return 0;
}
