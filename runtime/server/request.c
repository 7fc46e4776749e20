/* Requests: memory, and the functions of semel/request.h that a handler calls.
 *
 * Reads best next: request.h. */
#include "server/request.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/message.h"
#include "core/raised.h"
#include "core/units.h"
#include "server/server.h"

/* ---- the home ---- */

struct request_home *request_home_create(struct semel_server *server)
{
    struct request_home *home = calloc(1, sizeof *home);
    if (home == NULL)
        return NULL;
    pthread_mutex_init(&home->mutex, NULL);
    home->server = server;
    home->references = 1;
    return home;
}

static void unref_home(struct request_home *home)
{
    pthread_mutex_lock(&home->mutex);
    bool last = --home->references == 0;
    pthread_mutex_unlock(&home->mutex);
    if (!last)
        return;
    pthread_mutex_destroy(&home->mutex);
    free(home);
}

void request_home_ref(struct request_home *home)
{
    pthread_mutex_lock(&home->mutex);
    home->references++;
    pthread_mutex_unlock(&home->mutex);
}

void request_home_leave(struct request_home *home)
{
    pthread_mutex_lock(&home->mutex);
    home->server = NULL;
    pthread_mutex_unlock(&home->mutex);
    unref_home(home);
}

/* ---- memory ---- */

struct semel_request *request_create(struct request_home *home, struct services_entry *entry)
{
    struct semel_request *request = pool_take(&entry->requests);
    if (request == NULL)
        return NULL;
    memset(request, 0, offsetof(struct semel_request, message) + 1);
    atomic_init(&request->cancelled, false);
    request->entry = entry;
    request->method = entry->method;
    request->home = home;
    request->in = (char *)request + entry->in_offset;
    return request;
}

void *request_out(struct semel_request *request)
{
    return (char *)request + request->entry->out_offset;
}

void request_destroy(struct semel_request *request)
{
    assert(request->reply == NULL);
    if (request->orphan)
        free(request);
    else
        pool_give(&request->entry->requests, request);
}

bool request_decode(struct semel_request *request, const uint8_t *body, size_t size, const char **ret_error)
{
    const struct semel_method *method = request->method;
    const struct message_type type = {method->request_fields, method->request_size, method->request_recursive};
    return message_decode(type, request->in, body, size, ret_error);
}

/* ---- results ---- */

static void set_failure(struct semel_request *request, enum semel_code code, enum semel_reason reason,
                        const char *text)
{
    request->code = code;
    request->reason = reason;
    snprintf(request->message, sizeof request->message, "%s", text);
}

/* Most replies are small: one encoding pass into a small block, no measuring first. */
static bool encode_small(struct semel_request *request, const void *out, struct pool *pool)
{
    const char *error;
    request->reply = reply_create(pool, REPLY_SMALL_BODY);
    if (request->reply == NULL)
        return false;
    if (message_encode(request->method->reply_fields, out, reply_body(request->reply), REPLY_SMALL_BODY,
                       &request->body_size, &error))
        return true;
    reply_settle(request->reply);
    request->reply = NULL;
    return false;
}

void request_encode(struct semel_request *request, const void *out, struct pool *pool)
{
    const pb_msgdesc_t *fields = request->method->reply_fields;
    const char *error = "";
    size_t size;
    request_forget_error(request);
    request->code = SEMEL_OK;
    request->reason = SEMEL_REASON_NONE;
    if (request->method->oneway || encode_small(request, out, pool))
        return;
    if (!message_size(fields, out, &size, &error)) {
        set_failure(request, SEMEL_INTERNAL, SEMEL_REASON_ENCODE_FAILED, error);
        return;
    }
    request->reply = reply_create(NULL, size);
    if (request->reply == NULL)
        set_failure(request, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_NO_MEMORY, "no memory for the reply");
    else if (!message_encode(fields, out, reply_body(request->reply), size, &request->body_size, &error)) {
        reply_settle(request->reply);
        request->reply = NULL;
        set_failure(request, SEMEL_INTERNAL, SEMEL_REASON_ENCODE_FAILED, error);
    }
}

enum semel_code semel_request_error(semel_request *request, enum semel_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(request->message, sizeof request->message, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof request->message)
        memcpy(request->message + sizeof request->message - 4, "...", 4);
    return code;
}

/* ---- declared errors ---- */

void request_forget_error(struct semel_request *request)
{
    if (request->raised == NULL)
        return;
    request->raised = NULL;
    reply_settle(request->reply);
    request->reply = NULL;
}

void request_seal_error(struct semel_request *request)
{
    const char *text = request->message[0] != '\0' ? request->message : request->raised->name;
    size_t size = strnlen(text, LIMIT_REASON_TEXT);
    memcpy(reply_body(request->reply) + request->body_size, text, size);
    request->body_size += size;
    request->reason = SEMEL_REASON_DECLARED_ERROR;
}

static bool declares(const struct semel_method *method, const struct semel_error_type *type)
{
    for (uint32_t i = 0; i < method->error_count; i++)
        if (method->errors[i].id == type->id)
            return true;
    return false;
}

/* Encodes it into a reply with room for a text behind it; NULL, or what went wrong. */
static const char *encode_error(struct semel_request *request, const struct semel_error_type *type,
                                const void *error)
{
    const char *problem = "";
    size_t size;
    if (!message_size(type->fields, error, &size, &problem))
        return problem;
    if (size > UINT32_MAX)
        return "too large";
    struct reply *reply = reply_create(NULL, RAISED_HEAD_SIZE + size + LIMIT_REASON_TEXT);
    if (reply == NULL)
        return "out of memory";
    raised_write_head(reply_body(reply), type->id, (uint32_t)size);
    if (!message_encode(type->fields, error, reply_body(reply) + RAISED_HEAD_SIZE, size, &size, &problem)) {
        reply_settle(reply);
        return problem;
    }
    request->reply = reply;
    request->body_size = RAISED_HEAD_SIZE + size;
    request->raised = type;
    return NULL;
}

enum semel_code semel_request_raise(semel_request *request, enum semel_code code,
                                    const struct semel_error_type *type, const void *error)
{
    request_forget_error(request);
    if (request->complained)
        request->message[0] = '\0'; /* of an error that was raised in vain before */
    request->complained = true;
    if (!declares(request->method, type))
        return semel_request_error(request, SEMEL_UNKNOWN, "the handler raised %s, which %s does not declare",
                                   type->name, request->method->name);
    if (code == SEMEL_OK || code > SEMEL_UNAUTHENTICATED)
        return semel_request_error(request, SEMEL_INTERNAL,
                                   "the handler raised %s with %d, which is no failure", type->name, (int)code);
    const char *problem = encode_error(request, type, error);
    if (problem != NULL)
        return semel_request_error(request, SEMEL_INTERNAL, "the error %s cannot be encoded: %s", type->name,
                                   problem);
    request->complained = false;
    return code;
}

enum semel_code semel_request_refuse(semel_request *request, uint32_t delay_ms, bool elsewhere)
{
    request->refuse_delay_ms = delay_ms;
    request->refuse_elsewhere = elsewhere;
    return SEMEL_REFUSED;
}

/* ---- finishing a pending request ---- */

/* On the node's thread, or on any when the server is gone. */
static void arrive(void *arg)
{
    struct semel_request *request = arg;
    struct request_home *home = request->home;
    /* Only the node's thread closes the server, so that it can not go away in here. */
    if (home->server != NULL && !request->orphan) {
        server_request_finished(home->server, request);
    } else {
        reply_settle(request->reply);
        request->reply = NULL;
        message_release(request->method->request_fields, request->in);
        request_destroy(request);
    }
    unref_home(home);
}

/* Always by way of the node's queue, so that a request never ends inside its own handler. */
static void hand_in(struct semel_request *request)
{
    struct request_home *home = request->home;
    pthread_mutex_lock(&home->mutex);
    home->references++; /* the request may be gone, and the home with it, before this function is left */
    bool open = home->server != NULL;
    if (open)
        node_post_owned(server_node(home->server), &request->post, arrive, request);
    pthread_mutex_unlock(&home->mutex);
    if (!open)
        arrive(request);
    unref_home(home);
}

void semel_request_finish(semel_request *request, const void *reply)
{
    request_encode(request, reply, NULL);
    hand_in(request);
}

void semel_request_fail(semel_request *request, enum semel_code code, const char *message)
{
    assert(code != SEMEL_OK && code <= SEMEL_UNAUTHENTICATED);
    request->code = code;
    request->reason = SEMEL_REASON_HANDLER;
    if (message != NULL)
        (void)semel_request_error(request, code, "%s", message);
    hand_in(request);
}

/* ---- asking ---- */

const struct semel_method *semel_request_method(const semel_request *request)
{
    return request->method;
}

int64_t semel_request_deadline_ms(const semel_request *request)
{
    if (request->deadline_ns == 0)
        return -1;
    struct semel_server *server = request->home->server;
    if (server == NULL || semel_request_cancelled(request))
        return 0;
    loop_freshen(server_loop(server)); /* who asks may have worked since the turn began */
    int64_t left_ns = request->deadline_ns - server_now(server);
    return left_ns > 0 ? left_ns / MS_IN_NS : 0;
}

bool semel_request_cancelled(const semel_request *request)
{
    return atomic_load(&request->cancelled) || atomic_load(&request->run.forgotten);
}
