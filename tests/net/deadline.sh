#!/usr/bin/env bash
# Deadlines pass while the line loses frames: what was told of a call must be true when its bytes arrive late, or never.
# It must not know which calls are late.
# Reads best next: flapping.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

net_host client 10.77.0.1
net_host a 10.77.0.11

# hurry PERCENT DEADLINE_MS: such a loss, and calls that have no time to wait for the kernel to send again.
hurry() {
    local load=hurry$1 calls
    net_server a --delay-ms 10
    net_load "$load" client 10.77.0.11 --calls 1000000 --rate 300 --deadline-ms "$2"
    net_advance "$load" 100
    net_rule "numgen random mod 100 < $1 drop"
    net_advance "$load" 400
    net_mend
    net_advance "$load" 100
    net_stop "$load"
    calls=$(scene_field calls)
    net_expect ok -gt 0
    net_expect failed_unknown -gt 0
    [[ $(net_reasons "$load") == DEADLINE ]] || scene_fail "UNKNOWN because of $(net_reasons "$load")"
    scene_stop server-a
    net_audit a -- "$load" -- --asked "$calls"
    net_books_row "$2 ms, $1 % loss" "$(net_book "failed, told NOT_EXECUTED") NOT_EXECUTED" \
        "$(net_book "told NOT_EXECUTED, but it ran") of them ran"
    rm "$scene_dir/a.journal"
}

hurry 20 30
hurry 30 100
echo passed
