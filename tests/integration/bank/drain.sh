#!/usr/bin/env bash
# SIGTERM under load, and a new server at the same place: a rolling restart fails no call, oneway ones included.
# It must not know what a drain sends.
# Reads best next: usage.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# restart_under OP SERVER_OPTION...: drained three times.
restart_under() {
    local op=$1 port at
    shift
    step "$op $*"
    port=$(scene_free_port)
    server --listen "tcp://127.0.0.1:$port" "$@"
    load --to "tcp://127.0.0.1:$port" --op "$op" --calls 4000 --announce 1000
    for at in 1000 2000 3000; do
        scene_await load "completed $at"
        scene_stop server
        server --listen "tcp://127.0.0.1:$port" "$@"
    done
    wait_for_load
    expect calls -eq 4000
    expect ok -eq 4000
    expect connections -eq 4
    scene_stop server
}

for op in deposit set-limit note; do
    restart_under "$op"
    audit --asked 4000 --server-lived
done
restart_under deposit --delay-ms 10
audit --asked 4000 --server-lived
restart_under balance --delay-ms 10

step "an idle server drains at once"
server
scene_stop server

echo passed
