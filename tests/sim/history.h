/* The history: what was asked, what ran, what was told, as the world saw it.  The model that judges it is judge.c.
 *
 * It must not know how the runtime decides anything.  Reads best next: judge.h, watch.h. */
#ifndef TESTS_SIM_HISTORY_H
#define TESTS_SIM_HISTORY_H

#include <semel/semel.h>
#include <semel/sim.h>

struct setup;

enum mode { MODE_ADD, MODE_SET, MODE_TELL, MODE_PUT, MODE_NOTE, MODE_RENEW, MODE_COUNT };

/* What a mode is, as ledger.proto says. */
struct mode_is {
    const char *name;
    bool idempotent;
    bool oneway;
    bool transactional;
};
extern const struct mode_is modes[MODE_COUNT];

/* What a handler does with an operation. */
enum behaviour {
    BEHAVE_OK,
    BEHAVE_FAIL,
    BEHAVE_PEND, /* says PENDING, even within a transaction, which then must be undone */
};

enum { OPS_MAX = 1024, RUNS_MAX = 1 << 16, HOSTS_MAX = 8, LIVES_MAX = 512 };

struct run {
    uint64_t op;
    uint32_t host; /* index of the server */
    uint32_t life;
    int64_t at_us;
    int64_t finished_us; /* 0: not yet */
};

struct op;
/* It has ended: inside the callback of the call. */
typedef void ops_then_fn(struct op *op, void *user);

struct op {
    uint64_t id; /* 1.. */
    enum mode mode;
    enum behaviour behaviour;
    uint32_t think_ms; /* the handler answers later; 0: at once */
    uint32_t refusals; /* how often it refuses first */
    uint32_t request_pad;
    uint32_t reply_pad;

    /* how it is asked */
    uint32_t caller; /* index of the host that asks */
    uint32_t caller_life;
    bool back; /* a server calls its client, the callee: */
    uint32_t callee;
    uint32_t callee_life;
    bool awaited;        /* in a synchronous stub */
    bool inherits;       /* a handler asks, whose own caller does not wait longer */
    uint32_t recovery;   /* number of the one that it is part of; 0: none */
    int64_t deadline_ms; /* 0: none */
    int64_t attempt_timeout_ms;
    enum semel_on_unavailable on_unavailable;
    int32_t retries; /* by its policy */
    bool hedged;
    int64_t started_us;
    int64_t started_clock_ns; /* of the caller */
    bool started;
    bool cancelled; /* we asked to */
    bool abandoned; /* its caller crashed before it ended */
    semel_channel *channel;
    semel_call call;
    ops_then_fn *then; /* or NULL */
    void *then_user;
    struct op *when_committed; /* a call back that is to follow it; NULL: none */

    /* what became of it */
    uint32_t ended;
    int64_t ended_us;
    int64_t ended_clock_ns;
    semel_status status;
    uint64_t told_run; /* OK: the run that the reply names */
    uint32_t run_count;
    uint32_t lasting_runs; /* of these, outside of a transaction: nothing can undo them */
    uint32_t effects;      /* when all is quiet: what transactional handlers have left in the stores */
    uint32_t committed;    /* how often a handler was told that what it wrote is there to stay */

    /* what the wire saw */
    uint32_t written;         /* requests of it that left whole */
    uint32_t written_session; /* number of the session of the last one */
    uint64_t written_seq;
    uint64_t written_connection;
    uint64_t written_life; /* back: the connection that this life of the session began with */
    int64_t written_us;
    uint32_t read_in[HOSTS_MAX]; /* the first life of each host in which its request was read; 0: none */
    uint32_t read_rightly
        [HOSTS_MAX]; /* the last life of each in which it came over a connection of a node that had not
                                       * been displaced */
    bool read_unprotected[HOSTS_MAX]; /* last read while its store had failed */
};

struct history {
    semel_sim *sim;
    const struct setup *setup;
    struct op ops[OPS_MAX + 1];
    uint32_t op_count;
    struct run runs[RUNS_MAX + 1]; /* by number */
    uint32_t run_count;
    uint32_t outstanding; /* started, not ended, not abandoned */
    /* of each host: */
    bool durable[HOSTS_MAX];                 /* its store outlives a crash */
    uint32_t store_failures[HOSTS_MAX];      /* lives in which the store was said to have failed */
    int64_t active_us[HOSTS_MAX][LIVES_MAX]; /* when it was last seen to do anything, in each life */
};

/* The one of the world that is played. */
extern struct history *history;

void history_begin(semel_sim *sim, const struct setup *setup);
struct op *history_op(uint64_t id);
/* A handler begins to run an operation; undoable: within a transaction.  Returns the number of the run. */
uint64_t history_ran(struct op *op, const semel_sim_host *host, bool undoable);
/* It has answered. */
void history_finished(uint64_t run);
/* A host does something. */
void history_active(const semel_sim_host *host);
/* A call has ended; reply_run: what the reply says, 0: none. */
void history_ended(struct op *op, const semel_status *status, uint64_t reply_run);
/* A host has started anew: what its former lives have asked will not be told of. */
void history_abandon(const semel_sim_host *caller);
/* A host ends in good order: what it has asked ends with it, however it would have ended. */
void history_cancel(const semel_sim_host *caller);

#endif
