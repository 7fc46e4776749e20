/* A counter client: a call that changes something, a call that does not, and what a failure says.
 *
 * Reads best next: ../bank/README.md. */
#include <stdio.h>

#include "counter.semel.h"

int main(int argc, char **argv)
{
    semel_status status = {.code = SEMEL_OK};
    semel_node *node = NULL;
    semel_channel *channel = NULL;
    if (semel_node_open(NULL, &node, &status) != SEMEL_OK ||
        semel_channel_open(node, "counter", argc > 1 ? argv[1] : "tcp://127.0.0.1:4061", &channel, &status) !=
            SEMEL_OK) {
        fprintf(stderr, "counter-client: %s\n", status.message);
        return 1;
    }

    demo_AddRequest in = {.amount = 5};
    demo_CounterReply out;
    if (demo_Counter_Add(channel, &in, &out, NULL, &status) == SEMEL_OK) {
        printf("the counter is at %lld now\n", (long long)out.value);
    } else {
        char text[4096];
        semel_status_explain(&status, text, sizeof text); /* did it run?  why was it not retried? */
        fputs(text, stderr);
    }
    semel_node_close(node); /* closes the channel too */
    return status.code == SEMEL_OK ? 0 : 1;
}
