/* semel-bench: one measurement of Semel, or of the floor under it, as one line of JSON.
 * It must not know: how either of them works.
 * Reads best next: options.h, server_process.h, meter.h; then floor_client.c and echo_client.c. */
#include <stdlib.h>

#include "echo.h"
#include "floor.h"
#include "meter.h"
#include "options.h"
#include "server_process.h"

static const struct {
    server_fn *serve;
    bool (*call)(const struct options *options, struct meter *meter);
} peers[] = {
    [OPTIONS_ECHO] = {echo_serve, echo_call},
    [OPTIONS_FLOOR] = {floor_serve, floor_call},
};

static bool measure(const struct options *options)
{
    static struct meter meter; /* its histogram is large */
    struct server_process server;
    if (!server_process_start(&server, options, peers[options->peer].serve))
        return false;
    meter.server = &server;
    bool well = process_pin(options->client_cpu) && peers[options->peer].call(options, &meter);
    /* A server that did not end well may have served wrongly: no figures then. */
    well = server_process_stop(&server) && well;
    return well && meter_print(&meter, options);
}

int main(int argc, char **argv)
{
    struct options options;
    switch (options_parse(argc, argv, &options)) {
    case OPTIONS_HELP: return EXIT_SUCCESS;
    case OPTIONS_ERROR: return EXIT_USAGE;
    default: return measure(&options) ? EXIT_SUCCESS : EXIT_FAILURE;
    }
}
