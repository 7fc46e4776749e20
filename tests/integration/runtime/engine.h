/* What the tests of the retry policy engine share: servers that fail as they are told, an operator who reads the log,
 * and lists of endpoints.
 *
 * It must not know what any test expects.  Reads best next: retry_test.c, hedge_test.c. */
#ifndef RUNTIME_ENGINE_H
#define RUNTIME_ENGINE_H

#include <criterion/criterion.h>

#include "fixture.h"
#include "peer.h"

enum { ENGINE_LIST = 4 * SEMEL_ENDPOINT_TEXT_MAX };

/* How engine_fail fails; the same for all servers of a test, set before its calls.  Each test has a process of its
 * own. */
struct engine_failing {
    unsigned times;       /* the first runs of each operation; UINT32_MAX: all */
    enum semel_code code; /* SEMEL_REFUSED: refuses */
    uint32_t pushback_ms; /* of a refusal */
    bool elsewhere;       /* of a refusal */
};
extern struct engine_failing engine_failing;

/* Fails as engine_failing says, then answers. */
server_handler engine_fail;

/* "a,b": into has room for ENGINE_LIST. */
const char *engine_list(char *into, const char *a, const char *b);
/* "a,b,c" */
const char *engine_list3(char *into, const char *a, const char *b, const char *c);

/* A synchronous call. */
semel_status engine_call(struct client *client, enum method method, unsigned op,
                         const semel_call_options *options);

/* Waits for a fifth of a second by the clock of the client's loop: what was due earlier has come. */
void engine_outlast(struct client *client);

/* Answers of a peer. */
void engine_refuse(struct peer *peer, const struct frame *request, uint32_t pushback_ms);
void engine_answer(struct peer *peer, const struct frame *request, enum semel_code code);

/* Until what is written to a peer that does not read fills every buffer on the way: the same frame has been at the same
 * byte for a while that no peer who reads takes.  Returns the seq of its call. */
uint64_t engine_wait_until_stuck(struct client *client);

/* Whether the explanation of a status holds these words. */
bool engine_explains(const semel_status *status, const char *words);
#define check_explains(status, words)                                                                          \
    do {                                                                                                       \
        char told_[4096];                                                                                      \
        semel_status_explain(status, told_, sizeof told_);                                                     \
        cr_assert(engine_explains(status, words), "'%s' is not in:\n%s", words, told_);                        \
    } while (0)

/* What can be said of the counters of a channel without calls, whatever has happened. */
void engine_check_sums(const struct semel_channel_stats *stats);

/* The lines an operator has seen that hold some words; a client opened with it tells them. */
struct engine_log {
    pthread_mutex_t mutex;
    const char *words;
    unsigned lines;
    char last[1024];
};
void engine_open_logged(struct client *client, const char *const *properties, const char *endpoints,
                        struct engine_log *log, const char *words);
unsigned engine_lines(struct engine_log *log);

#endif
