/* The home of requests: it lives as long as its server or any request, whoever is last; and what a request answers
 * when it is asked.  Leaks and late uses are the sanitizer's to find.
 *
 * Reads best next: services_test.c. */
#include "server/request.h"

#include <criterion/criterion.h>
#include <semel/node.h>
#include <stdlib.h>
#include <string.h>

#include "core/units.h"
#include "server/server.h"
#include "server/services.h"
#include "tables.h"

TestSuite(request, .timeout = 60);

static struct semel_server server; /* only its node is ever looked at */
static struct semel_method method;
static struct services services;
static struct services_entry *entry;
static struct request_home *home;

static void enter(void)
{
    method = method_with(2);
    const struct semel_service service = {SEMEL_SERVICE_VERSION, "test.Notes", &method, 1};
    services_init(&services);
    cr_assert_eq(services_add(&services, &service, &some_handlers, NULL), SERVICES_ADDED);
    entry = services_find(&services, 2);
    cr_assert_eq(semel_node_open(NULL, &server.node, NULL), SEMEL_OK);
    home = request_home_create(&server);
    cr_assert_not_null(home);
}

/* Asserts, by services_fini, that no request is left. */
static void leave(void)
{
    services_fini(&services);
    semel_node_close(server.node);
}

/* A request as dispatch makes it pending: with a decoded message that owns memory. */
static semel_request *pending(void)
{
    semel_request *request = request_create(home, entry);
    cr_assert_not_null(request);
    *(note *)request->in = (note){.number = 7, .text = malloc(PB_BYTES_ARRAY_T_ALLOCSIZE(3))};
    ((note *)request->in)->text->size = 3;
    request_home_ref(home);
    return request;
}

static void stop(void *node)
{
    semel_node_stop(node);
}

/* Runs everything that was posted before. */
static void run_posts(void)
{
    cr_assert_eq(semel_node_post(server.node, stop, server.node), SEMEL_OK);
    cr_assert_eq(semel_node_run(server.node), SEMEL_OK);
}

Test(request, a_home_without_requests_goes_with_its_server, .init = enter, .fini = leave)
{
    request_home_leave(home);
}

Test(request, a_request_that_ends_after_its_server_is_only_freed, .init = enter, .fini = leave)
{
    semel_request *request = pending();
    request_home_leave(home);
    cr_assert_eq(entry->requests.in_use, 1);
    semel_request_finish(request, &(note){.number = 9});
    cr_assert_eq(entry->requests.in_use, 0);
}

Test(request, a_request_that_fails_after_its_server_is_only_freed, .init = enter, .fini = leave)
{
    semel_request *request = pending();
    request_home_leave(home);
    semel_request_fail(request, SEMEL_ABORTED, "too late");
    cr_assert_eq(entry->requests.in_use, 0);
}

Test(request, the_last_of_many_takes_the_home_along, .init = enter, .fini = leave)
{
    semel_request *requests[20];
    for (size_t i = 0; i < 20; i++)
        requests[i] = pending();
    cr_assert_eq(home->references, 21);
    request_home_leave(home);
    for (size_t i = 0; i < 20; i++) {
        cr_assert_eq(home->references, 20 - i);
        semel_request_finish(requests[(i * 7) % 20], &(note){.number = 1});
    }
    cr_assert_eq(entry->requests.in_use, 0);
}

/* The hand-over is on its way when the server closes. */
Test(request, a_server_that_closes_meanwhile_is_not_told, .init = enter, .fini = leave)
{
    semel_request *request = pending();
    semel_request_finish(request, &(note){.number = 9});
    cr_assert_eq(entry->requests.in_use, 1, "never inside the function that finishes it");
    request_home_leave(home);
    run_posts();
    cr_assert_eq(entry->requests.in_use, 0);
}

static void *finish_all(void *requests)
{
    for (size_t i = 0; i < 50; i++)
        semel_request_finish(((semel_request **)requests)[i], &(note){.number = 1});
    return NULL;
}

Test(request, what_threads_finish_is_the_nodes_to_free, .init = enter, .fini = leave)
{
    semel_request *requests[100];
    pthread_t threads[2];
    for (size_t i = 0; i < 100; i++)
        requests[i] = pending();
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, finish_all, requests + i * 50), 0);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(entry->requests.in_use, 100, "the pool is the node's: no other thread touches it");
    request_home_leave(home);
    run_posts();
    cr_assert_eq(entry->requests.in_use, 0);
}

/* As server.c does it when it closes: the pool is about to go, the request is not. */
Test(request, an_orphan_outlives_the_pool, .init = enter)
{
    semel_request *request = pending();
    request->orphan = true;
    pool_disown(&entry->requests);
    request_home_leave(home);
    leave();
    semel_request_fail(request, SEMEL_CANCELLED, NULL);
}

/* ---- asking ---- */

Test(request, is_new_each_time_its_memory_is_used_again, .init = enter, .fini = leave)
{
    semel_request *first = request_create(home, entry);
    first->deadline_ns = 5;
    first->orphan = false;
    first->refuse_delay_ms = 9;
    atomic_store(&first->cancelled, true);
    memcpy(first->message, "old words", sizeof "old words");
    request_destroy(first);
    semel_request *second = request_create(home, entry);
    cr_assert_eq(second, first, "the memory of the first");
    cr_assert_eq(second->deadline_ns, 0);
    cr_assert_eq(second->refuse_delay_ms, 0);
    cr_assert_not(semel_request_cancelled(second));
    cr_assert_str_eq(second->message, "");
    cr_assert_eq(semel_request_method(second), &method);
    cr_assert_eq((char *)second->in - (char *)second, (ptrdiff_t)entry->in_offset);
    cr_assert_eq((char *)request_out(second) - (char *)second, (ptrdiff_t)entry->out_offset);
    request_destroy(second);
    request_home_leave(home);
}

Test(request, the_deadline_it_tells, .init = enter, .fini = leave)
{
    semel_request *request = pending();
    cr_assert_eq(semel_request_deadline_ms(request), -1, "none");
    request->deadline_ns = server_now(&server) + 3600 * S_IN_NS;
    server.node->loop.now_ns -= 1500 * MS_IN_NS; /* when its turn began, long ago */
    int64_t left_ms = semel_request_deadline_ms(request);
    cr_assert(left_ms > 0 && left_ms <= 3600 * 1000, "%lld", (long long)left_ms);
    cr_assert_eq(left_ms, (request->deadline_ns - server_now(&server)) / MS_IN_NS, "of the time it is");
    request->deadline_ns = server_now(&server) - 1;
    cr_assert_eq(semel_request_deadline_ms(request), 0);
    request->deadline_ns = server_now(&server) + 1500 * MS_IN_NS;
    atomic_store(&request->cancelled, true);
    cr_assert_eq(semel_request_deadline_ms(request), 0, "cancelled");
    atomic_store(&request->cancelled, false);
    request_home_leave(home);
    cr_assert_eq(semel_request_deadline_ms(request), 0, "nobody waits any more");
    semel_request_finish(request, &(note){.number = 1});
}

Test(request, words_that_are_too_long_end_in_dots, .init = enter, .fini = leave)
{
    semel_request *request = request_create(home, entry);
    char text[2 * SEMEL_MESSAGE_MAX];
    memset(text, 'x', sizeof text);
    text[SEMEL_MESSAGE_MAX - 1] = '\0';
    cr_assert_eq(semel_request_error(request, SEMEL_NOT_FOUND, "%s", text), SEMEL_NOT_FOUND);
    cr_assert_str_eq(request->message, text, "just fits");
    text[SEMEL_MESSAGE_MAX - 1] = 'x';
    text[SEMEL_MESSAGE_MAX] = '\0';
    cr_assert_eq(semel_request_error(request, SEMEL_NOT_FOUND, "%s", text), SEMEL_NOT_FOUND);
    cr_assert_eq(strlen(request->message), SEMEL_MESSAGE_MAX - 1);
    cr_assert_str_eq(request->message + SEMEL_MESSAGE_MAX - 6, "xx...");
    request_destroy(request);
    request_home_leave(home);
}

Test(request, a_refusal_keeps_its_wishes, .init = enter, .fini = leave)
{
    semel_request *request = request_create(home, entry);
    cr_assert_eq(semel_request_refuse(request, 250, true), SEMEL_REFUSED);
    cr_assert_eq(request->refuse_delay_ms, 250);
    cr_assert(request->refuse_elsewhere);
    request_destroy(request);
    request_home_leave(home);
}
