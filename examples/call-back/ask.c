/* Asks the house how warm it is in a room.
 *
 * Reads best next: house.c. */
#include <stdio.h>

#include "thermometer.semel.h"

int main(int argc, char **argv)
{
    demo_AskRequest in = {.room = argc > 1 ? argv[1] : "kitchen"};
    demo_AskReply out;
    semel_status status = {.code = SEMEL_OK};
    semel_node *node = NULL;
    semel_channel *channel;
    if (semel_node_open(NULL, &node, &status) == SEMEL_OK &&
        semel_channel_open(node, NULL, argc > 2 ? argv[2] : "tcp://127.0.0.1:4064", &channel, &status) ==
            SEMEL_OK &&
        demo_House_Ask(channel, &in, &out, NULL, &status) == SEMEL_OK)
        printf("%s: %d degrees, reading %u\n", in.room, out.degrees, out.readings);
    else
        printf("%s: %s, outcome %s\n", in.room, status.message, semel_outcome_name(status.outcome));
    semel_node_close(node);
    return status.code == SEMEL_OK ? 0 : 1;
}
