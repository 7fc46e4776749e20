/* The lines of lines.h: the channel counts what becomes of them.
 * It must not know: tests, tasks, or any other call.
 * Reads best next: runner.c. */
#include "lines.h"

#include <stdio.h>

#include "say.h"
#include "worker.semel.h"

/* A person is told when it begins, not of every line; it is over when one more has arrived. */
static void on_loss(const struct semel_method *method, const semel_status *status, void *user)
{
    struct lines *lines = user;
    struct semel_channel_stats stats;
    (void)method;
    semel_channel_get_stats(lines->channel, &stats);
    if (!lines->losing || stats.oneways_acknowledged > lines->acknowledged)
        say("losing log lines: %s", semel_reason_text(status->reason));
    lines->losing = true;
    lines->acknowledged = stats.oneways_acknowledged;
}

void lines_init(struct lines *lines)
{
    semel_channel_on_loss(lines->channel, on_loss, lines);
}

void lines_send(struct lines *lines, const char *text)
{
    demo_LogRequest in = {.number = ++lines->sent};
    snprintf(in.worker, sizeof in.worker, "%s", lines->worker);
    snprintf(in.text, sizeof in.text, "%s", text);
    (void)demo_TestServer_Log(lines->channel, &in,
                              NULL); /* one that cannot even be sent is lost like the others */
}
