#!/usr/bin/env bash
# SIGTERM under load, and a new server at the same place: a rolling restart fails no call, oneway ones included.
# It must not know what a drain sends.
# Reads best next: usage.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# restart_under OP CALLS SERVER_OPTION...: drained after a quarter, a half and three quarters of the calls.
restart_under() {
    local op=$1 calls=$2 port quarter
    shift 2
    step "$op $*"
    port=$(scene_free_port)
    server --listen "tcp://127.0.0.1:$port" "$@"
    load --to "tcp://127.0.0.1:$port" --op "$op" --calls "$calls" --announce $((calls / 4))
    for quarter in 1 2 3; do
        scene_await load "completed $((calls * quarter / 4))"
        scene_stop server
        server --listen "tcp://127.0.0.1:$port" "$@"
    done
    wait_for_load
    expect ok -eq "$calls"
    # On a busy machine the load may be done before the last restart.
    expect connections -ge 2
    scene_stop server
}

for op in deposit set-limit note; do
    restart_under "$op" 40000
    audit --asked 40000 --server-lived
done
restart_under deposit 4000 --delay-ms 10
audit --asked 4000 --server-lived
restart_under balance 4000 --delay-ms 10

step "an idle server drains at once"
server
scene_stop server

echo passed
