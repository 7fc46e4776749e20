/* Looks for programs and .proto files.
 *
 * It must not know what they do.  Reads best next: tools.h. */
#include "codegen/tools.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where distributions put nanopb.proto; the first is Debian's. */
static const char *const nanopb_places[] = {
    "/usr/lib/python3/dist-packages/proto",
    "/usr/share/nanopb/generator/proto",
    "/usr/local/share/nanopb/generator/proto",
};

static const char *own_directory(struct arena *arena)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return NULL;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return NULL;
    *slash = '\0';
    return arena_copy(arena, path);
}

static const char *find_in_path(struct arena *arena, const char *program)
{
    const char *path = getenv("PATH");
    if (path == NULL)
        path = "/usr/local/bin:/usr/bin:/bin";
    while (*path != '\0') {
        size_t length = strcspn(path, ":");
        const char *candidate = arena_printf(arena, "%.*s/%s", (int)length, path, program);
        char absolute[PATH_MAX];
        if (length > 0 && access(candidate, X_OK) == 0)
            return *candidate == '/' || realpath(candidate, absolute) == NULL ? candidate
                                                                              : arena_copy(arena, absolute);
        path += length;
        path += *path == ':';
    }
    return NULL;
}

static const char *find_nanopb_protos(struct arena *arena)
{
    for (size_t i = 0; i < sizeof nanopb_places / sizeof *nanopb_places; i++)
        if (access(arena_printf(arena, "%s/nanopb.proto", nanopb_places[i]), R_OK) == 0)
            return nanopb_places[i];
    return NULL;
}

/* protoc looks beside itself, then in ../include, and tells nobody. */
static const char *find_google_protos(struct arena *arena, const char *protoc)
{
    char path[PATH_MAX];
    if (realpath(protoc, path) == NULL)
        return NULL;
    *strrchr(path, '/') = '\0';
    const char *beside = arena_printf(arena, "%s/google/protobuf/descriptor.proto", path);
    if (access(beside, R_OK) == 0)
        return arena_copy(arena, path);
    char *slash = strrchr(path, '/');
    const char *include = arena_printf(arena, "%.*s/include", slash == NULL ? 0 : (int)(slash - path), path);
    return access(arena_printf(arena, "%s/google/protobuf/descriptor.proto", include), R_OK) == 0 ? include
                                                                                                  : NULL;
}

const char *tools_find(struct arena *arena, struct tools *ret_tools)
{
    *ret_tools = (struct tools){.protoc = find_in_path(arena, "protoc")};
    if (ret_tools->protoc == NULL)
        return "protoc is not in PATH; on Debian: apt-get install protobuf-compiler";
    ret_tools->nanopb_plugin = find_in_path(arena, "protoc-gen-nanopb");
    if (ret_tools->nanopb_plugin == NULL)
        return "protoc-gen-nanopb is not in PATH; on Debian: apt-get install nanopb";
    const char *directory = own_directory(arena);
    if (directory == NULL)
        return "cannot tell where semelc itself lies: /proc is not mounted";
    ret_tools->semel_protos = arena_printf(arena, "%s/../share/semel", directory);
    if (access(arena_printf(arena, "%s/semel/options.proto", ret_tools->semel_protos), R_OK) != 0)
        return arena_printf(arena, "semel/options.proto is not in %s", ret_tools->semel_protos);
    ret_tools->nanopb_protos = find_nanopb_protos(arena);
    ret_tools->google_protos = find_google_protos(arena, ret_tools->protoc);
    return NULL;
}
