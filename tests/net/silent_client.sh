#!/usr/bin/env bash
# A client vanishes without a FIN (its packets are dropped, then it is killed), and comes back: nobody locks it out, with
# and without a node name.
# It must not know what the server remembers of it.
# Reads best next: shared_name.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

net_host client 10.77.0.1
net_host a 10.77.0.11
net_server a --delay-ms 20 --verbose

worst_back_ms=0
worst_forgotten_ms=0
worst_displaced_ms=0
results=()

# vanish NAME OPTION...: a load is cut off without a word; its port is in $old, the time in $start.
vanish() {
    local name=$1
    shift
    net_load "$name" client 10.77.0.11 --calls 1000000 "$@"
    net_advance "$name" 500
    old=$(net_ports client)
    net_rule "tcp sport $old drop"
    net_rule "tcp dport $old drop"
    start=$(net_now_us)
}

# come_back NAME OPTION...: a new load makes its calls as if nothing had been.
come_back() {
    local name=$1
    shift
    net_load "$name" client 10.77.0.11 --calls 300 "$@"
    net_finish "$name"
    net_expect ok -eq 300
    net_worst_ms=$worst_back_ms
    net_within 2000 "$start" "coming back"
    worst_back_ms=$net_worst_ms
    results+=("$name")
}

# Without a name the server can not know that it is the same client: it lets go of the old connection after a heartbeat.
for round in 1 2; do
    vanish "old$round"
    scene_kill "old$round"
    come_back "new$round"
    net_until 5 net_gone net_peer_ports a "$old" || scene_fail "the server still holds the dead connection"
    net_worst_ms=$worst_forgotten_ms
    net_within $((heartbeat_ms * 6 / 5 + 600)) "$start" "forgetting the dead connection" "$net_not_yet_us"
    worst_forgotten_ms=$net_worst_ms
    net_mend
    results+=("old$round")
done

# With a name it knows at once: the old connection gives way before the new one is welcomed.
vanish teller --node-name teller
scene_kill teller
come_back teller2 --node-name teller
grep -qF "closed: replaced by a newer session of the same node name" "$scene_dir/server-a.err" ||
    scene_fail "nothing was displaced"
worst_displaced_ms=$(net_since_ms "$start")
net_mend
results+=(teller)

# The same while the old one lives, and comes back later: it is displaced, then resumed, and loses nothing.
vanish clerk --node-name clerk
come_back clerk2 --node-name clerk
net_mend
net_advance clerk 500
net_stop clerk
net_expect failed_unknown -eq 0
net_expect failed_not_executed -eq 0
net_expect resumed -ge 1
results+=(clerk)

scene_stop server-a
# More, where the new clerk was so slow that the old one, on a port that is not cut, came back before it had gone.
net_expect HEARTBEAT_MISSED -ge 2
net_expect NAME_TAKEN -ge 2
net_audit a -- "${results[@]}" -- --client-died --server-lived
net_books_row "silent client" "4 times back after at most $worst_back_ms ms" \
    "forgotten after at most $worst_forgotten_ms ms (heartbeat $heartbeat_ms ms)" \
    "with a name: displaced, done after $worst_displaced_ms ms"
echo passed
