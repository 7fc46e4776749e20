/* The registry of sessions and the rules of acceptance.
 *
 * Reads best next: sessions.h. */
#include "core/sessions.h"

#include <assert.h>
#include <stdlib.h>

#include "core/digest.h"
#include "core/limits.h"
#include "core/units.h"

bool sessions_init(struct sessions *sessions, const struct sessions_options *options)
{
    uint32_t buckets = 64;
    while (buckets < options->limit && buckets < 65536)
        buckets *= 2;
    *sessions = (struct sessions){
        .buckets = calloc(buckets, sizeof(struct session *)),
        .name_buckets = calloc(buckets, sizeof(struct session_name *)),
        .bucket_count = buckets,
        .limit = options->limit,
        .window = options->window,
        .lease_ns = options->lease_ns,
        .domain_id = options->domain_id,
        .incarnation = options->incarnation,
        .forgetting = options->forgetting,
        .hash_seed = options->hash_seed,
        .domain = {.keep_reply = options->keep_reply,
                   .keep_total = options->keep_total,
                   .journal = options->journal},
    };
    if (sessions->buckets != NULL && sessions->name_buckets != NULL)
        return true;
    free(sessions->buckets);
    free(sessions->name_buckets);
    return false;
}

/* ---- by id ---- */

static struct session **bucket_of(const struct sessions *sessions, const struct id *id)
{
    /* Ids are random, but a hostile client chooses its own: hash them all the same. */
    uint64_t hash = digest(id->bytes, sizeof id->bytes, sessions->hash_seed);
    return &sessions->buckets[hash & (sessions->bucket_count - 1)];
}

struct session *sessions_find(const struct sessions *sessions, const struct id *id)
{
    for (struct session *session = *bucket_of(sessions, id); session != NULL; session = session->next_in_bucket)
        if (id_equal(&session->id, id))
            return session;
    return NULL;
}

/* ---- by name ---- */

static struct session_name **name_bucket_of(const struct sessions *sessions, const char *text, uint16_t size)
{
    uint64_t hash = digest(text, size, sessions->hash_seed);
    return &sessions->name_buckets[hash & (sessions->bucket_count - 1)];
}

static struct session_name *find_name(const struct sessions *sessions, const char *text, uint16_t size,
                                      uint64_t subject)
{
    struct session_name *name = size == 0 ? NULL : *name_bucket_of(sessions, text, size);
    while (name != NULL &&
           (name->subject != subject || name->size != size || memcmp(name->text, text, size) != 0))
        name = name->next_in_bucket;
    return name;
}

/* Frees a name that no session has any more. */
static void settle_name(struct sessions *sessions, struct session_name *name)
{
    if (name == NULL || name->pinned || name->sessions != NULL)
        return;
    struct session_name **link = name_bucket_of(sessions, name->text, name->size);
    while (*link != name)
        link = &(*link)->next_in_bucket;
    *link = name->next_in_bucket;
    free(name);
}

static void drop_name(struct sessions *sessions, struct session *session)
{
    struct session_name *name = session->name;
    if (name == NULL)
        return;
    struct session **of_name = &name->sessions;
    while (*of_name != session)
        of_name = &(*of_name)->next_of_name;
    *of_name = session->next_of_name;
    session->name = NULL;
    settle_name(sessions, name);
}

static struct session_name *take_name(struct sessions *sessions, const struct hello *hello, uint64_t subject)
{
    struct session_name *name = find_name(sessions, hello->name, hello->name_size, subject);
    if (name == NULL) {
        name = calloc(1, sizeof *name);
        if (name == NULL)
            return NULL;
        name->subject = subject;
        name->size = hello->name_size;
        memcpy(name->text, hello->name, hello->name_size);
        struct session_name **bucket = name_bucket_of(sessions, name->text, name->size);
        name->next_in_bucket = *bucket;
        *bucket = name;
    }
    return name;
}

/* Counts displacements within a window of time: a restarted node displaces once, two nodes that share a name do it
 * again and again. */
static void count_displacement(struct session_name *name, int64_t now_ns)
{
    if (now_ns - name->window_start_ns > LIMIT_NAME_CONFLICT_MS * MS_IN_NS) {
        name->window_start_ns = now_ns;
        name->displacements = 0;
    }
    name->displacements++;
}

static bool name_in_conflict(const struct session_name *name, int64_t now_ns)
{
    return name->displacements >= LIMIT_NAME_DISPLACEMENTS &&
           now_ns - name->window_start_ns <= LIMIT_NAME_CONFLICT_MS * MS_IN_NS;
}

/* ---- the list of silent sessions ---- */

static void silent_append(struct sessions *sessions, struct session *session)
{
    session->silent_prev = sessions->silent_tail;
    session->silent_next = NULL;
    if (sessions->silent_tail == NULL)
        sessions->silent_head = session;
    else
        sessions->silent_tail->silent_next = session;
    sessions->silent_tail = session;
}

static void silent_remove(struct sessions *sessions, struct session *session)
{
    if (session->silent_prev == NULL)
        sessions->silent_head = session->silent_next;
    else
        session->silent_prev->silent_next = session->silent_next;
    if (session->silent_next == NULL)
        sessions->silent_tail = session->silent_prev;
    else
        session->silent_next->silent_prev = session->silent_prev;
}

/* ---- the journal ---- */

static void logged_remove(struct sessions *sessions, struct session *session)
{
    if (session->logged_from == 0)
        return;
    if (session->logged_prev == NULL)
        sessions->logged_head = session->logged_next;
    else
        session->logged_prev->logged_next = session->logged_next;
    if (session->logged_next == NULL)
        sessions->logged_tail = session->logged_prev;
    else
        session->logged_next->logged_prev = session->logged_prev;
    session->logged_from = 0;
}

void sessions_logged_from(struct sessions *sessions, struct session *session, uint64_t batch)
{
    if (sessions->rewritten == session)
        sessions->rewritten = NULL;
    logged_remove(sessions, session);
    assert(batch > 0);
    /* Only sessions that came while this one was written again stand behind it. */
    struct session *before = sessions->logged_tail;
    while (before != NULL && before->logged_from > batch)
        before = before->logged_prev;
    session->logged_from = batch;
    session->logged_prev = before;
    session->logged_next = before != NULL ? before->logged_next : sessions->logged_head;
    *(before != NULL ? &before->logged_next : &sessions->logged_head) = session;
    *(session->logged_next != NULL ? &session->logged_next->logged_prev : &sessions->logged_tail) = session;
}

void sessions_log(struct sessions *sessions, const struct session *session)
{
    journal_write(sessions->domain.journal, &(struct journal_entry){.kind = JOURNAL_SESSION,
                                                                    .life = session->born,
                                                                    .session = session->id,
                                                                    .subject = session->subject,
                                                                    .attempt = session->attempt,
                                                                    .connection = session->connection_number,
                                                                    .floor = session->table.floor});
}

/* A session that was just accepted.  All of a new life is told from here on. */
static void log_accepted(struct sessions *sessions, struct session *session)
{
    if (sessions->domain.journal == NULL)
        return;
    sessions_log(sessions, session);
    session->table.floor_ahead = false;
    if (session->logged_from == 0)
        sessions_logged_from(sessions, session, sessions->domain.journal->number);
}

/* A life is over, and nothing that is told of it later can bring it back: what it remembered may be deleted. */
static void log_ended(struct sessions *sessions, struct session *session)
{
    if (sessions->rewritten == session)
        sessions->rewritten = NULL;
    logged_remove(sessions, session);
    if (sessions->domain.journal != NULL && session->born != 0)
        journal_write(sessions->domain.journal,
                      &(struct journal_entry){.kind = JOURNAL_ENDED, .life = session->born});
}

/* Forgets a silent session whole. */
static void forget(struct sessions *sessions, struct session *session)
{
    assert(session->connection == NULL);
    if (session->peer != NULL)
        sessions->forgetting(session);
    log_ended(sessions, session);
    silent_remove(sessions, session);
    drop_name(sessions, session);
    dedup_fini(&session->table);
    struct session **link = bucket_of(sessions, &session->id);
    while (*link != session)
        link = &(*link)->next_in_bucket;
    *link = session->next_in_bucket;
    sessions->count--;
    free(session);
}

void sessions_fini(struct sessions *sessions)
{
    sessions->domain.journal = NULL;
    while (sessions->silent_head != NULL)
        forget(sessions, sessions->silent_head);
    assert(sessions->count == 0 && sessions->domain.kept_bytes == 0 && sessions->domain.kept_replies == 0 &&
           sessions->domain.told_bytes == 0);
    free(sessions->buckets);
    free(sessions->name_buckets);
}

/* The longest silent session that has nothing to protect, and may be forgotten to make room: its client, should it come
 * back, is answered NEW, which is true.  NULL: none. */
static struct session *spare(const struct sessions *sessions)
{
    struct session *session = sessions->silent_head;
    while (session != NULL && session->table.records > 0)
        session = session->silent_next;
    return session;
}

static bool has_room(const struct sessions *sessions)
{
    return sessions->count < sessions->limit || spare(sessions) != NULL;
}

/* ---- judging ---- */

/* RESUMED means: what the client wrote under its last WELCOME can be replayed, because this table has seen it.  It is
 * not enough that the session is known: its entry may have been made anew by an offer whose WELCOME the client never
 * saw.  So the last connection the client saw must be of this entry's life. */
static bool may_resume(const struct sessions *sessions, const struct session *session,
                       const struct hello *hello)
{
    if (id_is_none(&hello->last_domain))
        return true; /* it has seen no WELCOME, so it has written nothing yet */
    return id_equal(&hello->last_domain, &sessions->domain_id) && hello->last_connection >= session->born &&
           hello->last_connection <= session->connection_number;
}

/* The same for calls back, whose table is the client's: it empties it whenever it hears NEW, or hears another process
 * than the last time, for only the process that wrote a call can replay it.  It tells which process it heard last, and
 * by its number whether the table is the one it had. */
static bool may_resume_back(const struct sessions *sessions, const struct session *session,
                            const struct hello *hello)
{
    bool heard_this = id_is_none(&hello->last_domain) || hello->last_incarnation == sessions->incarnation;
    return heard_this && hello->table != 0 && hello->table == session->back_table;
}

static struct sessions_judgment refuse(struct session *session, enum semel_reason reason)
{
    return (struct sessions_judgment){.session = session, .refusal = reason};
}

static bool is_live_namesake(const struct session *session, const struct hello *hello)
{
    return session->connection != NULL && session->node_instance != hello->node_instance &&
           !id_equal(&session->id, &hello->session);
}

/* A live session of another life of this node, one that leaves room when it is gone before others; NULL: none. */
static struct session *live_namesake(const struct session_name *name, const struct hello *hello)
{
    struct session *found = NULL;
    for (struct session *session = name != NULL ? name->sessions : NULL; session != NULL;
         session = session->next_of_name) {
        if (!is_live_namesake(session, hello))
            continue;
        if (session->table.records == 0)
            return session;
        found = session;
    }
    return found;
}

struct sessions_judgment sessions_judge(const struct sessions *sessions, const struct hello *hello,
                                        uint64_t subject, int64_t now_ns)
{
    struct session *session = sessions_find(sessions, &hello->session);
    if (session != NULL && session->subject != subject)
        return refuse(session, SEMEL_REASON_SUBJECT_MISMATCH);
    if (session != NULL && hello->attempt == session->attempt)
        return refuse(session, SEMEL_REASON_ATTEMPT_DUPLICATE);
    if (session != NULL && hello->attempt < session->attempt)
        return refuse(session, SEMEL_REASON_ATTEMPT_STALE);

    const struct session_name *name = find_name(sessions, hello->name, hello->name_size, subject);
    struct session *displaced = live_namesake(name, hello);
    if (displaced != NULL && name_in_conflict(name, now_ns))
        return refuse(session, SEMEL_REASON_NAME_CONFLICT);
    bool room = has_room(sessions) || (displaced != NULL && displaced->table.records == 0);
    if (session == NULL && !room)
        return refuse(session, SEMEL_REASON_TOO_MANY_SESSIONS);
    bool resumed = session != NULL && may_resume(sessions, session, hello);
    return (struct sessions_judgment){
        .accept = true,
        .session = session,
        .resumed = resumed,
        .back_resumed = resumed && may_resume_back(sessions, session, hello),
        .displaced = displaced,
    };
}

/* ---- accepting ---- */

static struct session *add(struct sessions *sessions, const struct id *id, uint64_t subject, uint64_t floor)
{
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->id = *id;
    session->subject = subject;
    dedup_init(&session->table, &sessions->domain, floor, sessions->window);
    struct session **bucket = bucket_of(sessions, &session->id);
    session->next_in_bucket = *bucket;
    *bucket = session;
    sessions->count++;
    silent_append(sessions, session);
    return session;
}

static struct session *create(struct sessions *sessions, const struct hello *hello, uint64_t subject)
{
    if (!has_room(sessions))
        return NULL;
    if (sessions->count >= sessions->limit)
        forget(sessions, spare(sessions));
    return add(sessions, &hello->session, subject, hello->floor);
}

struct session *sessions_recall(struct sessions *sessions, const struct journal_entry *entry, int64_t now_ns)
{
    struct session *session = add(sessions, &entry->session, entry->subject, entry->floor);
    if (session == NULL)
        return NULL;
    session->attempt = entry->attempt;
    session->born = session->table.life = entry->life;
    session->connection_number = entry->connection;
    session->silent_since_ns = now_ns;
    return session;
}

static void hold_name(struct sessions *sessions, struct session *session, const struct hello *hello,
                      bool displaces, int64_t now_ns)
{
    bool same = session->name != NULL && session->name->size == hello->name_size &&
                memcmp(session->name->text, hello->name, hello->name_size) == 0;
    if (!same)
        drop_name(sessions, session);
    session->node_instance = hello->node_instance;
    if (hello->name_size == 0)
        return;
    if (session->name == NULL) {
        session->name = take_name(sessions, hello, session->subject);
        /* Without memory for it the name is not watched: it is a help for operators, no part of the promise. */
        if (session->name == NULL)
            return;
        session->next_of_name = session->name->sessions;
        session->name->sessions = session;
    }
    if (displaces)
        count_displacement(session->name, now_ns);
}

/* The session of an offer.  Room for a new one may be made of the last session that has its name; what is known of that
 * name must outlive it. */
static struct session *session_for(struct sessions *sessions, const struct hello *hello, uint64_t subject,
                                   const struct sessions_judgment *judgment)
{
    if (judgment->session != NULL)
        return judgment->session;
    struct session_name *name = find_name(sessions, hello->name, hello->name_size, subject);
    if (name != NULL)
        name->pinned = true;
    struct session *session = create(sessions, hello, subject);
    if (name != NULL)
        name->pinned = false;
    if (session == NULL)
        settle_name(sessions, name);
    return session;
}

/* A new life: the client will hear NEW and replay nothing, so that nothing of the old one is wanted. */
static void begin_life(struct sessions *sessions, struct session *session, uint64_t floor)
{
    log_ended(sessions, session);
    session->born = session->connection_number;
    dedup_fini(&session->table);
    dedup_init(&session->table, &sessions->domain, floor, sessions->window);
    session->table.life = session->born;
}

struct session *sessions_accept(struct sessions *sessions, const struct hello *hello, uint64_t subject,
                                const struct sessions_judgment *judgment, void *connection, int64_t now_ns)
{
    assert(judgment->accept && judgment->displaced == NULL);
    struct session *session = session_for(sessions, hello, subject, judgment);
    if (session == NULL)
        return NULL;
    assert(session->connection == NULL);
    silent_remove(sessions, session);
    session->connection = connection;
    session->connection_number = ++sessions->last_connection;
    session->attempt = hello->attempt;
    if (!judgment->resumed)
        begin_life(sessions, session, hello->floor);
    dedup_ack(&session->table, hello->floor);
    session->back_window = hello->window;
    log_accepted(sessions, session);
    hold_name(sessions, session, hello, judgment->displaces, now_ns);
    return session;
}

void sessions_welcomed(struct session *session, const struct hello *hello)
{
    session->back_table = hello->table;
}

void sessions_detach(struct sessions *sessions, struct session *session, int64_t now_ns)
{
    assert(session->connection != NULL);
    session->connection = NULL;
    session->silent_since_ns = now_ns;
    dedup_trim(&session->table);
    silent_append(sessions, session);
}

void sessions_expire(struct sessions *sessions, int64_t now_ns)
{
    while (sessions->silent_head != NULL && sessions_next_expiry(sessions) <= now_ns) {
        forget(sessions, sessions->silent_head);
        sessions->expired++;
    }
}

int64_t sessions_next_expiry(const struct sessions *sessions)
{
    if (sessions->silent_head == NULL)
        return INT64_MAX;
    return sessions->silent_head->silent_since_ns + sessions->lease_ns;
}
