/* A slice of time: how long handlers may run before the server looks at its descriptors again.  Under overload requests
 * pile up unseen in the kernel; only who reads them can refuse them early.
 *
 * Reading the clock after each handler would cost quick ones a few percent, so that it is read after the first, the
 * second, the fourth..., and after each one only while they are slow.  It must not know what runs.
 *
 * Reads best next: admission.h. */
#ifndef SERVER_SLICE_H
#define SERVER_SLICE_H

#include <stdbool.h>
#include <stdint.h>

/* A millisecond is little beside a network's delay and a thousand times what a turn of the loop costs. */
#define SLICE_NS INT64_C(1000000)
/* Handlers quicker than this are not looked after one by one: SLICE_GAP_MAX of them fit into a third of a slice. */
#define SLICE_QUICK_NS INT64_C(20000)
enum { SLICE_GAP_MAX = 16 };

struct slice {
    int64_t end_ns;
    int64_t looked_ns; /* when the clock was read last */
    uint32_t gap;      /* handlers between that and the next look */
    uint32_t left;     /* of these */
    bool spent;
};

static inline void slice_begin(struct slice *slice, int64_t now_ns)
{
    *slice = (struct slice){.end_ns = now_ns + SLICE_NS, .looked_ns = now_ns, .gap = 1, .left = 1};
}

/* One more has been done.  Returns whether the clock should be read and slice_look called. */
static inline bool slice_wants_look(struct slice *slice)
{
    return --slice->left == 0;
}

static inline void slice_look(struct slice *slice, int64_t now_ns)
{
    bool quick = now_ns - slice->looked_ns < SLICE_QUICK_NS * slice->gap;
    uint32_t wider = slice->gap < SLICE_GAP_MAX ? slice->gap * 2 : SLICE_GAP_MAX;
    slice->gap = slice->left = quick ? wider : 1;
    slice->looked_ns = now_ns;
    slice->spent = now_ns >= slice->end_ns;
}

#endif
