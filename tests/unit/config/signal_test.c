/* SIGHUP from the operator, as a program wires it: README.md shows on_hangup and its set-up.
 * Must not know: how files are read.
 * Reads best next: runtime/config/README.md. */
#include "support.h"

#include <criterion/criterion.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "config/properties.h"

TestSuite(hangup, .init = workplace_enter, .fini = workplace_leave);

static char complaint[sizeof status.message + 64];
static int hangups;

static void complain(const char *text)
{
    snprintf(complaint, sizeof complaint, "kept the old properties: %s", text);
}

static void on_hangup(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)loop, (void)events;
    semel_status reload;
    if (semel_properties_reload(watcher->data, &reload) != SEMEL_OK)
        complain(reload.message); /* names the file and the line; the old values hold */
    hangups++;
}

static void hang_up(struct ev_loop *loop)
{
    int before = hangups;
    cr_assert_eq(raise(SIGHUP), 0);
    while (hangups == before)
        ev_run(loop, EVRUN_ONCE);
}

Test(hangup, reloads)
{
    struct ev_loop *loop = ev_default_loop(0);
    ev_signal hangup;
    ev_signal_init(&hangup, on_hangup, SIGHUP);
    hangup.data = properties;
    ev_signal_start(loop, &hangup);

    expect_load_text("Deadline=5s\n", SEMEL_OK, "");
    write_text("bank.conf", "Deadline=6s\n");
    hang_up(loop);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_DEADLINE), 6000);
    cr_assert_str_eq(complaint, "");
    write_text("bank.conf", "Deadlines=7s\n");
    hang_up(loop);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_DEADLINE), 6000);
    cr_assert_str_eq(
        complaint,
        "kept the old properties: bank.conf:1: unknown key \"Deadlines\"; did you mean \"Deadline\"?");
    ev_signal_stop(loop, &hangup);
    ev_loop_destroy(loop);
}
