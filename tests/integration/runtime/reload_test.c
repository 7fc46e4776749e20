/* Policies that an operator changes while a program runs: new calls follow, running ones do not.
 *
 * Reads best next: client/policy.h, semel/properties.h. */
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

TestSuite(reload, .timeout = 60);

static char path[] = "/tmp/semel-reload-XXXXXX";

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void enter(void)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
}

static void leave(void)
{
    unlink(path);
}

/* A client whose properties are what the file says. */
static void open_reloadable(struct client *client, const char *text, const char *endpoints)
{
    semel_status status;
    write_file(text);
    *client = (struct client){.properties = semel_properties_create()};
    cr_assert_eq(semel_properties_load(client->properties, path, &status), SEMEL_OK, "%s", status.message);
    const struct semel_node_options options = {.properties = client->properties, .thread = true};
    cr_assert_eq(semel_node_open(&options, &client->node, NULL), SEMEL_OK);
    cr_assert_eq(semel_channel_open(client->node, "test", endpoints, &client->channel, NULL), SEMEL_OK);
}

static void reload(struct client *client, const char *text)
{
    semel_status status;
    write_file(text);
    cr_assert_eq(semel_properties_reload(client->properties, &status), SEMEL_OK, "%s", status.message);
}

Test(reload, new_calls_follow, .init = enter, .fini = leave)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    loopback_dead(uri);
    open_reloadable(&client, "RetryIntervals=0 0\n", uri);
    cr_assert_eq(engine_call(&client, ADD, 1, NULL).attempts, 3);
    reload(&client, "RetryIntervals=0 0 0 0\n");
    cr_assert_eq(engine_call(&client, ADD, 2, NULL).attempts, 5);
    reload(&client, "probe.Probe.Add.RetryMaxAttempts=2\nRetryInitialBackoff=1\n");
    cr_assert_eq(engine_call(&client, ADD, 3, NULL).attempts, 2);
    cr_assert_eq(engine_call(&client, SET, 3, NULL).attempts, 2);
    reload(&client, "RetryIntervals=-1\n");
    cr_assert_eq(engine_call(&client, ADD, 4, NULL).attempts, 1);
    client_close(&client);
}

Test(reload, running_calls_do_not, .init = enter, .fini = leave)
{
    struct server server;
    struct client client;
    struct watch before, after;
    server_open(&server, NULL);
    server.handler = server_keep;
    open_reloadable(&client, "Deadline=60000\nAttemptTimeout=0\n", server.uri);
    watch_start(&before, &client, ADD, 1, NULL);
    semel_request *first = server_pending(&server, 0);
    reload(&client, "Deadline=60000\nAttemptTimeout=30\n");
    watch_start(&after, &client, ADD, 2, NULL);
    check_status(watch_wait(&after), DEADLINE_EXCEEDED, ATTEMPT_TIMEOUT, UNKNOWN);
    cr_assert_eq(watch_times(&before), 0);
    semel_request_finish(first, &(probe_Reply){.op = 1});
    check_status(watch_wait(&before), OK, NONE, EXECUTED);
    semel_request_finish(server_pending(&server, 1), &(probe_Reply){.op = 2});
    client_close(&client);
    server_close(&server);
}

/* A call that waits between two attempts goes on as it began. */
Test(reload, calls_between_two_attempts_go_on_as_they_began, .init = enter, .fini = leave)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct watch watch;
    loopback_dead(uri);
    open_reloadable(&client, "RetryIntervals=0 60 60\n", uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    while (client_stats(&client).dials < 2)
        ;
    reload(&client, "RetryIntervals=-1\n");
    cr_assert_eq(engine_call(&client, ADD, 2, NULL).attempts, 1);
    cr_assert_eq(watch_wait(&watch)->attempts, 4);
    client_close(&client);
}

Test(reload, a_bad_file_changes_nothing, .init = enter, .fini = leave)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    semel_status status;
    loopback_dead(uri);
    open_reloadable(&client, "RetryIntervals=0 0\n", uri);
    write_file("RetryIntervals=0 0 0\nNoSuchKey=1\n");
    cr_assert_eq(semel_properties_reload(client.properties, &status), SEMEL_INVALID_ARGUMENT);
    cr_assert_eq(engine_call(&client, ADD, 1, NULL).attempts, 3);
    client_close(&client);
}

/* ---- under load ---- */

static atomic_bool stop;

static void *reload_again_and_again(void *client)
{
    static const char *const texts[] = {"RetryIntervals=0 0\nHedgeMax=1\nHedgeDelay=0\n",
                                        "RetryMaxAttempts=4\nAttemptTimeout=3600000\nRetryableCodes=ABORTED\n",
                                        "RetryIntervals=-1\nDeadline=30000\n", ""};
    for (unsigned i = 0; !atomic_load(&stop); i++)
        reload(client, texts[i % 4]);
    return NULL;
}

Test(reload, again_and_again_under_load_hangs_and_loses_nothing, .init = enter, .fini = leave)
{
    enum { CALLS = 2000, WINDOW = 50 };
    static struct watch watches[WINDOW];
    struct server server;
    struct client client;
    pthread_t thread;
    server_open(&server, NULL);
    open_reloadable(&client, "", server.uri);
    pthread_create(&thread, NULL, reload_again_and_again, &client);
    for (unsigned i = 0; i < CALLS; i++) {
        struct watch *watch = &watches[i % WINDOW];
        if (i >= WINDOW)
            check_status(watch_wait(watch), OK, NONE, EXECUTED);
        watch_start(watch, &client, i % 2 == 0 ? ADD : SET, i, NULL);
    }
    for (unsigned i = 0; i < WINDOW; i++)
        check_status(watch_wait(&watches[i]), OK, NONE, EXECUTED);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    for (unsigned op = 0; op < CALLS; op += 2)
        cr_assert_eq(server_runs(&server, op), 1);
    struct semel_channel_stats stats = client_stats(&client);
    engine_check_sums(&stats);
    client_close(&client);
    server_close(&server);
}
