/* Two handlers on a book.
 *
 * Reads best next: service.h. */
#include "service.h"

static enum semel_code award(semel_request *request, demo_AwardRequest *in, demo_PointsReply *out, void *user)
{
    struct book *book = user;
    if (in->card >= CARDS)
        return semel_request_error(request, SEMEL_NOT_FOUND, "no card %u", (unsigned)in->card);
    book->points[in->card] += in->points;
    out->points = book->points[in->card];
    return SEMEL_OK;
}

static enum semel_code balance(semel_request *request, demo_BalanceRequest *in, demo_PointsReply *out,
                               void *user)
{
    const struct book *book = user;
    if (in->card >= CARDS)
        return semel_request_error(request, SEMEL_NOT_FOUND, "no card %u", (unsigned)in->card);
    out->points = book->points[in->card];
    return SEMEL_OK;
}

const struct demo_Points_handlers service_handlers = {.Award = award, .Balance = balance};
