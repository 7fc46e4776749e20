/* Properties on a command line.  What an argument is depends on nothing but itself and "--", so reading and
 * taking out are two passes that agree.
 * Must not know: keys' meaning, and the program's own options.
 * Reads best next: properties.c. */
#include "config/args.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/assignment.h"
#include "config/rules.h"

enum arg_kind {
    ARG_OTHER,
    ARG_END,           /* "--": what follows is the program's */
    ARG_CONFIG,        /* --config, and the next argument */
    ARG_CONFIG_JOINED, /* --config=FILE */
    ARG_PROPERTY,      /* --Key=Value */
    ARG_NO_VALUE,      /* --Key with a known key, but no value */
};

static const char config_joined[] = "--config=";
static const struct report_place command_line = {REPORT_ARGUMENTS, NULL, 0};

static bool is_known_key(const char *name)
{
    enum properties_key key;
    size_t scope_length;
    return keys_find(name, &key, &scope_length);
}

static enum arg_kind kind_of(const char *arg)
{
    if (strncmp(arg, "--", 2) != 0)
        return ARG_OTHER;
    const char *name = arg + 2;
    size_t length = strcspn(name, "=");
    if (!*name)
        return ARG_END;
    if (strcmp(name, "config") == 0)
        return ARG_CONFIG;
    if (strncmp(arg, config_joined, sizeof config_joined - 1) == 0)
        return ARG_CONFIG_JOINED;
    if (name[length] != '=')
        return is_known_key(name) ? ARG_NO_VALUE : ARG_OTHER;
    bool upper = *name >= 'A' && *name <= 'Z';
    return upper || memchr(name, '.', length) ? ARG_PROPERTY : ARG_OTHER;
}

/* The file that --config names; NULL if there is none. */
static enum semel_code find_option(int argc, char **argv, const char **ret_path, semel_status *status)
{
    *ret_path = NULL;
    for (int i = 1; i < argc; i++) {
        enum arg_kind kind = kind_of(argv[i]);
        if (kind == ARG_END)
            break;
        if (kind != ARG_CONFIG && kind != ARG_CONFIG_JOINED)
            continue;
        if (*ret_path)
            return report_bad(status, &command_line, "--config is given twice");
        if (kind == ARG_CONFIG && i + 1 == argc)
            return report_bad(status, &command_line, "--config needs a file");
        *ret_path = kind == ARG_CONFIG ? argv[++i] : argv[i] + sizeof config_joined - 1;
    }
    return SEMEL_OK;
}

enum semel_code args_find_config(int argc, char **argv, const char **ret_path, bool *ret_by_environment,
                                 semel_status *status)
{
    *ret_by_environment = false;
    enum semel_code code = find_option(argc, argv, ret_path, status);
    if (code != SEMEL_OK || *ret_path)
        return code;
    const char *path = getenv("SEMEL_CONFIG");
    if (path && *path) {
        *ret_path = path;
        *ret_by_environment = true;
    }
    return SEMEL_OK;
}

static enum semel_code apply_arg(struct settings *settings, const char *arg, semel_status *status)
{
    const char *equals = strchr(arg, '=');
    char *key = strndup(arg + 2, (size_t)(equals - arg) - 2);
    if (!key)
        return report_no_memory(status);
    const struct report_place place = {REPORT_ARGUMENTS, arg, 0};
    enum semel_code code = assignment_apply(settings, key, equals + 1, &place, status);
    free(key);
    return code;
}

enum semel_code args_read(int argc, char **argv, struct settings *settings, semel_status *status)
{
    enum semel_code code = SEMEL_OK;
    bool ended = false;
    for (int i = 1; i < argc && code == SEMEL_OK && !ended; i++) {
        struct report_quote quote;
        switch (kind_of(argv[i])) {
        case ARG_OTHER: break;
        case ARG_END: ended = true; break;
        case ARG_CONFIG_JOINED: break;
        case ARG_CONFIG: i++; break;
        case ARG_PROPERTY: code = apply_arg(settings, argv[i], status); break;
        case ARG_NO_VALUE:
            code = report_bad(status, &command_line, "%s needs a value: %s=VALUE",
                              report_quote(&quote, argv[i]), quote.text);
            break;
        }
    }
    return code == SEMEL_OK ? rules_check_rivals(settings, status) : code;
}

void args_take_out(int *argc, char **argv, char **scratch)
{
    size_t taken = 0;
    int kept = 1;
    bool ended = false;
    for (int i = 1; i < *argc; i++) {
        enum arg_kind kind = ended ? ARG_OTHER : kind_of(argv[i]);
        ended = ended || kind == ARG_END;
        if (kind == ARG_OTHER || kind == ARG_END) {
            argv[kept++] = argv[i];
            continue;
        }
        scratch[taken++] = argv[i];
        if (kind == ARG_CONFIG) {
            assert(i + 1 < *argc);
            scratch[taken++] = argv[++i];
        }
    }
    if (taken > 0) {
        memcpy(argv + kept, scratch, taken * sizeof *scratch);
        *argc = kept;
    }
}
