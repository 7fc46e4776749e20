/* The meter: what is taken at the two ends of the measured phase, and the line of JSON.
 * It must not know: what a call is.
 * Reads best next: floor_client.c, echo_client.c. */
#include "meter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool meter_begin(struct meter *meter)
{
    struct server_word word;
    if (!server_process_ask(meter->server, &word))
        return false;
    memset(&meter->latencies, 0, sizeof meter->latencies);
    meter->server_cpu_ns = -word.cpu_ns;
    meter->client_cpu_ns = -process_cpu_ns();
    meter->start_ns = meter_now_ns();
    return true;
}

bool meter_end(struct meter *meter)
{
    struct server_word word;
    meter->elapsed_ns = meter_now_ns() - meter->start_ns;
    meter->client_cpu_ns += process_cpu_ns();
    if (!server_process_ask(meter->server, &word))
        return false;
    meter->server_cpu_ns += word.cpu_ns;
    meter->server_peak_rss_kb = word.peak_rss_kb;
    return true;
}

static double quantile_us(const struct meter *meter, double share)
{
    return (double)histogram_quantile(&meter->latencies, share) / 1e3;
}

bool meter_print(const struct meter *meter, const struct options *options)
{
    double calls = (double)options->calls;
    printf("{\"peer\":\"%s\",\"payload\":%" PRIu64 ",\"depth\":%" PRIu64 ",\"calls\":%" PRIu64,
           options_peer_name(options->peer), options->payload_bytes, options->depth, options->calls);
    printf(",\"calls_per_s\":%.0f", calls / ((double)meter->elapsed_ns / 1e9));
    printf(",\"server_cpu_us_per_call\":%.3f", (double)meter->server_cpu_ns / 1e3 / calls);
    printf(",\"client_cpu_us_per_call\":%.3f", (double)meter->client_cpu_ns / 1e3 / calls);
    printf(",\"p50_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f", quantile_us(meter, 0.5),
           quantile_us(meter, 0.99), quantile_us(meter, 0.999));
    printf(",\"server_peak_rss_kb\":%" PRId64 "}\n", meter->server_peak_rss_kb);
    return fflush(stdout) == 0;
}
