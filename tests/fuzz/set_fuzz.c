/* Any bytes as the FileDescriptorSet that semelc reads: taken apart and stripped, or refused.
 *
 * Reads best next: ../../codegen/set.h. */
#include "choices.h"

#include "codegen/set.h"

static void parse(const struct text *set, const char *name)
{
    struct request request;
    const char *problem = NULL;
    if (set_parse(set, &name, 1, &request, &problem))
        request_fini(&request);
    else
        must(problem != NULL);
}

/* What has been stripped has nothing left to strip. */
static void strip(const struct text *set)
{
    struct text once = {.bytes = NULL}, twice = {.bytes = NULL};
    if (set_strip(set, &once)) {
        must(once.size <= set->size);
        must(set_strip(&once, &twice) && twice.size == once.size);
    }
    text_fini(&once);
    text_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct text set = {.bytes = NULL};
    text_add(&set, (const char *)bytes, size);
    parse(&set, "bank.proto");
    strip(&set);
    text_fini(&set);
    return 0;
}
