/* Any bytes as a property file, as arguments, and as keys and values: errors that say where, or properties that can be
 * looked up; a file that is refused changes nothing.
 *
 * Reads best next: ../../runtime/config/properties.h. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "choices.h"
#include "config/properties.h"

enum { ARGUMENTS = 8, ARGUMENT_MAX = 200 };

static const struct properties_scope scopes[] = {{.channel = NULL}, {.channel = "bank"}};

/* Every value, as numbers. */
static uint64_t sum(const semel_properties *properties)
{
    uint64_t total = 14695981039346656037u;
    for (size_t s = 0; s < sizeof scopes / sizeof scopes[0]; s++)
        for (unsigned key = 0; key < PROPERTIES_KEY_COUNT; key++) {
            char text[256];
            size_t size = properties_origin(properties, &scopes[s], (enum properties_key)key, text,
                                            sizeof text);
            must(memchr(text, '\0', sizeof text) != NULL);
            total = (total ^ size ^
                     (uint64_t)properties_level(properties, &scopes[s], (enum properties_key)key)) *
                    1099511628211u;
        }
    return total;
}

static void check_status(enum semel_code code, const semel_status *status)
{
    must(status->code == code);
    must(code == SEMEL_OK || (status->message[0] != '\0' && status->reason != SEMEL_REASON_NONE));
    must(memchr(status->message, '\0', sizeof status->message) != NULL);
    for (const char *at = status->message; *at != '\0'; at++)
        must((unsigned char)*at >= ' ' && (unsigned char)*at < 127); /* fit for a terminal */
}

static void load_file(semel_properties *properties, const uint8_t *bytes, size_t size)
{
    char path[40];
    semel_status status;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    uint64_t before = sum(properties);
    uint64_t generation = properties_generation(properties);
    enum semel_code code = semel_properties_load(properties, path, &status);
    check_status(code, &status);
    if (code != SEMEL_OK)
        must(sum(properties) == before && properties_generation(properties) == generation);
    uint64_t after = sum(properties);
    check_status(semel_properties_reload(properties, &status), &status);
    must(sum(properties) == after);
    close(fd);
}

static void parse_arguments(semel_properties *properties, const uint8_t *bytes, size_t size)
{
    static char texts[ARGUMENTS][ARGUMENT_MAX];
    char *arguments[ARGUMENTS + 1] = {NULL};
    int count = 1;
    snprintf(texts[0], sizeof texts[0], "program");
    arguments[0] = texts[0];
    for (size_t i = 0; i < size && count < ARGUMENTS; count++) {
        size_t length = strnlen((const char *)bytes + i, size - i);
        size_t kept = length < ARGUMENT_MAX - 1 ? length : ARGUMENT_MAX - 1;
        memcpy(texts[count], bytes + i, kept);
        texts[count][kept] = '\0';
        arguments[count] = texts[count];
        i += length + 1;
    }
    semel_status status;
    int left = count;
    enum semel_code code = semel_properties_parse_args(properties, &left, arguments, &status);
    check_status(code, &status);
    must(left >= 1 && left <= count && (code == SEMEL_OK || left == count));
    must(arguments[0] == texts[0]);
    (void)sum(properties);
}

static void set_one(semel_properties *properties, const uint8_t *bytes, size_t size)
{
    char text[300], *equals;
    semel_status status;
    size_t kept = size < sizeof text - 1 ? size : sizeof text - 1;
    memcpy(text, bytes, kept);
    text[kept] = '\0';
    equals = strchr(text, '=');
    if (equals == NULL)
        return;
    *equals = '\0';
    uint64_t before = sum(properties);
    enum semel_code code = semel_properties_set(properties, text, equals + 1, &status);
    check_status(code, &status);
    must(code == SEMEL_OK || sum(properties) == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    semel_properties *properties = semel_properties_create();
    must(properties != NULL);
    set_one(properties, bytes, size);
    load_file(properties, bytes, size);
    parse_arguments(properties, bytes, size);
    semel_properties_destroy(properties);
    return 0;
}
