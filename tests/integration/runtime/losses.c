/* Listening for losses.
 *
 * Reads best next: losses.h. */
#include "losses.h"

#include <string.h>

static void on_loss(const struct semel_method *method, const semel_status *status, void *user)
{
    struct losses *losses = user;
    pthread_mutex_lock(&losses->mutex);
    losses->times++;
    losses->method = method;
    losses->status = *status;
    losses->thread = pthread_self();
    pthread_cond_broadcast(&losses->changed);
    pthread_mutex_unlock(&losses->mutex);
    if (losses->then != NULL)
        losses->then(losses->arg);
}

void losses_listen(struct losses *losses, semel_channel *channel)
{
    memset(losses, 0, sizeof *losses);
    pthread_mutex_init(&losses->mutex, NULL);
    pthread_cond_init(&losses->changed, NULL);
    semel_channel_on_loss(channel, on_loss, losses);
}

const semel_status *losses_wait(struct losses *losses, unsigned times)
{
    pthread_mutex_lock(&losses->mutex);
    while (losses->times < times)
        pthread_cond_wait(&losses->changed, &losses->mutex);
    pthread_mutex_unlock(&losses->mutex);
    return &losses->status;
}

unsigned losses_times(struct losses *losses)
{
    pthread_mutex_lock(&losses->mutex);
    unsigned times = losses->times;
    pthread_mutex_unlock(&losses->mutex);
    return times;
}
