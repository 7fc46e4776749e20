/* One session of Semel in Promela: a client, its connections, the servers that decide whether its calls run, and what
 * the world may do to them.  It must not know bytes and clocks: what may happen at some time may happen at any time.
 *
 * What each part stands for in the code is told in README.md.  Reads best next: client.pml, server.pml, cases.txt. */

#define CALLS 2      /* by the application, started in this order */
#define MOST_DIALS 4 /* connections; NONE is no connection */
#define NONE MOST_DIALS

/* ---- settings: one verifier serves all cases, so that it is compiled once ---- */

#define SETTINGS(X)                                                                                            \
    /* the kind of server */                                                                                   \
    X(DURABLE)                                                                                                 \
    X(TRANSACTIONAL) /* and durable */                                                                         \
    X(SERVERS)                                                                                                 \
    /* the kind of client */                                                                                   \
    X(DIALS)      /* connections until no attempt is left (R11), twins included */                             \
    X(TWINS)      /* a round may dial twice with one attempt number */                                         \
    X(WINDOW)                                                                                                  \
    X(IDEMPOTENT) /* the call that is marked so */                                                             \
    /* what may happen, at most so often */                                                                    \
    X(LOSSES) /* one side gives a connection up, and the other one does not know */                            \
    X(EXPIRIES)                                                                                                \
    X(CRASHES)                                                                                                 \
    X(DRAINS)                                                                                                  \
    X(REFUSALS)  /* a full table, an overload */                                                               \
    X(WITHDRAWALS) /* a handler refuses what has a record, or comes too late for its deadline */                \
    X(DEADLINES) /* calls that their caller ends */                                                            \
    X(BLIND)     /* no assertion looks */                                                                      \
    /* mutations: rules that are broken on purpose */                                                          \
    X(R4_RETRIES)                                                                                              \
    X(R5_RETRIES)                                                                                              \
    X(REPLAY_INTO_NEW)                                                                                         \
    X(CLIENT_IGNORES_DOMAIN)                                                                                   \
    X(ASK_BEFORE_WELCOME)                                                                                      \
    X(REUSE_SEQ)                                                                                               \
    X(ACK_WHEN_WRITTEN)                                                                                        \
    X(IGNORE_WINDOW)                                                                                           \
    X(PARTLY_IS_NOTHING)                                                                                       \
    X(FORGET_ELSEWHERE)                                                                                        \
    X(ACCEPT_EQUAL)                                                                                            \
    X(ACCEPT_LOWER)                                                                                            \
    X(KEEP_OLD)                                                                                                \
    X(IGNORE_BORN)                                                                                             \
    X(SERVER_IGNORES_DOMAIN)                                                                                   \
    X(NO_SEEDS)                                                                                                \
    X(NO_STALE)                                                                                                \
    X(RUN_WHEN_FULL)                                                                                           \
    X(EVICT)                                                                                                   \
    X(REFUSE_ELSEWHERE)                                                                                        \
    X(FORGET_WHEN_SENT)                                                                                        \
    X(REPLY_WHERE_IT_CAME)                                                                                     \
    X(BYE_CUTS)                                                                                                \
    X(RUN_BEFORE_BEGIN)                                                                                        \
    X(RUN_BEGUN)                                                                                               \
    X(REFUSE_BEGUN)                                                                                            \
    X(REPLY_BEFORE_COMMIT)                                                                                     \
    X(WORK_BEFORE_RECORD)                                                                                      \
    X(COUNTER_RESTARTS)                                                                                        \
    X(EXPIRY_KEEPS_SESSION)                                                                                    \
    X(LEAVE_UNCOMMITTED)

/* Hidden: no part of a state, since they never change. */
#define the(name) set_##name
#define AS_VARIABLE(name) hidden byte set_##name;
SETTINGS(AS_VARIABLE)

#define AS_ROW(name) {#name, &set_##name},
c_code {
    /* SETTINGS="NAME=NUMBER NAME=NUMBER": an unknown name is an error. */
    static void read_settings(void)
    {
        static const struct { const char *name; unsigned char *number; } table[] = {SETTINGS(AS_ROW) {0, 0}};
        static char text[1024];
        const char *given = getenv("SETTINGS");
        snprintf(text, sizeof text, "%s", given != 0 ? given : "");
        for (char *word = strtok(text, " "); word != 0; word = strtok(0, " ")) {
            char *equals = strchr(word, '=');
            int n = 0;
            if (equals != 0)
                *equals = 0;
            while (table[n].name != 0 && strcmp(table[n].name, word) != 0)
                n++;
            if (table[n].name == 0 || equals == 0) {
                printf("unknown setting: %s\n", word);
                exit(2);
            }
            *table[n].number = (unsigned char)atoi(equals + 1);
        }
    }
}

#define is_idempotent(x) ((x) != 0 && (x) == the(IDEMPOTENT))

mtype = { HELLO, REQUEST, BYE, WELCOME, REFUSE, REPLY, GOAWAY }; /* frames */
mtype = { OK, REFUSED, FOUND_BEGUN, STALE };                      /* what a REPLY says */
mtype = { RESUMED, NEW };                                         /* what a WELCOME says */
mtype = { IDLE, READY, PARTLY, WRITTEN, HELD, ENDED };            /* a call */
mtype = { NOTHING, EXECUTED, NOT_EXECUTED, UNKNOWN };             /* what its caller has been told */
mtype = { FREE, WAITING, RUNNING, DONE, BEGUN };                  /* a record */

/* ---- connections: frames keep their order within one, and never change over to another ---- */

#define ROOM (2 * CALLS + 3)

/* HELLO last_domain last_connection floor | REQUEST seq call floor | BYE */
chan to_server[MOST_DIALS] = [ROOM] of { mtype, byte, byte, byte };
/* WELCOME domain connection verdict | REFUSE | REPLY seq call what | GOAWAY */
chan to_client[MOST_DIALS] = [ROOM] of { mtype, byte, byte, mtype };

typedef connection {
    byte attempt;
    byte at;   /* which server */
    bool left; /* the client has closed it */
    bool shut; /* the server has; what it sent before may still be read */
}
connection conn[MOST_DIALS];
byte dials;

/* What is sent to who reads no more is lost, and nobody is told. */
inline send_server(i, type, x1, x2, x3)
{
    if
    :: conn[i].shut
    :: else -> assert(nfull(to_server[i])); to_server[i]!type(x1, x2, x3)
    fi
}

inline send_client(i, type, x1, x2, x3)
{
    if
    :: conn[i].left
    :: else -> assert(nfull(to_client[i])); to_client[i]!type(x1, x2, x3)
    fi
}

/* Of use within one step only, so that they are no part of a state. */
hidden byte lost_1, lost_2, lost_3;
hidden mtype lost_type, lost_what;

inline empty_server(i)
{
    do
    :: nempty(to_server[i]) -> to_server[i]?lost_type(lost_1, lost_2, lost_3)
    :: empty(to_server[i]) -> break
    od
}

inline empty_client(i)
{
    do
    :: nempty(to_client[i]) -> to_client[i]?lost_type(lost_1, lost_2, lost_what)
    :: empty(to_client[i]) -> break
    od
}

/* ---- what really happened: for the properties alone, no rule looks at it ---- */

byte runs[CALLS + 1]; /* how often each call took effect */
mtype told[CALLS + 1] = NOTHING;
byte losses;
byte expiries;
byte crashes;
byte drains;
byte refusals;
byte withdrawals;
byte deadlines;
bool forgot;  /* a server has lost what it knew of the session: by the lease, or with its memory */
bool retired; /* or because it has left in good order, which only those may notice who lose a connection then */
#define all_told (told[1] != NOTHING && told[CALLS] != NOTHING)

/* BLIND: the formulas below have to see it alone. */
#define must(property) assert(the(BLIND) || (property))

/* The promise at the moment a call takes effect. */
inline take_effect(x)
{
    runs[x] = runs[x] + 1;
    must(runs[x] == 1 || is_idempotent(x)); /* never twice */
    must(told[x] != NOT_EXECUTED)           /* nor later, when it was said that it never would */
}

#include "client.pml"
#include "server.pml"

init
{
    atomic {
        c_code { read_settings(); };
        start_client();
        run client();
        start_server(0);
        run server(0);
        if
        :: the(SERVERS) > 1 -> start_server(1); run server(1)
        :: else
        fi
    }
}

/* ---- the promise over whole histories, and that every call ends ---- */

ltl never_twice { [] (runs[1] <= 1 && runs[CALLS] <= 1) }
ltl truth { [] ((told[1] == NOT_EXECUTED -> [] (runs[1] == 0)) && (told[1] == EXECUTED -> [] (runs[1] == 1))) }
ltl ends { <> all_told }
