/* Pending requests, each with a timer of its own, so that any number can wait at once.
 * It must not know: accounts, or any particular operation.
 * Reads best next: bank_server.c. */
#include "answers.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct answer {
    ev_timer timer;
    struct answers *answers;
    struct answer *next;
    struct answer *prev;
    semel_request *request;
    enum semel_code code;
    const char *why;
    alignas(max_align_t) unsigned char reply[];
};

static void unlink_answer(struct answers *answers, struct answer *answer)
{
    if (answer->prev == NULL)
        answers->first = answer->next;
    else
        answer->prev->next = answer->next;
    if (answer->next != NULL)
        answer->next->prev = answer->prev;
}

static void give(struct answers *answers, struct answer *answer)
{
    unlink_answer(answers, answer);
    if (answer->code == SEMEL_OK)
        semel_request_finish(answer->request, answer->reply);
    else /* with what the handler raised, if it did */
        semel_request_fail(answer->request, answer->code, answer->why);
    free(answer);
}

static void on_time(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)events;
    struct answer *answer = timer->data;
    give(answer->answers, answer);
}

static enum semel_code give_now(semel_request *request, enum semel_code code, const char *why)
{
    return code == SEMEL_OK ? SEMEL_OK : semel_request_error(request, code, "%s", why);
}

enum semel_code answers_give(struct answers *answers, semel_request *request, enum semel_code code,
                             const char *why, const void *reply, size_t reply_size)
{
    struct answer *answer = NULL;
    if (answers->delay_s > 0)
        answer = malloc(sizeof *answer + reply_size);
    if (answer == NULL) /* no delay, or no memory for one: the operation is done, so its answer must go out */
        return give_now(request, code, why);
    *answer = (struct answer){
        .answers = answers, .next = answers->first, .request = request, .code = code, .why = why};
    memcpy(answer->reply, reply, reply_size);
    if (answer->next != NULL)
        answer->next->prev = answer;
    answers->first = answer;
    ev_timer_init(&answer->timer, on_time, answers->delay_s, 0.);
    answer->timer.data = answer;
    ev_timer_start(answers->loop, &answer->timer);
    return SEMEL_PENDING;
}

void answers_fini(struct answers *answers)
{
    while (answers->first != NULL) {
        struct answer *answer = answers->first;
        ev_timer_stop(answers->loop, &answer->timer);
        assert(answer->prev == NULL);
        give(answers, answer);
    }
}
