/* Replies: who frees them, and from where.
 *
 * Reads best next: dedup_test.c. */
#include "core/reply.h"

#include <signal.h>

#include "support.h"

Test(reply, small_ones_come_from_the_pool)
{
    struct pool pool;
    pool_init(&pool, REPLY_BLOCK_SIZE, 4);
    for (size_t size = 0; size <= REPLY_SMALL_BODY; size += 23) {
        struct reply *reply = reply_create(&pool, size);
        cr_assert_eq(pool.in_use, 1);
        cr_assert_eq(reply->capacity, REPLY_SMALL_BODY, "all of the block is of use");
        memset(reply_body(reply), 1, reply->capacity);
        reply_settle(reply);
        cr_assert_eq(pool.in_use, 0);
    }
    cr_assert_eq(pool.spare, 1);
    pool_fini(&pool);
}

Test(reply, large_ones_and_those_of_other_threads_do_not)
{
    struct pool pool;
    pool_init(&pool, REPLY_BLOCK_SIZE, 4);
    struct reply *large = reply_create(&pool, REPLY_SMALL_BODY + 1), *other = reply_create(NULL, 10);
    cr_assert_eq(pool.in_use, 0);
    cr_assert_eq(large->capacity, REPLY_SMALL_BODY + 1);
    cr_assert_eq(other->capacity, 10);
    memset(reply_body(large), 1, large->capacity);
    memset(reply_body(other), 1, other->capacity);
    cr_assert_eq(reply_size(other), offsetof(struct reply, frame) + FRAME_HEADER_SIZE + 10);
    reply_settle(large);
    reply_settle(other);
    pool_fini(&pool);
}

Test(reply, a_size_that_cannot_be_is_refused)
{
    cr_assert_null(reply_create(NULL, UINT32_MAX));
    cr_assert_null(reply_create(NULL, SIZE_MAX));
}

Test(reply, lives_while_a_record_or_a_queue_holds_it)
{
    struct reply *reply = reply_create(NULL, 4);
    memcpy(reply_body(reply), "done", 4);
    reply_write(reply, &(struct frame){.type = FRAME_REPLY, .seq = 9, .body_size = 4});
    cr_assert_eq(reply->out.size, FRAME_HEADER_SIZE + 4);
    cr_assert_eq(reply_of(&reply->out), reply);
    reply->kept = true;
    reply_settle(reply);
    reply->kept = false;
    reply->out.queued = true;
    reply_settle(reply);
    cr_assert_eq(memcmp(reply_body(reply), "done", 4), 0);
    reply->out.queued = false;
    reply_settle(reply);
    reply_settle(NULL);
}

Test(reply, a_body_over_the_capacity_is_a_bug, .signal = SIGABRT)
{
    reply_write(reply_create(NULL, 4), &(struct frame){.type = FRAME_REPLY, .body_size = 5});
}
