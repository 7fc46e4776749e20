/* The witness, as witness.h says.  A waiting line knows how long the journal was when it was noted: what a crash has
 * left of it in the journal stands behind that.
 * It must not know: accounts.
 * Reads best next: bank_server.c. */
#include "witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "journal.h"

enum { METHOD_BYTES = 16, NUMBER_BYTES = 8 };

struct line {
    uint64_t journal_bytes;
    char op_id[OP_ID_DIGITS + 1];
    char method[METHOD_BYTES];
};

/* One that is to be written when its transaction is committed. */
struct noted {
    struct witness *witness;
    uint64_t number;
    struct line line;
};

/* Big-endian: in order as bytes. */
static MDB_val key_of(unsigned char *bytes, uint64_t number)
{
    for (int i = NUMBER_BYTES - 1; i >= 0; i--, number >>= 8)
        bytes[i] = (unsigned char)number;
    return (MDB_val){NUMBER_BYTES, bytes};
}

static uint64_t number_of(const MDB_val *key)
{
    uint64_t number = 0;
    for (size_t i = 0; i < key->mv_size && i < NUMBER_BYTES; i++)
        number = number << 8 | ((const unsigned char *)key->mv_data)[i];
    return number;
}

/* ---- while the server runs ---- */

static void on_committed(bool committed, void *user)
{
    struct noted *noted = user;
    if (committed)
        journal_append(noted->witness->journal, noted->line.op_id, noted->line.method);
    if (committed && noted->number >= noted->witness->written)
        noted->witness->written = noted->number + 1;
    free(noted);
}

/* Lines that stand in the journal need not wait any more. */
static int forget_written(const struct witness *witness, MDB_txn *txn)
{
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    int error = mdb_cursor_open(txn, witness->lines, &cursor);
    if (error != 0)
        return error;
    while ((error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0 && number_of(&key) < witness->written)
        if ((error = mdb_cursor_del(cursor, 0)) != 0)
            break;
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : error;
}

bool witness_note(struct witness *witness, semel_request *request, const char *op_id, const char *method)
{
    unsigned char bytes[NUMBER_BYTES];
    struct stat journal;
    MDB_txn *txn = semel_request_transaction(request);
    struct noted *noted = calloc(1, sizeof *noted);
    if (noted == NULL)
        return false;
    noted->witness = witness;
    noted->number = witness->next;
    snprintf(noted->line.op_id, sizeof noted->line.op_id, "%s", op_id);
    snprintf(noted->line.method, sizeof noted->line.method, "%s", method);
    if (witness->journal->fd >= 0 && fstat(witness->journal->fd, &journal) == 0)
        noted->line.journal_bytes = (uint64_t)journal.st_size;
    MDB_val key = key_of(bytes, noted->number);
    MDB_val value = {sizeof noted->line, &noted->line};
    if (forget_written(witness, txn) != 0 || mdb_put(txn, witness->lines, &key, &value, 0) != 0 ||
        !semel_request_when_committed(request, on_committed, noted)) {
        free(noted);
        return false;
    }
    witness->next++;
    return true;
}

/* ---- after a crash ---- */

/* The journal from one of its bytes on, as a string; without a path it is empty.  NULL: it cannot be read. */
static char *read_from(const char *path, uint64_t at)
{
    if (path == NULL)
        return calloc(1, 1);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return NULL;
    char *text = NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        size_t size = end > (long)at ? (size_t)(end - (long)at) : 0;
        text = calloc(1, size + 1);
        if (text != NULL && (fseek(file, (long)at, SEEK_SET) != 0 || fread(text, 1, size, file) != size)) {
            free(text);
            text = NULL;
        }
    }
    fclose(file);
    return text;
}

/* Lines go into the journal in the order of their numbers, so that each is looked for behind the one before. */
static const char *catch_up_line(struct witness *witness, const struct line *line, const char *tail)
{
    char text[64];
    snprintf(text, sizeof text, "%s %s\n", line->op_id, line->method);
    const char *found = strstr(tail, text);
    if (found != NULL)
        return found + strlen(text);
    journal_append(witness->journal, line->op_id, line->method);
    return tail;
}

static const char *catch_up(struct witness *witness, MDB_txn *txn, const char *path)
{
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    char *text = NULL;
    const char *tail = NULL;
    int error = mdb_cursor_open(txn, witness->lines, &cursor);
    if (error != 0)
        return mdb_strerror(error);
    const char *problem = NULL;
    while ((error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        struct line line;
        problem = "the lines that wait for the journal make no sense";
        if (value.mv_size != sizeof line)
            break;
        memcpy(&line, value.mv_data, sizeof line);
        line.op_id[OP_ID_DIGITS] = line.method[METHOD_BYTES - 1] = '\0';
        if (!journal_op_id_valid(line.op_id))
            break;
        /* What is not known to be missing is not written: the witness would count it twice. */
        problem = "the journal cannot be read, to see which of its last lines are missing";
        if (text == NULL)
            tail = text = read_from(path, line.journal_bytes);
        if (text == NULL)
            break;
        problem = NULL;
        tail = catch_up_line(witness, &line, tail);
        witness->next = number_of(&key) + 1;
    }
    mdb_cursor_close(cursor);
    free(text);
    witness->written = witness->next;
    return error != 0 && error != MDB_NOTFOUND ? mdb_strerror(error) : problem;
}

const char *witness_open(struct witness *witness, MDB_env *env, struct journal *journal, const char *path)
{
    MDB_txn *txn;
    *witness = (struct witness){.journal = journal, .next = 1, .written = 1};
    int error = mdb_txn_begin(env, NULL, 0, &txn);
    if (error != 0)
        return mdb_strerror(error);
    error = mdb_dbi_open(txn, "bank.witness", MDB_CREATE, &witness->lines);
    const char *problem = error != 0 ? mdb_strerror(error) : catch_up(witness, txn, path);
    if (problem != NULL) {
        mdb_txn_abort(txn);
        return problem;
    }
    error = mdb_txn_commit(txn);
    return error != 0 ? mdb_strerror(error) : NULL;
}
