#!/usr/bin/env bash
# A service address moves to another host and back, ten times, under load: the other host does not know the sessions.
# It must not know how the client finds out.
# Reads best next: silent_client.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

service=10.77.0.100

# What a cluster manager does on the host that takes over: the address, and a gratuitous ARP for everybody.
take() {
    ip -n "$1" addr add "$service/24" dev eth0
    net_on "$1" arping -q -U -c 1 -w 1 -I eth0 "$service"
}

give_up() { ip -n "$1" addr del "$service/24" dev eth0; }

net_host client 10.77.0.1
net_host a 10.77.0.11
net_host b 10.77.0.12
net_server a --delay-ms 20
net_server b --delay-ms 20
take a
net_load deposits client "$service" --calls 1000000 --window 64
net_load reads client "$service" --calls 1000000 --op balance --rate 500

# move FROM TO: how long until calls succeed there that were started after the move.
move() {
    local start before
    net_advance deposits 200
    before=$(net_lines "$2.journal")
    start=$(net_now_us)
    give_up "$1"
    take "$2" &
    # 64 were under way, and 20 may not have been announced.
    net_advance deposits 200
    net_within 3000 "$start" "going on at $2"
    (($(net_lines "$2.journal") > before)) || scene_fail "$2 has executed nothing"
    net_advance reads 50
    wait $! # or the next move would be faster than the announcement of this one
}

# With the default heartbeat the hosts stay as they are for longer: fewer moves.
pairs=$((heartbeat_ms > 1000 ? 2 : 5))
for ((i = 0; i < pairs; i++)); do
    move a b
    move b a
done

net_stop reads
net_expect ok -eq "$(scene_field calls)"
reads=$(scene_field ok)
net_stop deposits
calls=$(scene_field calls)
net_expect failed_not_executed -eq 0
net_expect failed_unknown -gt 0
net_expect failed_unknown -le $((2 * pairs * 64))
[[ $(net_reasons deposits) == DOMAIN_CHANGED ]] || scene_fail "UNKNOWN because of $(net_reasons deposits)"
scene_stop server-a
scene_stop server-b
net_audit a b -- deposits -- --asked "$calls"
net_books_row "take-over" "$((2 * pairs)) moves, new calls after at most $net_worst_ms ms" "$reads reads, all OK" \
    "heartbeat $heartbeat_ms ms"
echo passed
