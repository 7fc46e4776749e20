/* A counter server: the smallest complete one.
 *
 * Reads best next: client.c. */
#include <stdio.h>

#include "counter.semel.h"

static enum semel_code add(semel_request *request, demo_AddRequest *in, demo_CounterReply *out, void *user)
{
    int64_t *value = user;
    if (in->amount <= 0)
        return semel_request_error(request, SEMEL_INVALID_ARGUMENT, "amount must be positive");
    out->value = *value += in->amount;
    return SEMEL_OK;
}

static enum semel_code read_value(semel_request *request, demo_ReadRequest *in, demo_CounterReply *out,
                                  void *user)
{
    (void)request;
    (void)in;
    out->value = *(int64_t *)user;
    return SEMEL_OK;
}

int main(int argc, char **argv)
{
    static const struct demo_Counter_handlers handlers = {.Add = add, .Read = read_value};
    int64_t value = 0;
    semel_status status = {.code = SEMEL_OK};
    semel_node *node = NULL;
    semel_server *server = NULL;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];

    if (semel_node_open(NULL, &node, &status) != SEMEL_OK ||
        semel_server_open(node, "memory", &server, &status) != SEMEL_OK ||
        demo_Counter_serve(server, &handlers, &value) != SEMEL_OK ||
        semel_server_listen(server, argc > 1 ? argv[1] : "tcp://127.0.0.1:4061", uri, &status) != SEMEL_OK) {
        fprintf(stderr, "counter-server: %s\n", status.message);
        return 1;
    }
    printf("listening %s\n", uri);
    fflush(stdout);
    semel_node_run(node);
    semel_node_close(node);
    return 0;
}
