#!/usr/bin/env bash
# Every operation under load, over TCP and a Unix socket, with nothing broken.
# It must not know of faults.
# Reads best next: faults.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# one_load OP TO: on a server of its own; TO empty: by TCP.
one_load() {
    step "$1 ${2:-tcp}"
    server --listen tcp://127.0.0.1:0 --listen "unix:$scene_dir/socket"
    load --to "${2:-${scene_address[server]}}" --op "$1" --calls 2000 --window 50
    wait_for_load
    expect calls -eq 2000
    expect ok -eq 2000
    expect retries -eq 0
    expect connections -eq 1
    scene_stop server
    expect requests -eq 2000
    expect executed -eq 2000
}

for to in "" "unix:$scene_dir/socket"; do
    for op in deposit withdraw set-limit note; do
        one_load "$op" "$to"
        audit --asked 2000 --server-lived
    done
    one_load balance "$to"
    [[ ! -s $scene_dir/journal ]] || scene_fail "reading left a trace in the journal"
done

step "a handler's error is an execution"
server --opening-balance 500
load --to "${scene_address[server]}" --op withdraw --calls 100 --accounts 1 --max-cents 1000000
wait_for_load
expect calls -eq 100
expect failed_executed -ge 90
expect failed_not_executed -eq 0
expect failed_unknown -eq 0
grep -q $'\tFAILED_PRECONDITION\tEXECUTED\t1\tDECLARED_ERROR\t' "$scene_dir/results" || scene_fail "no such result"
grep -q 'insufficient funds' "$scene_dir/load.err" || scene_fail "the message got lost"
scene_stop server
audit --asked 100 --server-lived

step "the rate is kept"
server
load --to "${scene_address[server]}" --op balance --calls 300 --rate 1000
wait_for_load
expect ok -eq 300
elapsed=$(scene_field elapsed_s)
# 300 calls at 1000 a second are not done before 0.29 s; how much later, the machine decides.
awk -v s="$elapsed" 'BEGIN { exit !(s >= 0.29) }' || scene_fail "done after $elapsed s already"
scene_stop server

echo passed
