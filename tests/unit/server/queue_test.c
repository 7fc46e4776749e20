/* The queue of waiting requests against a naive list: order, finding, taking out, parking, and no byte left.
 *
 * Reads best next: slice_test.c. */
#include "server/queue.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(queue, .timeout = 60);

enum { SHARES = 5, SEQS = 40, STEPS = 20000 };

static struct queue queue;
static struct queue_share shares[SHARES];

static struct queued *push(struct queue_share *share, uint64_t seq, size_t body_size)
{
    static uint8_t body[2000];
    memset(body, (int)seq, sizeof body);
    const struct frame frame = {.seq = seq, .body = body, .body_size = body_size};
    struct queued *queued = queue_push(&queue, NULL, share, &frame);
    cr_assert_not_null(queued);
    return queued;
}

static void drop(struct queued *queued)
{
    queue_remove(&queue, queued);
    queue_free(&queue, queued);
}

static void empty(void)
{
    for (size_t i = 0; i < SHARES; i++)
        while (shares[i].first != NULL)
            drop(shares[i].first);
    queue_fini(&queue); /* asserts that nothing is left */
}

static void expect_order(const uint64_t *seqs, size_t count)
{
    const struct queued *queued = queue.first;
    for (size_t i = 0; i < count; i++, queued = queued->next) {
        cr_assert_not_null(queued);
        cr_assert_eq(queued->frame.seq, seqs[i], "place %zu: %llu", i, (unsigned long long)queued->frame.seq);
    }
    cr_assert_null(queued);
}

Test(queue, keeps_a_copy_and_the_order)
{
    queue_init(&queue);
    for (uint64_t seq = 1; seq <= 6; seq++)
        push(&shares[seq % 2], seq, seq * 300);
    expect_order((const uint64_t[]){1, 2, 3, 4, 5, 6}, 6);
    struct queued *fourth = queue_find(&queue, &shares[0], 4);
    cr_assert_eq(fourth->frame.body, fourth->body);
    for (size_t i = 0; i < 1200; i++)
        cr_assert_eq(fourth->body[i], 4);
    cr_assert_null(queue_find(&queue, &shares[1], 4), "another connection's");
    drop(fourth);
    drop(queue.first);
    drop(queue.last);
    expect_order((const uint64_t[]){2, 3, 5}, 3);
    empty();
}

Test(queue, parked_requests_are_in_nobodys_way)
{
    queue_init(&queue);
    for (uint64_t seq = 1; seq <= 6; seq++)
        push(&shares[seq % 2], seq, 10)->arrived_ns = 5;
    queue_park(&queue, &shares[1]);
    expect_order((const uint64_t[]){2, 4, 6}, 3);
    push(&shares[1], 7, 10);
    cr_assert_eq(queue.parked, 4);
    cr_assert_eq(queue.count, 7);
    drop(queue_find(&queue, &shares[1], 3));
    queue_unpark(&queue, &shares[1], 9);
    expect_order((const uint64_t[]){2, 4, 6, 1, 5, 7}, 6);
    cr_assert_eq(queue_find(&queue, &shares[1], 1)->arrived_ns, 9);
    cr_assert_eq(queue_find(&queue, &shares[0], 2)->arrived_ns, 5);
    cr_assert_eq(queue.parked, 0);
    queue_park(&queue, &shares[0]);
    empty();
}

Test(queue, is_full_by_number_and_by_bytes)
{
    queue_init(&queue);
    cr_assert_not(queue_is_full(&queue, SIZE_MAX / 2), "an empty one takes any one");
    push(&shares[0], 1, 1);
    cr_assert(queue_is_full(&queue, QUEUE_BYTES_MAX));
    cr_assert_not(queue_is_full(&queue, 1000));
    for (uint64_t seq = 2; seq <= QUEUE_REQUESTS_MAX; seq++) {
        cr_assert_not(queue_is_full(&queue, 1));
        push(&shares[0], seq, 1);
    }
    cr_assert(queue_is_full(&queue, 0));
    empty();
}

/* ---- against a model ---- */

struct model {
    struct {
        size_t share;
        uint64_t seq;
    } line[SHARES * SEQS];
    size_t count;
};

static void check(const struct model *model)
{
    const struct queued *queued = queue.first;
    for (size_t i = 0; i < model->count; i++, queued = queued->next) {
        cr_assert(queued != NULL && queued->share == &shares[model->line[i].share] &&
                  queued->frame.seq == model->line[i].seq);
        cr_assert_eq(queue_find(&queue, queued->share, queued->frame.seq), queued);
    }
    cr_assert_null(queued);
    cr_assert_eq(queue.count, model->count);
}

static void step(struct model *model, unsigned random)
{
    size_t share = random % SHARES;
    uint64_t seq = 1 + random / SHARES % SEQS;
    struct queued *queued = queue_find(&queue, &shares[share], seq);
    size_t at = 0;
    while (at < model->count && (model->line[at].share != share || model->line[at].seq != seq))
        at++;
    cr_assert_eq(queued != NULL, at < model->count);
    if (queued == NULL) {
        push(&shares[share], seq, random % 700);
        model->line[model->count].share = share;
        model->line[model->count++].seq = seq;
        return;
    }
    drop(queued);
    memmove(&model->line[at], &model->line[at + 1], (--model->count - at) * sizeof model->line[0]);
}

Test(queue, agrees_with_a_list)
{
    static struct model model;
    unsigned random = 12345;
    queue_init(&queue);
    for (unsigned i = 0; i < STEPS; i++) {
        random = random * 1103515245 + 12345;
        step(&model, random >> 8);
        if (i % 64 == 0)
            check(&model);
    }
    empty();
}
