#!/usr/bin/env bash
# SIGTERM under load, and a new server at the same place: a rolling restart fails no call, and what ran is what was answered.
# It must not know what a drain sends.
# Reads best next: usage.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# The memory store forgets with its process: each new server is another domain.  So nothing may be under way when a
# drained one exits.

declare -A completed places
restarts=5

# serve PLACE OPTION...: a server at a port of its own, the same after each restart.
serve() {
    local place=$1
    shift
    [[ -n ${places[$place]-} ]] || { scene_new_place && places[$place]=tcp://$scene_place; }
    scene_start "server-$place" "$bin/bank-server" --listen "${places[$place]}" --journal "$scene_dir/journal" "$@"
}

# mix TO: deposits, notes (oneway) and reads at once, each with a window of 64, until they are told to stop.
mix() {
    local op
    for op in deposit note balance; do
        completed[$op]=0
        scene_spawn "$op" "$bin/bank-load" --to "$1" --op "$op" --calls 100000000 --window 64 --announce 100 \
            --results "$scene_dir/$op.results"
    done
}

# advance OP CALLS: until so many more have ended than by now.
advance() {
    local op=$1 until
    while read -r -t 0 -u "${scene_out[$op]}"; do read_completed "$op"; done
    until=$((completed[$op] + $2))
    while ((completed[$op] < until)); do read_completed "$op"; done
}

read_completed() {
    scene_read "$1" || scene_fail "$1 ended, or fell silent, after ${completed[$1]} calls"
    [[ $scene_line == "completed "* ]] || scene_fail "$1 said: $scene_line"
    completed[$1]=${scene_line#completed }
}

all_advance() {
    local op
    for op in deposit note balance; do advance "$op" 300; done
}

# unmix: lets end what is under way; not one call of any kind may have failed.  Its calls but the reads are in $asked.
unmix() {
    local op
    asked=0
    for op in deposit note balance; do
        kill -TERM "${scene_pid[$op]}"
        scene_wait "$op"
        # 1: bank-load's word for "not all of the calls".
        [[ $scene_code == 1 && $scene_line == "{"* ]] || scene_fail "$op ended with status $scene_code: $scene_line"
        expect failed_not_executed -eq 0
        expect failed_executed -eq 0
        expect failed_unknown -eq 0
        expect ok -eq "$(scene_field calls)"
        expect connections -ge "$((restarts + 1))"
        [[ $op == balance ]] || ((asked += $(scene_field ok)))
    done
}

# books: the journal holds each deposit and each note that was answered, once, and nothing else.
books() {
    local said
    said=$("$bank/audit.sh" --journal "$scene_dir/journal" --results "$scene_dir/deposit.results" \
        --results "$scene_dir/note.results" --asked "$asked" --server-lived) || scene_fail "the audit: $said"
    grep -qE "^  executed \(journal\) +$asked\$" <<<"$said" || scene_fail "$asked answered OK: $said"
    printf '%s\n' "$said"
    rm -f "$scene_dir/journal"
}

step "one server, restarted $restarts times at its port"
serve here
mix "${places[here]}"
for ((restart = 0; restart < restarts; restart++)); do
    all_advance
    scene_stop server-here
    serve here
done
all_advance
unmix
scene_stop server-here
books

step "the same with 10 ms of work a call"
serve here --delay-ms 10
mix "${places[here]}"
for ((restart = 0; restart < restarts; restart++)); do
    all_advance
    scene_stop server-here
    serve here --delay-ms 10
done
all_advance
unmix
scene_stop server-here
books

step "two servers, restarted in turns"
serve here --delay-ms 2
serve there --delay-ms 2
mix "${places[here]},${places[there]}"
for ((restart = 0; restart < restarts; restart++)); do
    for place in here there; do
        all_advance
        scene_stop "server-$place"
        serve "$place" --delay-ms 2
    done
done
all_advance
unmix
scene_stop server-here
scene_stop server-there
books

step "idempotent writes"
serve here
load --to "${places[here]}" --op set-limit --calls 40000 --announce 10000
for quarter in 1 2 3; do
    scene_await load "completed $((quarter * 10000))"
    scene_stop server-here
    serve here
done
wait_for_load
expect ok -eq 40000
scene_stop server-here
audit --asked 40000 --server-lived

step "an idle server drains at once"
server
scene_stop server

echo passed
