#!/usr/bin/env bash
# No call outlives its deadline, whatever keeps its answer away, and what it is told at the deadline is true.
# It must not know how deadlines are kept.
# Reads best next: faults.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# in_time LEAST MOST: seconds the load took.  MOST is generous: machines are busy, but a forgotten deadline is 60 s.
in_time() {
    local took
    took=$(scene_field elapsed_s)
    awk -v t="$took" -v least="$1" -v most="$2" 'BEGIN { exit !(t >= least && t <= most) }' ||
        scene_fail "took $took s, not $1 to $2"
}

step "nobody listens"
scene_new_place
load --to "tcp://$scene_place" --calls 200 --deadline-ms 300
wait_for_load
expect calls -eq 200
expect failed_not_executed -eq 200
in_time 0 20

step "a server that accepts, and never says a word"
server
cutter --stall-every 1 --endless-percent 100 --endless-ms 600000
load --to "tcp://${scene_address[cutter]}" --calls 100 --deadline-ms 500
wait_for_load
expect failed_not_executed -eq 100
grep -q DEADLINE_EXCEEDED "$scene_dir/results" || scene_fail "no call met its deadline"
in_time 0.4 20
scene_stop cutter
scene_stop server

step "a server that is stopped in the middle: what was written is UNKNOWN"
# Six rounds of a fifth of a second are left when it is stopped.
server --delay-ms 200
load --to "${scene_address[server]}" --calls 700 --window 100 --deadline-ms 1000 --announce 100 --Heartbeat=30s
scene_await load "completed 100"
kill -STOP "${scene_pid[server]}"
wait_for_load
kill -CONT "${scene_pid[server]}"
expect calls -eq 700
expect failed_unknown -gt 0
grep -q $'DEADLINE_EXCEEDED\tUNKNOWN' "$scene_dir/results" || scene_fail "no deadline that is UNKNOWN"
scene_stop server
audit --asked 700

step "an answer that comes too late: the server knows that it ran"
server --delay-ms 3000
load --to "${scene_address[server]}" --calls 50 --window 50 --deadline-ms 1500
wait_for_load
expect calls -eq 50
expect ok -eq 0
expect failed_not_executed -eq 0
in_time 1.4 20
scene_stop server
audit --asked 50

echo passed
