/* A server: who may resume, and whether a request runs.  What is kept is what a crash leaves of a durable store.
 *
 * Reads best next: cases.txt, the ways to break them. */

typedef what_lasts {
    bool known; /* the session */
    byte counter; /* connection numbers rise within the domain */
    byte attempt; /* the highest seen */
    byte born;    /* number of the connection that was answered NEW */
    byte number;  /* of the latest connection */
    byte floor;
    mtype record[CALLS + 1]; /* by seq */
    byte whose[CALLS + 1];
}

typedef a_server {
    byte domain;
    bool draining;
    byte live;
    bool parting; /* BYE has come */
    byte asked_on[CALLS + 1]; /* by seq, of what has not ended: the connection it was asked for on last */
    what_lasts now_is;
    what_lasts kept; /* of use with DURABLE */
}
a_server srv[2];
byte domains;

byte old_seq, old_call, old_floor; /* NO_SEEDS: a frame that has passed, on any connection */

hidden byte n, p, w, resumes;

/* which: now_is or kept. */
#define free_records(s, which, below)                                                                          \
    n = 0;                                                                                                     \
    do                                                                                                         \
    :: n < below && n <= CALLS -> srv[s].which.record[n] = FREE; srv[s].which.whose[n] = 0; n++                \
    :: else -> break                                                                                           \
    od;                                                                                                        \
    n = 0
#define forget_records(s, which) free_records(s, which, NONE)
#define free_below(s, which) free_records(s, which, srv[s].which.floor)

inline start_server(s)
{
    domains++;
    srv[s].domain = domains;
    srv[s].live = NONE;
    forget_records(s, now_is);
    forget_records(s, kept);
    n = 0
}

inline acknowledge(s, to)
{
    if
    :: to > srv[s].now_is.floor -> srv[s].now_is.floor = to
    :: else
    fi;
    free_below(s, now_is)
}

/* Completely: no byte of it is read any more. */
inline cut(s, i)
{
    conn[i].shut = true;
    empty_server(i);
    if
    :: srv[s].live == i -> srv[s].live = NONE; srv[s].parting = false
    :: else
    fi
}

inline refuse(s, i)
{
    send_client(i, REFUSE, 0, 0, 0);
    cut(s, i)
}

/* ---- HELLO ---- */

/* What the new connection displaces goes first. */
inline displace(s)
{
    if
    :: srv[s].live != NONE ->
        p = srv[s].live;
        must(conn[p].left || taken != p); /* nobody is taken off a connection in use */
        if
        :: the(KEEP_OLD) -> srv[s].live = NONE; srv[s].parting = false
        :: else -> cut(s, p)
        fi
    :: else
    fi
}

inline keep_session(s)
{
    srv[s].kept.known = true;
    if
    :: !the(COUNTER_RESTARTS) -> srv[s].kept.counter = srv[s].now_is.counter
    :: else
    fi;
    srv[s].kept.attempt = srv[s].now_is.attempt;
    srv[s].kept.born = srv[s].now_is.born;
    srv[s].kept.number = srv[s].now_is.number;
    srv[s].kept.floor = srv[s].now_is.floor;
    if
    :: !resumes -> forget_records(s, kept)
    :: else -> free_below(s, kept)
    fi
}

#define same_domain(s, its_domain) (its_domain == srv[s].domain || the(SERVER_IGNORES_DOMAIN))
#define of_this_life(s, its_last)                                                                              \
    ((its_last >= srv[s].now_is.born || the(IGNORE_BORN)) && its_last <= srv[s].now_is.number)

inline accept(s, i, its_domain, its_last, to)
{
    displace(s);
    resumes = srv[s].now_is.known &&
              (its_domain == 0 || (same_domain(s, its_domain) && of_this_life(s, its_last)));
    srv[s].now_is.counter = srv[s].now_is.counter + 1;
    srv[s].now_is.number = srv[s].now_is.counter;
    srv[s].now_is.attempt = conn[i].attempt;
    srv[s].now_is.known = true;
    srv[s].live = i;
    if
    :: !resumes ->
        srv[s].now_is.born = srv[s].now_is.number;
        srv[s].now_is.floor = to;
        forget_records(s, now_is)
    :: else -> acknowledge(s, to)
    fi;
    if
    :: the(DURABLE) -> keep_session(s) /* one commit, before WELCOME leaves */
    :: else
    fi;
    n = srv[s].now_is.number;
    if
    :: resumes -> send_client(i, WELCOME, srv[s].domain, n, RESUMED)
    :: else -> send_client(i, WELCOME, srv[s].domain, n, NEW)
    fi
}

#define is_equal(s, i) (conn[i].attempt == srv[s].now_is.attempt && !the(ACCEPT_EQUAL))
#define is_lower(s, i) (conn[i].attempt < srv[s].now_is.attempt && !the(ACCEPT_LOWER))

inline judge(s, i, its_domain, its_last, to)
{
    if
    :: srv[s].draining || (srv[s].now_is.known && (is_equal(s, i) || is_lower(s, i))) -> refuse(s, i)
    :: else -> accept(s, i, its_domain, its_last, to)
    fi
}

/* ---- has it run? ---- */

/* Takes effect at once; or when that is durable; or with its record, in finish. */
inline put(s, its_seq, x)
{
    srv[s].now_is.whose[its_seq] = x;
    if
    :: the(TRANSACTIONAL) -> srv[s].now_is.record[its_seq] = RUNNING
    :: !the(TRANSACTIONAL) && the(DURABLE) && !is_idempotent(x) && !the(RUN_BEFORE_BEGIN) ->
        srv[s].now_is.record[its_seq] = WAITING
    :: else -> srv[s].now_is.record[its_seq] = RUNNING; take_effect(x)
    fi
}

/* EVICT: at the cost of what its client has not acknowledged. */
inline make_room(s)
{
    n = 1;
    do
    :: n <= CALLS ->
        if
        :: srv[s].now_is.record[n] == DONE -> srv[s].now_is.record[n] = FREE
        :: else
        fi;
        n++
    :: else -> break
    od
}

/* A new request.  choice 1: the table is full, or there is too much to do. */
inline weigh(s, i, its_seq, x)
{
    if
    :: choice == 0 && !srv[s].draining -> put(s, its_seq, x)
    :: else ->
        if
        :: the(RUN_WHEN_FULL) -> take_effect(x); send_client(i, REPLY, its_seq, x, OK)
        :: the(EVICT) -> make_room(s); put(s, its_seq, x)
        :: else -> send_client(i, REPLY, its_seq, x, REFUSED)
        fi
    fi
}

/* A request that has a record. */
inline meet(s, i, its_seq, x)
{
    if
    :: srv[s].now_is.record[its_seq] == DONE ->
        n = srv[s].now_is.whose[its_seq];
        send_client(i, REPLY, its_seq, n, OK)
    :: srv[s].now_is.record[its_seq] == BEGUN && the(RUN_BEGUN) -> put(s, its_seq, x)
    :: srv[s].now_is.record[its_seq] == BEGUN && the(REFUSE_BEGUN) ->
        srv[s].now_is.record[its_seq] = FREE;
        send_client(i, REPLY, its_seq, x, REFUSED)
    :: srv[s].now_is.record[its_seq] == BEGUN && !the(RUN_BEGUN) && !the(REFUSE_BEGUN) ->
        send_client(i, REPLY, its_seq, x, FOUND_BEGUN)
    :: else -> /* WAITING, RUNNING: the reply will go to the newest connection */
        if
        :: the(REPLY_WHERE_IT_CAME) -> srv[s].now_is.whose[its_seq] = 0
        :: else
        fi
    fi
}

inline admit(s, i, its_seq, x, to)
{
    acknowledge(s, to);
    if
    :: its_seq < srv[s].now_is.floor && !the(NO_STALE) -> send_client(i, REPLY, its_seq, x, STALE)
    :: else ->
        must(its_seq < srv[s].now_is.floor + the(WINDOW)); /* the client keeps to what it was granted */
        if
        :: srv[s].now_is.record[its_seq] == FREE -> weigh(s, i, its_seq, x)
        :: else -> meet(s, i, its_seq, x)
        fi;
        if
        :: the(WITHDRAWALS) > 0 && srv[s].now_is.record[its_seq] != DONE -> srv[s].asked_on[its_seq] = i
        :: else
        fi
    fi
}

inline keep(s, its_seq, what)
{
    srv[s].kept.record[its_seq] = what;
    srv[s].kept.whose[its_seq] = srv[s].now_is.whose[its_seq]
}

/* The handler of a record has finished: its reply goes to the newest connection. */
inline finish(s, its_seq)
{
    if
    :: the(TRANSACTIONAL) && !the(REPLY_BEFORE_COMMIT) ->
        take_effect(srv[s].now_is.whose[its_seq]); /* the work and the record, in one commit */
        if
        :: !the(WORK_BEFORE_RECORD) -> keep(s, its_seq, DONE)
        :: else
        fi
    :: else
    fi;
    if
    :: srv[s].live != NONE && srv[s].now_is.whose[its_seq] != 0 ->
        p = srv[s].live;
        n = srv[s].now_is.whose[its_seq];
        send_client(p, REPLY, its_seq, n, OK)
    :: else
    fi;
    srv[s].asked_on[its_seq] = 0;
    if
    :: is_idempotent(srv[s].now_is.whose[its_seq]) || the(FORGET_WHEN_SENT) ->
        srv[s].now_is.record[its_seq] = FREE;
        srv[s].now_is.whose[its_seq] = 0
    :: else -> srv[s].now_is.record[its_seq] = DONE
    fi
}

/* The handler of a record refuses, or its time has passed before that could begin: the record goes.  Only who has asked
 * on the connection of now hears of it; who has not will ask again there, and that is another run. */
inline withdraw(s, its_seq)
{
    withdrawals++;
    if
    :: srv[s].live != NONE && (srv[s].asked_on[its_seq] == srv[s].live || the(REFUSE_ELSEWHERE)) ->
        p = srv[s].live;
        n = srv[s].now_is.whose[its_seq];
        send_client(p, REPLY, its_seq, n, REFUSED)
    :: else
    fi;
    srv[s].now_is.record[its_seq] = FREE;
    srv[s].now_is.whose[its_seq] = 0;
    srv[s].asked_on[its_seq] = 0
}

/* ---- the end of things ---- */

inline restart(s)
{
    p = 0;
    do
    :: p < dials ->
        if
        :: conn[p].at == s && !conn[p].shut -> cut(s, p)
        :: else
        fi;
        p++
    :: else -> break
    od;
    srv[s].draining = false;
    forget_records(s, now_is);
    srv[s].now_is.known = srv[s].kept.known;
    srv[s].now_is.counter = srv[s].kept.counter;
    srv[s].now_is.attempt = srv[s].kept.attempt;
    srv[s].now_is.born = srv[s].kept.born;
    srv[s].now_is.number = srv[s].kept.number;
    srv[s].now_is.floor = srv[s].kept.floor;
    n = 1;
    do
    :: n <= CALLS ->
        srv[s].now_is.record[n] = srv[s].kept.record[n];
        srv[s].now_is.whose[n] = srv[s].kept.whose[n];
        srv[s].asked_on[n] = 0;
        n++
    :: else -> break
    od;
    if
    :: !the(DURABLE) -> domains++; srv[s].domain = domains
    :: else
    fi
}

/* The lease has run out: the session goes whole. */
inline expire(s)
{
    expiries++;
    forgot = true;
    forget_records(s, now_is);
    forget_records(s, kept);
    srv[s].now_is.known = false;
    if
    :: !the(EXPIRY_KEEPS_SESSION) -> srv[s].kept.known = false
    :: else
    fi
}

#define is_at(s, its_seq, what) (srv[s].now_is.record[its_seq] == what)
#define is_kept(s, its_seq, what) (srv[s].kept.record[its_seq] == what)
#define is_busy(s) (is_at(s, 1, RUNNING) || is_at(s, 2, RUNNING) || is_at(s, 1, WAITING) || is_at(s, 2, WAITING))
#define is_uncommitted(s, its_seq) (is_at(s, its_seq, DONE) && !is_kept(s, its_seq, DONE))
#define is_owed(s) (the(DURABLE) && (is_uncommitted(s, 1) || is_uncommitted(s, 2)))
#define to_me(i) (i < dials && conn[i].at == s && !conn[i].shut)
#define listens(i) (to_me(i) && nempty(to_server[i]))
#define sees_leave(i) (to_me(i) && conn[i].left)
#define durably(s) (the(DURABLE) && !the(TRANSACTIONAL))
#define has_begun(s, its_seq) (is_at(s, its_seq, WAITING) && is_kept(s, its_seq, BEGUN))
#define may_withdraw(s, its_seq)                                                                               \
    (withdrawals < the(WITHDRAWALS) &&                                                                         \
     (has_begun(s, its_seq) || (the(TRANSACTIONAL) && is_at(s, its_seq, RUNNING))))
#define was_withdrawn(s, its_seq) (withdrawals > 0 && is_at(s, its_seq, FREE) && is_kept(s, its_seq, BEGUN))

proctype server(byte s)
{
    byte b1, b2, b3;

end:
    do
    /* A frame comes: of any connection that is still read, however late. */
    :: atomic {
        any(listens) ->
        choose(listens);
        if
        :: choice = 0
        :: refusals < the(REFUSALS) && to_server[k]?[REQUEST, b1, b2, b3] -> choice = 1; refusals++
        fi;
        d_step {
            w = k;
            if
            :: to_server[w]?HELLO(b1, b2, b3) -> judge(s, w, b1, b2, b3)
            :: to_server[w]?REQUEST(b1, b2, b3) ->
                if
                :: the(NO_SEEDS) && old_seq == 0 -> old_seq = b1; old_call = b2; old_floor = b3
                :: else
                fi;
                if
                :: srv[s].now_is.known -> admit(s, w, b1, b2, b3)
                :: else
                fi
            :: to_server[w]?BYE(b1, b2, b3) -> srv[s].parting = (srv[s].live == w)
            fi;
            b1 = 0;
            b2 = 0;
            b3 = 0;
            k = 0;
            choice = 0
        }
    }
    :: d_step {
        the(NO_SEEDS) && old_seq != 0 && old_seq != NONE && srv[s].live != NONE ->
        w = srv[s].live;
        choice = 0;
        admit(s, w, old_seq, old_call, old_floor);
        old_seq = NONE
    }

    /* Handlers finish. */
    :: d_step { is_at(s, 1, RUNNING) -> finish(s, 1) }
    :: d_step { is_at(s, 2, RUNNING) -> finish(s, 2) }

    /* Or do nothing, and say so; that is durable at some time, too. */
    :: d_step { may_withdraw(s, 1) -> withdraw(s, 1) }
    :: d_step { may_withdraw(s, 2) -> withdraw(s, 2) }
    :: d_step { was_withdrawn(s, 1) -> keep(s, 1, FREE) }
    :: d_step { was_withdrawn(s, 2) -> keep(s, 2, FREE) }

    /* A begin record becomes durable; only then the handler runs; at some time the completion is durable too. */
    :: d_step { durably(s) && is_at(s, 1, WAITING) && is_kept(s, 1, FREE) -> keep(s, 1, BEGUN) }
    :: d_step { durably(s) && is_at(s, 2, WAITING) && is_kept(s, 2, FREE) -> keep(s, 2, BEGUN) }
    :: d_step {
        is_at(s, 1, WAITING) && is_kept(s, 1, BEGUN) ->
        srv[s].now_is.record[1] = RUNNING;
        take_effect(srv[s].now_is.whose[1])
    }
    :: d_step {
        is_at(s, 2, WAITING) && is_kept(s, 2, BEGUN) ->
        srv[s].now_is.record[2] = RUNNING;
        take_effect(srv[s].now_is.whose[2])
    }
    :: d_step { the(DURABLE) && is_uncommitted(s, 1) -> keep(s, 1, DONE) }
    :: d_step { the(DURABLE) && is_uncommitted(s, 2) -> keep(s, 2, DONE) }

    /* What is acknowledged is collected in the background. */
    :: d_step {
        the(DURABLE) && srv[s].now_is.known && srv[s].kept.known && srv[s].kept.floor < srv[s].now_is.floor ->
        srv[s].kept.floor = srv[s].now_is.floor;
        free_below(s, kept)
    }

    /* BYE was heard: closed when nothing is owed any more. */
    :: d_step {
        srv[s].live != NONE && srv[s].parting && (!is_busy(s) || the(BYE_CUTS)) ->
        w = srv[s].live;
        cut(s, w)
    }

    /* The end of a connection is noticed, or it is taken for lost. */
    :: atomic { any(sees_leave) -> choose(sees_leave); d_step { w = k; cut(s, w); k = 0 } }
    :: d_step { losses < the(LOSSES) && srv[s].live != NONE -> losses++; w = srv[s].live; cut(s, w) }

    :: d_step { expiries < the(EXPIRIES) && srv[s].now_is.known && srv[s].live == NONE -> expire(s) }
    :: d_step {
        crashes < the(CRASHES) ->
        crashes++;
        forgot = forgot || !the(DURABLE);
        restart(s)
    }

    /* A rolling restart: GOAWAY, BYE, and when all have gone a new process. */
    :: d_step {
        drains < the(DRAINS) && srv[s].live != NONE && !srv[s].draining ->
        drains++;
        srv[s].draining = true;
        w = srv[s].live;
        send_client(w, GOAWAY, 0, 0, 0)
    }
    :: d_step {
        srv[s].draining && srv[s].live == NONE && (!is_busy(s) || the(BYE_CUTS)) &&
        (!is_owed(s) || the(LEAVE_UNCOMMITTED)) ->
        retired = !the(DURABLE);
        restart(s)
    }
    od
}
