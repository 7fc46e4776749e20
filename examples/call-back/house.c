/* A house that asks its thermometers: it keeps a channel back to each that registers, and answers for it.
 *
 * Reads best next: thermometer.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "thermometer.semel.h"

enum { ROOMS = 64, ROOM_NAME = 32 };

struct room {
    char name[ROOM_NAME];
    semel_channel *thermometer;
};

struct house {
    semel_node *node;
    struct room rooms[ROOMS];
};

/* The room of this name, or, if there is none, one without a name; NULL: the house is full. */
static struct room *find(struct house *house, const char *name)
{
    struct room *room = house->rooms;
    while (room < house->rooms + ROOMS && room->name[0] != '\0' && strcmp(room->name, name) != 0)
        room++;
    return room < house->rooms + ROOMS ? room : NULL;
}

static enum semel_code enter(semel_request *request, demo_RegisterRequest *in, demo_RegisterReply *out,
                             void *user)
{
    struct house *house = user;
    (void)out;
    if (in->room == NULL || in->room[0] == '\0' || strlen(in->room) >= ROOM_NAME)
        return semel_request_error(request, SEMEL_INVALID_ARGUMENT, "a room needs a short name");
    struct room *room = find(house, in->room);
    semel_peer *peer = semel_request_peer(request);
    semel_channel *channel;
    if (room == NULL || peer == NULL ||
        semel_channel_open_peer(house->node, NULL, peer, &channel, NULL) != SEMEL_OK)
        return semel_request_error(request, SEMEL_RESOURCE_EXHAUSTED, "no room for another thermometer");
    /* One that registers again in the same session gets the same channel: it is open once more than needed. */
    semel_channel_close(room->thermometer);
    room->thermometer = channel;
    memcpy(room->name, in->room, strlen(in->room) + 1);
    printf("%s has a thermometer\n", room->name);
    fflush(stdout);
    return SEMEL_OK;
}

static void on_read(const demo_ReadReply *reply, const semel_status *status, void *user)
{
    semel_request *request = user;
    if (status->code != SEMEL_OK) {
        semel_request_fail(request, status->code, status->message);
        return;
    }
    const demo_AskReply out = {.degrees = reply->degrees, .readings = reply->readings};
    demo_House_Ask_reply(request, &out);
}

/* A handler must not wait for a call: the request stays open until the thermometer has answered. */
static enum semel_code ask(semel_request *request, demo_AskRequest *in, demo_AskReply *out, void *user)
{
    const struct room *room = find(user, in->room != NULL ? in->room : "");
    const demo_ReadRequest question = demo_ReadRequest_init_zero;
    (void)out;
    if (room == NULL || room->thermometer == NULL)
        return semel_request_error(request, SEMEL_NOT_FOUND, "no thermometer there");
    enum semel_code code = demo_Thermometer_Read_start(room->thermometer, &question, NULL, NULL, on_read,
                                                       request);
    return code == SEMEL_OK ? SEMEL_PENDING : semel_request_error(request, code, "the thermometer is gone");
}

int main(int argc, char **argv)
{
    static const struct demo_House_handlers handlers = {.Register = enter, .Ask = ask};
    static struct house house;
    semel_status status = {.code = SEMEL_OK};
    semel_server *server = NULL;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    if (semel_node_open(NULL, &house.node, &status) != SEMEL_OK ||
        semel_server_open(house.node, "memory", &server, &status) != SEMEL_OK ||
        demo_House_serve(server, &handlers, &house) != SEMEL_OK ||
        semel_server_listen(server, argc > 1 ? argv[1] : "tcp://127.0.0.1:4064", uri, &status) != SEMEL_OK) {
        fprintf(stderr, "house: %s\n", status.message);
        semel_node_close(house.node);
        return 1;
    }
    printf("listening %s\n", uri);
    fflush(stdout);
    semel_node_run(house.node);
    semel_node_close(house.node); /* closes the channels too */
    return 0;
}
