/* The outbox under random use, against a naive model.
 *
 * Reads best next: reply_test.c. */
#include "core/outbox.h"

#include "desk.h"
#include "support.h"

enum { MODEL_ROOM = 4096, MODEL_LIMIT = 300 };

struct model {
    struct item items[MODEL_ROOM]; /* by seq - 1 */
    bool alive[MODEL_ROOM];
    uint64_t next;
    uint32_t window;
    bool connected;
};

static uint64_t model_floor(const struct model *model)
{
    uint64_t seq = 1;
    while (seq < model->next && !model->alive[seq - 1])
        seq++;
    return seq;
}

/* Any call that has not ended, the one at the floor more often than others. */
static struct item *model_pick(struct model *model, struct rng *rng)
{
    uint64_t floor = model_floor(model);
    if (floor == model->next)
        return NULL;
    uint64_t seq = rng_below(rng, 3) == 0 ? floor : floor + rng_below(rng, model->next - floor);
    return model->alive[seq - 1] ? &model->items[seq - 1] : NULL;
}

static void model_check(const struct model *model, const struct desk *desk)
{
    const struct outbox *outbox = &desk->outbox;
    uint64_t floor = model_floor(model), last = 0;
    uint32_t count = 0;
    cr_assert_eq(outbox->floor, floor);
    cr_assert_eq(outbox->next, model->next);
    for (uint64_t seq = floor; seq < model->next; seq++) {
        const struct item *item = &model->items[seq - 1];
        cr_assert_eq(outbox_find(outbox, seq), model->alive[seq - 1] ? &item->call : NULL);
        count += model->alive[seq - 1];
        if (model->alive[seq - 1] && item->call.state == OUTBOX_QUEUED)
            cr_assert(item->call.out.queued);
    }
    cr_assert_eq(outbox->count, count);
    for (uint64_t seq = floor; seq < model->next && !model->connected; seq++) {
        const struct outbox_call *call = &model->items[seq - 1].call;
        cr_assert(!model->alive[seq - 1] || call->state == (call->exposed ? OUTBOX_HELD : OUTBOX_READY));
    }
    if (!model->connected)
        return;
    for (const struct outgoing *out = desk->queue.head; out != NULL; out = out->next) {
        cr_assert(out->order > last || (out->prev != NULL && out->prev->taken > 0));
        last = out->order;
    }
}

static void model_step(struct model *model, struct desk *desk, struct rng *rng)
{
    struct item *item = model_pick(model, rng);
    switch (rng_below(rng, 8)) {
    case 0:
    case 1:
        if (model->next <= MODEL_ROOM) {
            bool full = model->next - model_floor(model) >= MODEL_LIMIT;
            cr_assert_eq(add(desk, &model->items[model->next - 1], rng_below(rng, 32)),
                         full ? OUTBOX_FULL : OUTBOX_ADDED);
            if (!full)
                model->alive[model->next++ - 1] = true;
        }
        break;
    case 2:
        outbox_fill(&desk->outbox);
        for (uint64_t seq = model_floor(model); seq < model->next; seq++)
            if (model->alive[seq - 1] && model->items[seq - 1].call.state == OUTBOX_READY)
                cr_assert(!model->connected || seq >= model_floor(model) + model->window);
        break;
    case 3:
        if (model->connected)
            take(desk, rng_below(rng, 400));
        break;
    case 4:
        if (rng_below(rng, 20) > 0)
            break;
        model->connected = !model->connected;
        model->window = (uint32_t)(1 + rng_below(rng, 60));
        if (model->connected)
            desk_connect(desk, model->window);
        else
            desk_disconnect(desk);
        if (model->connected)
            release_held(desk);
        break;
    default:
        if (item != NULL && rng_below(rng, 2) == 0) {
            bool started = item->call.state == OUTBOX_QUEUED && item->call.out.taken > 0;
            cr_assert_eq(outbox_end(&desk->outbox, &item->call), !started);
            cr_assert_eq(item->call.out.queued, started);
            model->alive[item - model->items] = false;
        }
    }
}

Test(outbox, keeps_to_the_model)
{
    static struct model model;
    static struct desk desk;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct rng rng = {100 + seed};
        memset(&model, 0, sizeof model);
        memset(&desk, 0, sizeof desk);
        model.next = 1;
        outbox_init(&desk.outbox, MODEL_LIMIT);
        for (int step = 0; step < 8000; step++) {
            model_step(&model, &desk, &rng);
            if (step % 5 == 0)
                model_check(&model, &desk);
        }
        cr_assert_gt(model.next, 1000);
        if (model.connected)
            desk_disconnect(&desk);
        end_all(&desk);
    }
}
