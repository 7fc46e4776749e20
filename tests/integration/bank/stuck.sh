#!/usr/bin/env bash
# A process that is stopped while its host lives on: the other side finds it out within the heartbeat, says what it is, and
# goes on; nothing runs twice when it wakes up.
# It must not know how hosts are told from processes.
# Reads best next: failover.sh; tests/net/silent_server.sh, where the host is gone.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=lateness.sh
source "$(dirname "$0")/lateness.sh"

heartbeat_ms=1500

now_us() { printf '%s' "${EPOCHREALTIME/./}"; }

# in_time T WHAT: within the heartbeat, the fifth of it that a look may come later, and what a busy machine takes.
in_time() {
    local took=$((($(now_us) - $1) / 1000)) late
    late=$(late_ms "$1")
    ((took <= heartbeat_ms * 6 / 5 + 1500 + 3 * late)) ||
        scene_fail "$2 took $took ms, and a process waits $late ms here"
    printf -- '   %s: %d ms (heartbeat %d ms)\n' "$2" "$took" "$heartbeat_ms"
}

stuck="heartbeat missed, though the peer's host acknowledges all it is sent"

step "a server is stopped: its calls go on at the other one"
for place in a b; do
    scene_start "server-$place" "$bin/bank-server" --listen "tcp://$scene_here:0" --journal "$scene_dir/journal-$place" \
        --delay-ms 5
done
load --to "${scene_address[server-a]},${scene_address[server-b]}" --calls $endless --announce 100 --verbose \
    --Heartbeat="${heartbeat_ms}ms"
await_calls 1000
start=$(now_us)
kill -STOP "${scene_pid[server-a]}"
await_line load "$stuck"
in_time "$start" "the client notices a stopped server"
await_calls 1000
stop_load
kill -CONT "${scene_pid[server-a]}"
expect failed_unknown -le 64
expect failed_not_executed -eq 0
expect PEER_STUCK -eq 1
for place in a b; do
    scene_stop "server-$place"
    expect executed -gt 0
done
"$bank/audit.sh" --journal "$scene_dir/journal-a" --journal "$scene_dir/journal-b" --results "$scene_dir/results" \
    --asked "$asked" || scene_fail "the audit"

stop_client() {
    step "a client is stopped: the server lets go of it, and knows it again when it wakes up: $1"
    server --listen "$1" --delay-ms 5 --verbose --Heartbeat="${heartbeat_ms}ms"
    : >"$scene_dir/server.err"
    load --to "${scene_address[server]}" --calls $endless --announce 100
    await_calls 1000
    start=$(now_us)
    kill -STOP "${scene_pid[load]}"
    await_line server "$stuck"
    in_time "$start" "the server notices a stopped client"
    kill -CONT "${scene_pid[load]}"
    await_calls 1000
    stop_load
    expect ok -eq "$asked"
    expect resumed -ge 1
    scene_stop server
    expect PEER_STUCK -eq 1
    audit --asked "$asked" --server-lived
}

stop_client tcp://127.0.0.1:0
stop_client "unix:$scene_dir/bank.sock"

echo passed
