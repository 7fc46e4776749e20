/* Words into options; whatever is not understood is an error.
 *
 * Reads best next: options.h. */
#include "sim/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS_MAX = 256 };

static bool number(const char *text, const char **ret_rest, uint64_t *ret_value)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    *ret_value = strtoull(text, &end, 10);
    *ret_rest = end;
    return true;
}

static bool whole_number(const char *text, uint64_t *ret_value)
{
    const char *rest;
    return number(text, &rest, ret_value) && *rest == '\0';
}

static bool range(const char *text, struct sim_options *options)
{
    const char *rest;
    return number(text, &rest, &options->first) && strncmp(rest, "..", 2) == 0 &&
           whole_number(rest + 2, &options->last) && options->first <= options->last;
}

static bool take(const char *word, const char *value, struct sim_options *options)
{
    uint64_t given = 0;
    if (strcmp(word, "--seeds") == 0)
        return range(value, options);
    if (!whole_number(value, &given))
        return false;
    if (strcmp(word, "--seed") == 0) {
        options->first = options->last = given;
        options->single = true;
        return true;
    }
    if (strcmp(word, "--seconds") == 0) {
        options->seconds = (int64_t)given;
        return given > 0 && given < 1000000;
    }
    options->jobs = (uint32_t)given;
    return strcmp(word, "--jobs") == 0 && given > 0 && given <= JOBS_MAX;
}

void sim_options_help(const char *program)
{
    printf("usage: %s [OPTION]...\n"
           "\n"
           "Plays one world after the other, each from its seed, until one fails: that one is told again, line "
           "by line.\n"
           "\n"
           "  --seeds A..B   from A to B (default 1..1000)\n"
           "  --seed N       that one alone\n"
           "  --trace        with --seed: tells everything that happens in it\n"
           "  --seconds S    stops after so long; without --seeds it goes on from seed 1 until then\n"
           "  --jobs J       in so many processes, up to %d (default 1)\n"
           "  --hash         tells a number for each history: the same in every build\n"
           "  --help         prints this text\n"
           "\n"
           "Exit status: 0 every seed passed, 1 one failed, 2 the command line makes no sense.\n"
           "\n"
           "examples:\n"
           "  %s --seeds 1..10000 --jobs 2\n"
           "  %s --seed 4711 --trace\n",
           program, JOBS_MAX, program, program);
}

bool sim_options_parse(int argc, char **argv, struct sim_options *ret_options)
{
    *ret_options = (struct sim_options){.first = 1, .last = 1000, .jobs = 1};
    bool ranged = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0) {
            ret_options->trace = true;
        } else if (strcmp(argv[i], "--hash") == 0) {
            ret_options->hash = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            ret_options->help = true;
            return true;
        } else if (i + 1 < argc && take(argv[i], argv[i + 1], ret_options)) {
            ranged |= strcmp(argv[i], "--seeds") == 0;
            i++;
        } else {
            fprintf(stderr,
                    "%s: '%s' is not understood; "
                    "--seeds A..B, --seed N [--trace], --seconds S, --jobs J, --hash, --help\n",
                    argv[0], argv[i]);
            return false;
        }
    }
    if (ret_options->trace && !ret_options->single) {
        fprintf(stderr, "%s: --trace needs --seed N\n", argv[0]);
        return false;
    }
    if (ret_options->seconds > 0 && !ranged)
        ret_options->last = UINT64_MAX;
    return true;
}
