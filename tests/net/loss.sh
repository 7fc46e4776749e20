#!/usr/bin/env bash
# The switch loses 10, 20 and 30 of a hundred frames, in both directions, whatever they are.
# It must not know what the kernel sends again and what Semel does.
# Reads best next: deadline.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

net_host client 10.77.0.1
net_host a 10.77.0.11

# lose PERCENT: deposits and notes over such a line; all of them end OK, each executed once.
lose() {
    local start replays connections calls
    net_server a --delay-ms 5
    net_load "deposits$1" client 10.77.0.11 --calls 1000000 --window 16 --OnUnavailable=wait
    net_load "notes$1" client 10.77.0.11 --calls 1000000 --window 16 --op note --rate 200 --OnUnavailable=wait
    # It begins when they are under way: an unlucky first frame would only prove that ARP waits for a second.
    net_advance "deposits$1" 100
    net_advance "notes$1" 20
    net_rule "numgen random mod 100 < $1 drop"
    start=$(net_now_us)
    net_advance "deposits$1" 200
    net_advance "notes$1" 40
    net_worst_ms=0
    net_within 40000 "$start" "200 deposits and 40 notes at $1 % loss"
    net_mend
    net_stop "notes$1"
    calls=$(scene_field calls)
    net_expect ok -eq "$calls"
    net_stop "deposits$1"
    net_expect ok -eq "$(scene_field calls)"
    calls=$((calls + $(scene_field calls))) connections=$(scene_field connections) replays=$(scene_field replays)
    scene_stop server-a
    net_audit a -- "deposits$1" "notes$1" -- --asked "$calls" --server-lived
    net_books_row "$1 % loss" "$connections connections" "$replays replays" "200 deposits in $net_worst_ms ms"
    rm "$scene_dir/a.journal"
}

lose 10
lose 20
lose 30
echo passed
