#!/usr/bin/env bash
# Connections are made, but what one side says on them is lost: HELLO or WELCOME, twice in a row, with calls under way.
# It must not know how the two sides count connections.
# Reads best next: nat.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

net_host client 10.77.0.1
net_host a 10.77.0.11
net_server a --delay-ms 20
net_load deposits client 10.77.0.11 --calls 1000000

is_dialled() { [[ -n $(net_ports client) ]]; }

# given_up: waits until the client has a connection, and then until it has given that one up.
given_up() {
    local ports
    net_until 5 is_dialled || scene_fail "the client does not dial"
    mapfile -t ports < <(net_ports client)
    net_until 5 net_gone net_ports client "${ports[@]}" || scene_fail "the client holds on to a mute connection"
}

# mute RULE WHAT: a SYN takes 60 bytes at most, an ACK 52 or so; all that is longer carries a word of somebody.
mute() {
    local start
    net_advance deposits 300
    net_rule "$1 ip length > 60 drop"
    given_up # the one that was in use
    given_up # two that got no answer
    given_up
    net_mend
    start=$(net_now_us)
    net_advance deposits 200
    net_within 3000 "$start" "going on after $2"
}

mute 'iifname "a"' "lost WELCOMEs"
mute 'oifname "a"' "lost HELLOs"

net_stop deposits
calls=$(scene_field calls)
net_expect ok -eq "$calls"
net_expect connections -eq 3
net_expect resumed -eq 2
net_expect replays -gt 0
dials=$(scene_field dials)
((dials >= 7)) || scene_fail "only $dials dials"
scene_stop server-a
net_expect welcomed -ge 5
net_audit a -- deposits -- --asked "$calls" --server-lived
net_books_row "lost greetings" "$dials dials, 3 connections" "going on after at most $net_worst_ms ms"
echo passed
