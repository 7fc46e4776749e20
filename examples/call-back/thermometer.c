/* A thermometer: connects to the house, tells which room it is in, and answers when it is asked over that connection.
 * It listens at nothing.
 *
 * Reads best next: house.c. */
#include <stdio.h>
#include <stdlib.h>

#include "thermometer.semel.h"

struct thermometer {
    const char *room;
    int32_t degrees;
    uint32_t readings;
    semel_recovery *recovery;
};

static enum semel_code read_degrees(semel_request *request, demo_ReadRequest *in, demo_ReadReply *out,
                                    void *user)
{
    struct thermometer *thermometer = user;
    (void)request;
    (void)in;
    out->degrees = thermometer->degrees;
    out->readings = ++thermometer->readings;
    return SEMEL_OK;
}

static void tell(const struct thermometer *thermometer)
{
    printf("registered in the %s\n", thermometer->room);
    fflush(stdout);
}

static void on_registered(const demo_RegisterReply *reply, const semel_status *status, void *user)
{
    struct thermometer *thermometer = user;
    (void)reply;
    if (status->code == SEMEL_OK)
        tell(thermometer);
    semel_recovery_continue(thermometer->recovery);
}

/* Runs on every new connection but the first: a restarted house knows nobody. */
static void register_again(semel_recovery *recovery, void *user)
{
    struct thermometer *thermometer = user;
    demo_RegisterRequest in = {.room = (char *)thermometer->room};
    thermometer->recovery = recovery;
    if (demo_House_Register_start(semel_recovery_channel(recovery), &in, NULL, NULL, on_registered,
                                  thermometer) != SEMEL_OK)
        semel_recovery_continue(recovery);
}

/* The channel is served before its first call, so that the house may call back on its first connection. */
static enum semel_code begin(semel_node *node, const char *house, struct thermometer *thermometer,
                             semel_status *status)
{
    static const struct demo_Thermometer_handlers handlers = {.Read = read_degrees};
    semel_server *server;
    semel_channel *channel;
    if (semel_server_open(node, "memory", &server, status) != SEMEL_OK ||
        semel_channel_open(node, "house", house, &channel, status) != SEMEL_OK)
        return status->code;
    enum semel_code code = demo_Thermometer_serve(server, &handlers, thermometer);
    if (code == SEMEL_OK)
        code = semel_channel_serve(channel, server);
    semel_channel_attach_recovery(channel, register_again, thermometer);
    demo_RegisterRequest in = {.room = (char *)thermometer->room};
    demo_RegisterReply out;
    return code == SEMEL_OK ? demo_House_Register(channel, &in, &out, NULL, status) : code;
}

int main(int argc, char **argv)
{
    struct thermometer thermometer = {.room = argc > 1 ? argv[1] : "kitchen",
                                      .degrees = argc > 2 ? (int32_t)strtol(argv[2], NULL, 10) : 21};
    semel_status status = {.code = SEMEL_OK};
    semel_node *node = NULL;
    if (semel_node_open(NULL, &node, &status) != SEMEL_OK ||
        begin(node, argc > 3 ? argv[3] : "tcp://127.0.0.1:4064", &thermometer, &status) != SEMEL_OK) {
        fprintf(stderr, "thermometer: %s\n", status.message);
        semel_node_close(node);
        return 1;
    }
    tell(&thermometer);
    semel_node_run(node);
    semel_node_close(node); /* closes the channel and the server too */
    return 0;
}
