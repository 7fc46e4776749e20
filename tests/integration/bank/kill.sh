#!/usr/bin/env bash
# kill -9 of the server under load, and of the client: what is told stays true, and nothing runs twice.
# It must not know how a verdict travels.
# Reads best next: drain.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# kill_under OP: about 50 calls are pending when the server dies; it comes back at once, without its memory.
kill_under() {
    scene_new_place
    server --listen "tcp://$scene_place" --delay-ms 20
    load --to "tcp://$scene_place" --op "$1" --calls $endless --rate 2500 --announce 100
    await_calls 1000
    scene_kill server
    server --listen "tcp://$scene_place" --delay-ms 20
    await_calls 1000
    stop_load
    scene_stop server
    scene_line=$told
}

step "deposits: UNKNOWN where it is unknown, and the new domain is named"
kill_under deposit
expect failed_unknown -gt 0
expect failed_unknown -le 64
expect failed_executed -eq 0
expect failed_not_executed -eq 0
grep -q $'\tUNKNOWN\t[0-9]*\tDOMAIN_CHANGED\t' "$scene_dir/results" || scene_fail "no result names DOMAIN_CHANGED"
grep -q 'R4' "$scene_dir/load.err" || scene_fail "no explanation names the rule"
audit --asked "$asked"

step "set-limit is idempotent: every call is answered"
kill_under set-limit
expect ok -eq "$asked"
audit --asked "$asked"

step "balance only reads: every call is answered"
kill_under balance
expect ok -eq "$asked"
rm -f "$scene_dir/journal"

step "no server comes back: calls end, and say what is known"
server --delay-ms 20
load --to "${scene_address[server]}" --calls $endless --announce 100 --RetryIntervals="0 10 10"
await_calls 1000
scene_kill server
until (($(grep -c NOT_EXECUTED "$scene_dir/results") > 0)); do await_calls 100; done
stop_load
expect failed_unknown -gt 0
expect failed_not_executed -gt 0
audit --asked "$asked"

step "the client is killed: the server runs nothing twice, and serves the next one"
server --delay-ms 5
load --to "${scene_address[server]}" --calls $endless --announce 100
await_calls 1000
scene_kill load
# The second client's results go elsewhere; the audit takes both.
mv "$scene_dir/results" "$scene_dir/first"
load --to "${scene_address[server]}" --calls 1000
wait_for_load
expect ok -eq 1000
scene_stop server
audit --results "$scene_dir/first" --client-died

echo passed
