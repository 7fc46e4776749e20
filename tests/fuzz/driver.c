/* Feeds a fuzz target with seeds, with cut and with changed copies of them: what runs in every test, without libFuzzer.
 *
 * The changes follow a fixed sequence, so a failure comes again.  Reads best next: mutate.h, choices.h. */
#include "mutate.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CUTS = 40, MOST_CHANGES = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What the target is fed just now, for the one who wants to see it fail again. */
static struct {
    const uint8_t *bytes;
    size_t size;
} present;

static void keep_present(int signal_number)
{
    static const char said[] = "the input is in ./broken.input\n";
    int file = open("broken.input", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file >= 0 && write(file, present.bytes, present.size) >= 0)
        (void)!write(STDERR_FILENO, said, sizeof said - 1);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* The copy has exactly its size, so that the sanitizer sees one byte read too many. */
static void feed(const char *bytes, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    if (copy == NULL)
        abort();
    if (size > 0)
        memcpy(copy, bytes, size);
    present.bytes = copy;
    present.size = size;
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void feed_cut(const struct text *seed)
{
    size_t step = seed->size / CUTS + 1;
    for (size_t cut = 0; cut <= seed->size; cut += step)
        feed(seed->bytes, cut);
}

/* One to five changes on top of each other; now and then a byte that knows nothing of records. */
static void feed_changed(const struct text *seed, uint64_t *state)
{
    struct text changed = {.bytes = NULL};
    mutate(seed->bytes, seed->size, state, &changed);
    for (uint64_t more = mutate_random(state) % MOST_CHANGES; more > 0 && changed.size > 0; more--) {
        struct text next = {.bytes = NULL};
        mutate(changed.bytes, changed.size, state, &next);
        text_fini(&changed);
        changed = next;
    }
    if (changed.size > 0 && mutate_random(state) % 8 == 0)
        changed.bytes[mutate_random(state) % changed.size] = (char)mutate_random(state);
    feed(changed.bytes, changed.size);
    text_fini(&changed);
}

static bool read_file(const char *path, struct text *to)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    char chunk[4096];
    size_t size;
    while ((size = fread(chunk, 1, sizeof chunk, file)) > 0)
        text_add(to, chunk, size);
    fclose(file);
    return to->size > 0;
}

int main(int argc, char **argv)
{
    long rounds = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    if (rounds <= 0) {
        fprintf(stderr, "usage: %s CHANGED_COPIES SEED_FILE...\n", argv[0]);
        return 2;
    }
    uint64_t state = 0x9e3779b97f4a7c15;
    signal(SIGABRT, keep_present);
    for (int i = 2; i < argc; i++) {
        struct text seed = {.bytes = NULL};
        if (!read_file(argv[i], &seed)) {
            fprintf(stderr, "%s: cannot read a seed from it\n", argv[i]);
            return 2;
        }
        feed(seed.bytes, seed.size);
        feed_cut(&seed);
        for (long j = 0; j < rounds; j++)
            feed_changed(&seed, &state);
        text_fini(&seed);
    }
    printf("%d seeds, each cut %d times and changed %ld times\n", argc - 2, CUTS, rounds);
    return 0;
}
