#!/usr/bin/env bash
# An old HELLO arrives after a newer connection was accepted: it is refused, and the newer connection does not notice.
# It must not know attempt numbers; the kernel's retransmission is what delivers the old offer late.
# Reads best next: asymmetric.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

net_host client 10.77.0.1
net_host a 10.77.0.11
net_server a --HandshakeTimeout=60s

# nft prints counters as "... packets N bytes N ...".
refusals_seen() { nft list chain bridge wire forward | sed -n 's/.*tcp dport .*psh.* counter packets \([0-9]*\) .*/\1/p'; }

is_dialled() { [[ -n $(net_ports client) ]]; }
is_answered() { (($(refusals_seen) > 0)); }

# The connection is made, but nothing that the client says gets through: the HELLO waits in its kernel.
nft 'add rule bridge wire forward iifname "client" tcp flags & psh == psh drop'
net_load deposits client 10.77.0.11 --calls 1000000 --rate 400
net_until 5 is_dialled || scene_fail "the client does not dial"
old=$(net_ports client)
[[ $old =~ ^[0-9]+$ ]] || scene_fail "not one first connection: $old"

# Only the first connection stays held back; the client gives it up, and dials anew.
nft -f - <<RULES
flush chain bridge wire forward
add rule bridge wire forward tcp sport $old drop
RULES
net_advance deposits 200
start=$(net_now_us)

# Now the old offer is let through, long after its client has closed it.
nft -f - <<RULES
flush chain bridge wire forward
add rule bridge wire forward tcp dport $old tcp flags & psh == psh counter
RULES
net_until 20 is_answered || scene_fail "the old offer was not delivered, or not answered"
net_within 20000 "$start" "the retransmission"
net_advance deposits 100

net_stop deposits
calls=$(scene_field calls)
net_expect ok -eq "$calls"
net_expect connections -eq 1
net_expect replays -eq 0
scene_stop server-a
net_expect accepted -eq 2
net_expect welcomed -eq 1
net_expect resumed -eq 0
net_audit a -- deposits -- --asked "$calls" --server-lived
net_books_row "delayed offer" "2 dials, 1 welcomed, the late one refused after $net_worst_ms ms"
echo passed
