#!/usr/bin/env bash
# A line that is dead in one direction only: first no request arrives, then no answer.  Everything is replayed.
# It must not know which side notices first.
# Reads best next: lost_welcome.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

net_host client 10.77.0.1
net_host a 10.77.0.11
net_server a --delay-ms 20
net_load deposits client 10.77.0.11 --calls 1000000
net_load notes client 10.77.0.11 --calls 1000000 --op note --rate 500

worst_noticed_ms=0
worst_back_ms=0

# cut_direction RULE: until both clients have given their connections up; then the line is mended.
cut_direction() {
    local ports start
    net_advance deposits 300
    net_advance notes 100
    mapfile -t ports < <(net_ports client)
    net_rule "$1 drop"
    start=$(net_now_us)
    net_until 10 net_gone net_ports client "${ports[@]}" || scene_fail "the clients hold on to a dead line ($1)"
    net_worst_ms=$worst_noticed_ms
    net_within $((heartbeat_ms * 6 / 5 + 600)) "$start" "noticing" "$net_not_yet_us"
    worst_noticed_ms=$net_worst_ms
    net_mend
    start=$(net_now_us)
    net_worst_ms=$worst_back_ms
    net_advance deposits 200
    net_advance notes 100
    # A SYN that was lost is sent again after a second, and one dial may take a second.
    net_within 3000 "$start" "going on"
    worst_back_ms=$net_worst_ms
}

for _ in 1 2; do
    cut_direction 'oifname "a"'
    cut_direction 'iifname "a"'
done

net_stop notes
net_expect ok -eq "$(scene_field calls)"
calls=$(scene_field calls)
net_stop deposits
net_expect ok -eq "$(scene_field calls)"
net_expect replays -gt 0
replays=$(scene_field replays)
calls=$((calls + $(scene_field calls)))
scene_stop server-a
net_audit a -- deposits notes -- --asked "$calls" --server-lived
net_books_row "asymmetric cut" "4 cuts, noticed after at most $worst_noticed_ms ms" \
    "going on $worst_back_ms ms after the mending" "$replays replays"
echo passed
