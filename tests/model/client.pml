/* The client: dials, asks, holds, replays, and tells its caller what is known.
 *
 * Reads best next: server.pml. */

typedef a_call {
    mtype state;
    byte seq;
    bool exposed;   /* written in the present session, and not answered */
    bool elsewhere; /* it may have run where no later answer tells of it */
}
a_call call[CALLS + 1]; /* from 1 */

byte attempt;      /* of the latest round */
byte taken = NONE; /* the connection in use */
byte writing;      /* the call whose frame is begun and not finished; it may have ended meanwhile */
byte writing_floor;
bool parting; /* GOAWAY has come */
bool said_bye;
byte last_domain; /* of the last WELCOME seen; 0: none */
byte last_connection;
byte next_seq = 1;
byte floor = 1; /* the ack floor */

/* Of use within one step; those that a choice is made with are 0 between two. */
byte k, choice;
hidden byte c, f, h, t, o, a, resumed;

inline start_client()
{
    c = 0;
    do
    :: c <= CALLS -> call[c].state = IDLE; c++
    :: else -> break
    od;
    c = 0
}

#define is_over(x) (call[x].state == IDLE || call[x].state == ENDED)

/* The lowest seq of a call that has not ended. */
inline move_floor()
{
    f = 1;
    floor = next_seq;
    do
    :: f <= CALLS ->
        if
        :: !is_over(f) && !(the(ACK_WHEN_WRITTEN) && call[f].exposed) && call[f].seq < floor ->
            floor = call[f].seq
        :: else
        fi;
        f++
    :: else -> break
    od
}

/* Tells the caller, once, and holds it against the truth. */
inline tell(x, what)
{
    assert(!is_over(x) && told[x] == NOTHING);
    told[x] = what;
    must(what != EXECUTED || runs[x] > 0);
    must(what != NOT_EXECUTED || runs[x] == 0);
    call[x].state = ENDED;
    call[x].exposed = false;
    move_floor()
}

/* How far it got decides. */
inline tell_by_progress(x)
{
    if
    :: call[x].exposed || call[x].elsewhere -> tell(x, UNKNOWN)
    :: else -> tell(x, NOT_EXECUTED)
    fi
}

/* Its run is in a session that is gone: R4. */
inline judge_forgotten(x)
{
    if
    :: is_idempotent(x) || the(R4_RETRIES) ->
        call[x].state = READY;
        call[x].exposed = false;
        call[x].elsewhere = is_idempotent(x) && !the(FORGET_ELSEWHERE)
    :: else ->
        must(forgot || (retired && losses > 0) || the(SERVERS) > 1); /* and it is gone only for a reason */
        tell(x, UNKNOWN)
    fi
}

/* The verdict over the calls that were held. */
inline judge_held()
{
    h = 1;
    do
    :: h <= CALLS ->
        if
        :: call[h].state == HELD && resumed -> /* R3 */
            call[h].state = READY;
            call[h].elsewhere = call[h].elsewhere || is_idempotent(h)
        :: call[h].state == HELD && !resumed -> judge_forgotten(h)
        :: else
        fi;
        h++
    :: else -> break
    od
}

/* The connection is gone: R1 for what was not fully written, R5 for what was. */
inline take_back()
{
    t = 1;
    do
    :: t <= CALLS ->
        if
        :: call[t].state == PARTLY || call[t].state == WRITTEN || call[t].state == READY ->
            if
            :: call[t].exposed && !the(R5_RETRIES) -> call[t].state = HELD
            :: else -> call[t].state = READY; call[t].exposed = false
            fi
        :: else
        fi;
        t++
    :: else -> break
    od
}

inline leave(i)
{
    conn[i].left = true;
    empty_client(i);
    if
    :: taken == i ->
        taken = NONE;
        writing = 0;
        writing_floor = 0;
        parting = false;
        said_bye = false;
        take_back()
    :: else
    fi
}

inline leave_others(i)
{
    o = 0;
    do
    :: o < dials ->
        if
        :: o != i && !conn[o].left -> leave(o)
        :: else
        fi;
        o++
    :: else -> break
    od
}

/* No request goes out with it: the verdict comes first. */
inline say_hello(i)
{
    conn[i].attempt = attempt;
    dials++;
    send_server(i, HELLO, last_domain, last_connection, floor);
    if
    :: the(ASK_BEFORE_WELCOME) && call[1].state == HELD -> send_server(i, REQUEST, call[1].seq, 1, floor)
    :: else
    fi
}

/* WELCOME, and what it says of the session in which calls were written. */
inline welcomed(i, its_domain, its_number, verdict)
{
    assert(taken == NONE);
    leave_others(i);
    taken = i;
    resumed = (the(REPLAY_INTO_NEW) && last_domain != 0) ||
              (verdict == RESUMED && (its_domain == last_domain || the(CLIENT_IGNORES_DOMAIN)));
    judge_held();
    last_domain = its_domain;
    last_connection = its_number
}

/* What a reply means to the call it answers. */
inline take_answer(x, whose_run, what)
{
    must(call[x].exposed || call[x].elsewhere); /* nobody answers what was not asked */
    if
    :: what == OK ->
        must(whose_run == x); /* the kept reply is that of its run, and of no other call */
        tell(x, EXECUTED)
    :: what == REFUSED -> /* R2, or R11 if no attempt is left */
        call[x].exposed = false;
        call[x].state = READY;
        if
        :: choice == 1 -> tell_by_progress(x)
        :: else
        fi
    :: what == FOUND_BEGUN && is_idempotent(x) ->
        call[x].state = READY;
        call[x].exposed = false;
        call[x].elsewhere = true
    :: what == FOUND_BEGUN && !is_idempotent(x) -> /* R6 */
        must(crashes > 0 && !the(TRANSACTIONAL)); /* where work and record are one, nothing is found begun */
        tell(x, UNKNOWN)
    :: what == STALE -> must(false) /* the floor has passed a call that had not ended */
    fi
}

inline answered(its_seq, whose_run, what)
{
    a = 1;
    do
    :: a > CALLS -> break /* it has ended meanwhile */
    :: a <= CALLS ->
        if
        :: call[a].seq == its_seq && !is_over(a) -> take_answer(a, whose_run, what); break
        :: else -> a++
        fi
    od
}

#define is_ready(x) (call[x].state == READY)
#define is_in_window(x) (call[x].seq < floor + the(WINDOW) || the(IGNORE_WINDOW))
#define may_write(x) (is_ready(x) && is_in_window(x))
#define hears(i) (i < dials && !conn[i].left && nempty(to_client[i]))
#define is_broken(i) (i < dials && !conn[i].left && conn[i].shut && empty(to_client[i]))
#define may_lose(i) (i < dials && !conn[i].left && losses < the(LOSSES))
#define has_twin (dials > 1 && conn[dials - 2].attempt == attempt)
#define may_twin (the(TWINS) && dials > 0 && !conn[dials - 1].left && !has_twin)
#define choose(test)                                                                                           \
    if                                                                                                         \
    :: test(0) -> k = 0                                                                                        \
    :: test(1) -> k = 1                                                                                        \
    :: test(2) -> k = 2                                                                                        \
    :: test(3) -> k = 3                                                                                        \
    fi
#define any(test) (test(0) || test(1) || test(2) || test(3))

proctype client()
{
    byte a1, a2;
    mtype a3;

    do
    /* The application starts a call. */
    :: d_step {
        call[CALLS].state == IDLE ->
        if
        :: call[1].state == IDLE -> c = 1
        :: else -> c = CALLS
        fi;
        if
        :: the(REUSE_SEQ) && c > 1 && call[c - 1].state == ENDED -> call[c].seq = call[c - 1].seq
        :: else -> call[c].seq = next_seq; next_seq++
        fi;
        call[c].state = READY;
        move_floor();
        c = 0
    }

    /* A round, which gives up what is still being dialled; or a twin in it, with the same number. */
    :: atomic {
        taken == NONE && dials < the(DIALS) && call[1].state != IDLE && !all_told ->
        if
        :: choice = 0
        :: may_twin -> choice = 1
        fi;
        if
        :: k = 0
        :: the(SERVERS) > 1 -> k = 1
        fi;
        d_step {
            conn[dials].at = k;
            if
            :: choice == 0 -> leave_others(NONE); attempt++
            :: else
            fi;
            k = dials;
            say_hello(k);
            k = 0;
            choice = 0
        }
    }

    /* The frame of a call is begun, the lowest seq first, and finished. */
    :: d_step {
        taken != NONE && writing == 0 && !parting && (may_write(1) || may_write(CALLS)) ->
        if
        :: may_write(1) -> c = 1
        :: else -> c = CALLS
        fi;
        call[c].state = PARTLY;
        writing = c;
        writing_floor = floor
    }
    :: d_step {
        writing != 0 ->
        send_server(taken, REQUEST, call[writing].seq, writing, writing_floor);
        if
        :: call[writing].state == PARTLY -> call[writing].state = WRITTEN; call[writing].exposed = true; move_floor()
        :: else
        fi;
        writing = 0;
        writing_floor = 0
    }

    /* GOAWAY was heard: the last frame. */
    :: d_step { parting && !said_bye && writing == 0 -> said_bye = true; send_server(taken, BYE, 0, 0, 0) }

    /* A frame comes. */
    :: atomic {
        any(hears) ->
        choose(hears);
        if
        :: choice = 0
        :: to_client[k]?[REPLY, a1, a2, REFUSED] || the(REFUSALS) + the(DRAINS) > 0 -> choice = 1
        fi;
        d_step {
            if
            :: to_client[k]?WELCOME(a1, a2, a3) -> welcomed(k, a1, a2, a3)
            :: to_client[k]?REFUSE(a1, a2, a3) -> leave(k)
            :: to_client[k]?REPLY(a1, a2, a3) -> answered(a1, a2, a3)
            :: to_client[k]?GOAWAY(a1, a2, a3) -> parting = true
            fi;
            a1 = 0;
            a2 = 0;
            a3 = 0;
            k = 0;
            choice = 0
        }
    }

    /* A connection has been closed, or is taken for lost. */
    :: atomic { any(is_broken) -> choose(is_broken); d_step { leave(k); k = 0 } }
    :: atomic { any(may_lose) -> choose(may_lose); d_step { losses++; leave(k); k = 0 } }

    /* The caller ends a call: R9.  What is begun is finished, and may run. */
    :: atomic {
        deadlines < the(DEADLINES) && (!is_over(1) || !is_over(CALLS)) ->
        if
        :: !is_over(1) -> k = 1
        :: !is_over(CALLS) -> k = CALLS
        fi;
        d_step {
            deadlines++;
            if
            :: call[k].state == PARTLY && !the(PARTLY_IS_NOTHING) -> tell(k, UNKNOWN)
            :: else -> tell_by_progress(k)
            fi;
            k = 0
        }
    }

    /* No attempt is left: R11. */
    :: d_step {
        taken == NONE && dials == the(DIALS) && call[CALLS].state != IDLE && !all_told ->
        leave_others(NONE);
        k = 1;
        do
        :: k <= CALLS ->
            if
            :: !is_over(k) -> tell_by_progress(k)
            :: else
            fi;
            k++
        :: else -> break
        od;
        k = 0
    }

    /* The channel is closed. */
    :: d_step { all_told -> leave_others(NONE); o = 0 } -> break
    od
}
