#!/usr/bin/env bash
# A client behind a gate that translates addresses, and forgets: its connection has another port or address all at once.
# It must not know what the server sees of it, nor who notices first.
# Reads best next: loss.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# The gate stands between the client and the switch.
net_host gate 10.77.0.1
net_host a 10.77.0.11
ip netns add client
ip -n client link add eth0 type veth peer name inner netns gate
ip -n gate addr add 192.168.77.1/24 dev inner
ip -n gate link set dev inner up
net_on gate sysctl -q -w net.ipv4.ip_forward=1
ip -n client link set dev eth0 up

client_address=
client_at() {
    [[ -z $client_address ]] || ip -n client addr del "$client_address/24" dev eth0
    client_address=$1
    ip -n client addr add "$1/24" dev eth0
    ip -n client route replace default via 192.168.77.1
}

# masquerade PORTS: what leaves the gate has such a port.
masquerade() {
    net_on gate nft -f - <<RULES
flush chain ip gate post
add rule ip gate post oifname "eth0" meta l4proto tcp masquerade to :$1
RULES
}

client_at 192.168.77.2
net_on gate nft 'add table ip gate'
net_on gate nft 'add chain ip gate post { type nat hook postrouting priority 100; }'
net_on gate nft 'add chain ip gate forward { type filter hook forward priority 0; }'
masquerade 20000-29999
net_server a --delay-ms 20
net_load deposits client 10.77.0.11 --calls 1000000

# The gate forgets all connections, and gives them other ports from now on.
rebind() {
    masquerade "$1"
    net_on gate conntrack -F 2>/dev/null
}

rebinds=0

# goes_on_after HOW COMMAND...: the server sees another port; what was under way is replayed; it works again in time.
goes_on_after() {
    local before start
    net_advance deposits 300
    before=$(net_peer_ports a)
    start=$(net_now_us)
    "${@:2}"
    net_advance deposits 200
    net_within 3000 "$start" "going on after: $1"
    net_until 5 net_gone net_peer_ports a "$before" || scene_fail "the server still holds the dead connection ($1)"
    rebinds=$((rebinds + 1))
}

# The server does not know the new port and says so: the client hears a reset.
goes_on_after "a reset" rebind 30000-39999
goes_on_after "a reset" rebind 40000-49999
reset_ms=$net_worst_ms

# The gate lets no reset through: nobody says anything.
net_on gate nft 'add rule ip gate forward tcp flags & rst == rst drop'
net_worst_ms=0
goes_on_after "silence" rebind 20000-29999
goes_on_after "silence" rebind 30000-39999
silent_ms=$net_worst_ms

# The client itself moves: what its connection was bound to is not its own any more.
net_worst_ms=0
goes_on_after "another address of the client" client_at 192.168.77.3
goes_on_after "another address of the client" client_at 192.168.77.4
moved_ms=$net_worst_ms

net_stop deposits
calls=$(scene_field calls)
net_expect ok -eq "$calls"
net_expect replays -gt 0
net_expect connections -gt "$rebinds"
scene_stop server-a
net_audit a -- deposits -- --asked "$calls" --server-lived
net_books_row "NAT rebinding" "going on after at most $reset_ms ms (reset), $silent_ms ms (silence), $moved_ms ms (client moved)"
echo passed
