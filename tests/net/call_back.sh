#!/usr/bin/env bash
# A house asks a thermometer behind a gate that masquerades: nobody can dial it, and the gate forgets its connection
# under the questions.  Each question is read once.
# It must not know how the house finds its way back.
# Reads best next: nat.sh; examples/call-back.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# The gate stands between the thermometer and the switch.
net_host gate 10.77.0.1
net_host house 10.77.0.11
ip netns add inside
ip -n inside link add eth0 type veth peer name inner netns gate
ip -n gate addr add 192.168.77.1/24 dev inner
ip -n gate link set dev inner up
ip -n inside addr add 192.168.77.2/24 dev eth0
ip -n inside link set dev eth0 up
ip -n inside route add default via 192.168.77.1
net_on gate sysctl -q -w net.ipv4.ip_forward=1
net_on gate nft 'add table ip gate'
net_on gate nft 'add chain ip gate post { type nat hook postrouting priority 100; }'

# masquerade PORTS: what leaves the gate has such a port; what had another is forgotten.
masquerade() {
    net_on gate nft -f - <<RULES
flush chain ip gate post
add rule ip gate post oifname "eth0" meta l4proto tcp masquerade to :$1
RULES
    net_on gate conntrack -F 2>/dev/null
}

! net_on house ip route get 192.168.77.2 2>/dev/null || scene_fail "the house knows a way to the thermometer"
masquerade 20000-29999
scene_start house ip netns exec house "$bin/call-back-house" "tcp://0.0.0.0:$port"
scene_spawn thermometer ip netns exec inside "$bin/call-back-thermometer" kitchen 21 "tcp://10.77.0.11:$port"
scene_read thermometer && [[ $scene_line == "registered in the kitchen" ]] || scene_fail "it said: $scene_line"

asked=0

# ask: one more question, answered by one more reading.
ask() {
    local said
    asked=$((asked + 1))
    said=$(net_on house "$bin/call-back-ask" kitchen "tcp://10.77.0.11:$port") || scene_fail "not answered: $said"
    [[ $said == "kitchen: 21 degrees, reading $asked" ]] || scene_fail "question $asked was answered: $said"
}

ask_20() {
    for _ in {1..20}; do ask; done
}

# The first question after it is written into a connection that is no more, and is replayed on the next one.
rebinds=0
ask_20
for ports in 30000-39999 40000-49999; do
    masquerade "$ports"
    start=$(net_now_us)
    ask
    net_within 10000 "$start" "a question after the gate forgot"
    rebinds=$((rebinds + 1))
    ask_20
done
net_row "call back" "$asked asked" "$asked read" "0 twice" "$rebinds times the gate forgot" "going on after at most $net_worst_ms ms"
echo passed
