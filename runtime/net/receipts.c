/* A frame that is filled during a turn.
 *
 * Reads best next: receipts.h. */
#include "net/receipts.h"

#include <assert.h>

static_assert(RECEIPT_BODY_MAX <= REPLY_SMALL_BODY, "a receipt fits the block of a small reply");

void receipts_flush(struct receipts *receipts, struct wire *wire, uint64_t order)
{
    struct reply *reply = receipts->reply;
    if (reply == NULL)
        return;
    const struct frame frame = {.type = FRAME_RECEIPT,
                                .digest = frame_digest(0, reply_body(reply), receipts->size),
                                .body_size = receipts->size};
    reply_write(reply, &frame);
    reply->out.order = order;
    receipts->reply = NULL;
    receipts->size = 0;
    receipts->counters->frames++;
    wire_push(wire, &reply->out);
}

bool receipts_note(struct receipts *receipts, struct wire *wire, uint64_t order, uint64_t seq)
{
    if (receipts->reply != NULL && !receipt_add(reply_body(receipts->reply), &receipts->size, seq))
        receipts_flush(receipts, wire, order); /* it is full */
    if (receipts->reply == NULL) {
        receipts->reply = reply_create(&wire->room->control_pool, RECEIPT_BODY_MAX);
        if (receipts->reply == NULL)
            return false;
        bool fits = receipt_add(reply_body(receipts->reply), &receipts->size, seq);
        assert(fits);
        wire_flush_later(wire);
    }
    receipts->counters->oneways++;
    return true;
}

void receipts_drop(struct receipts *receipts)
{
    reply_settle(receipts->reply);
    receipts->reply = NULL;
    receipts->size = 0;
}
