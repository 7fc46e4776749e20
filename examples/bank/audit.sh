#!/usr/bin/env bash
# audit: compares what was executed (the server's journal) with what the clients were told (bank-load's results).
# It must not know how calls travel: it trusts two files only, and neither was written by Semel itself.
# Reads best next: run.sh, which shows it to people; README.md, "How to read the table".
set -euo pipefail

usage() {
    cat <<'END'
audit.sh: did any operation run twice, and was every caller told the truth?

usage: audit.sh --journal FILE... --results FILE... [--asked N] [--server-lived] [--client-died]

  --journal FILE   written by bank-server; may be repeated
  --results FILE   written by bank-load; may be repeated
  --asked N        this many calls must have ended, each exactly once
  --server-lived   the server was never killed: nothing may be UNKNOWN
  --client-died    a bank-load was killed: operations may have run that nobody was told of

It prints a table and, for each broken rule, up to five operations that break it.
Exit status: 0 all rules hold, 1 a rule is broken, 2 the command line or a file is wrong.
END
}

fail() {
    printf 'audit.sh: %s\n' "$1" >&2
    exit 2
}

journals=()
results=()
asked=-1
server_lived=0
client_died=0
while (($# > 0)); do
    case $1 in
        --journal | --results | --asked)
            (($# > 1)) || fail "$1 needs a value"
            if [[ $1 == --asked ]]; then
                [[ $2 =~ ^[0-9]+$ ]] || fail "--asked: \"$2\" is not a whole number"
                asked=$2
            else
                [[ -r $2 ]] || fail "$1: cannot read $2"
                if [[ $1 == --journal ]]; then journals+=("$2"); else results+=("$2"); fi
            fi
            shift 2
            ;;
        --server-lived) server_lived=1 && shift ;;
        --client-died) client_died=1 && shift ;;
        --help) usage && exit 0 ;;
        *) fail "unknown option $1 (try audit.sh --help)" ;;
    esac
done
((${#journals[@]} > 0)) || fail "--journal FILE is required (try audit.sh --help)"
((${#results[@]} > 0)) || fail "--results FILE is required (try audit.sh --help)"

# Plain POSIX awk: mawk, the awk of a small Debian, has no {16} in patterns.
exec awk -v asked="$asked" -v server_lived="$server_lived" -v client_died="$client_died" '
function is_op(text) { return length(text) == 16 && text !~ /[^0-9a-f]/ }

# Remembers that a rule was broken, with a few of the places.
function broken(rule, place) {
    if (++breaks[rule] == 1)
        rules[++rule_count] = rule
    if (breaks[rule] <= 5)
        places[rule] = places[rule] "\n      " place
}

function row(name, value) { printf "  %-34s %9d\n", name, value }

kind == "journal" {
    if (split($0, field, " ") != 2 || !is_op(field[1]) || field[2] ~ /[^A-Za-z]/) {
        broken("every journal line is OP_ID METHOD", FILENAME ": " $0)
        next
    }
    journal_lines++
    if (++executed[field[1]] == 1) {
        distinct++
        next
    }
    # The .proto marks SetLimit idempotent: only there is running again allowed.
    if (field[2] == "SetLimit")
        repeats++
    else {
        twice++
        broken("no operation is executed twice", field[1] " " field[2])
    }
    next
}

{
    n = split($0, field, "\t")
    outcome = field[3]
    if (n != 6 || !is_op(field[1]) || outcome !~ /^(EXECUTED|NOT_EXECUTED|UNKNOWN)$/) {
        broken("every result has six fields", FILENAME ": " $0)
        next
    }
    if (++told[field[1]] > 1)
        broken("every call ends exactly once", field[1])
    ended++
    ran = (field[1] in executed)
    heard += ran
    if (field[2] == "OK")
        ok++
    else
        failed[outcome]++
    if (field[2] == "OK" && outcome != "EXECUTED")
        broken("an OK call is EXECUTED", $0)
    if (outcome == "EXECUTED" && !ran) {
        lost++
        broken("what was told EXECUTED is in the journal", $0)
    }
    if (outcome == "NOT_EXECUTED" && ran) {
        lied++
        broken("what was told NOT_EXECUTED is not in the journal", $0)
    }
    unknown_ran += outcome == "UNKNOWN" && ran
    if (outcome == "UNKNOWN" && server_lived)
        broken("nothing is UNKNOWN while the server lives", $0)
}

END {
    if (asked >= 0 && ended != asked)
        broken("every call asked for has ended", asked " asked, " ended + 0 " ended")
    unheard = distinct - heard
    if (unheard > 0 && !client_died)
        broken("whoever runs an operation tells its caller", unheard " operations in the journal only")
    row("asked", asked >= 0 ? asked : ended)
    row("answered OK", ok)
    row("failed, told NOT_EXECUTED", failed["NOT_EXECUTED"])
    row("failed, told EXECUTED", failed["EXECUTED"])
    row("failed, told UNKNOWN", failed["UNKNOWN"])
    if (failed["UNKNOWN"] > 0)
        row("  of these, had run", unknown_ran)
    row("executed (journal)", distinct)
    row("executed twice", twice)
    if (repeats > 0)
        row("run again, being idempotent", repeats)
    row("lost (told executed, was not)", lost)
    row("told NOT_EXECUTED, but it ran", lied)
    for (i = 1; i <= rule_count; i++)
        printf "  BROKEN RULE: %s: %d time%s%s\n", rules[i], breaks[rules[i]], breaks[rules[i]] == 1 ? "" : "s", \
            places[rules[i]]
    exit rule_count > 0
}
' kind=journal "${journals[@]}" kind=results "${results[@]}"
