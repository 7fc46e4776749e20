#!/usr/bin/env bash
# Two nodes that live share a name: they displace each other, until the server refuses and says so loudly.
# It must not know how often they may.
# Reads best next: delayed_offer.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

net_host one 10.77.0.1
net_host two 10.77.0.2
net_host a 10.77.0.11
net_server a --delay-ms 20
net_load one one 10.77.0.11 --calls 1000000 --node-name twin --deadline-ms 4000
net_advance one 200
start=$(net_now_us)
net_load two two 10.77.0.11 --calls 1000000 --node-name twin --deadline-ms 4000

told() { grep -qF "$2" "$scene_dir/$1.err"; }
net_until 20 told server-a "error: server: connection refused: two nodes share one name" ||
    scene_fail "the server said nothing"
net_within 15000 "$start" "saying so"
# Whoever was displaced has been told why.
for host in one two; do
    told "$host" "replaced by a newer session of the same node name" || scene_fail "$host was not told"
done
refused() { told one "two nodes share one name" || told two "two nodes share one name"; }
net_until 20 refused || scene_fail "no client said anything"

# Who is connected stays: one of them goes on.  What the other one has under way ends at its deadline.
net_stop one
calls=$(scene_field calls) ok=$(scene_field ok)
net_stop two
((calls += $(scene_field calls), ok += $(scene_field ok)))
((ok > 200)) || scene_fail "nobody went on"
scene_stop server-a
net_expect NAME_TAKEN -ge 3
net_expect NAME_CONFLICT -ge 1
net_audit a -- one two -- --asked "$calls"
net_books_row "shared name" "told after $net_worst_ms ms" "displaced $(scene_field NAME_TAKEN) times" \
    "refused $(scene_field NAME_CONFLICT) times"
echo passed
