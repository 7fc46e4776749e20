#!/usr/bin/env bash
# A client vanishes without a FIN (its packets are dropped, then it is killed), and comes back: nobody locks it out.
# It must not know what the server remembers of it.
# Reads best next: delayed_offer.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

net_host client 10.77.0.1
net_host a 10.77.0.11
net_server a --delay-ms 20

worst_back_ms=0
worst_forgotten_ms=0
results=()

# vanish ROUND: kills a load behind its cut, starts another one, and waits until the server has let go of the first.
vanish() {
    local old start
    net_load "old$1" client 10.77.0.11 --calls 1000000
    net_advance "old$1" 500
    old=$(net_ports client)
    net_rule "tcp sport $old drop"
    net_rule "tcp dport $old drop"
    start=$(net_now_us)
    scene_kill "old$1"
    net_load "new$1" client 10.77.0.11 --calls 300
    net_finish "new$1"
    net_expect ok -eq 300
    net_worst_ms=$worst_back_ms
    net_within 2000 "$start" "coming back"
    worst_back_ms=$net_worst_ms
    net_until 5 net_gone net_peer_ports a "$old" || scene_fail "the server still holds the dead connection"
    net_worst_ms=$worst_forgotten_ms
    net_within $((heartbeat_ms * 6 / 5 + 600)) "$start" "forgetting the dead connection"
    worst_forgotten_ms=$net_worst_ms
    net_mend
    results+=("old$1" "new$1")
}

for round in 1 2 3; do
    vanish "$round"
done
scene_stop server-a
net_audit a -- "${results[@]}" -- --client-died --server-lived
net_books_row "silent client" "3 times back after at most $worst_back_ms ms" \
    "forgotten after at most $worst_forgotten_ms ms (heartbeat $heartbeat_ms ms)"
echo passed
