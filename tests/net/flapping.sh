#!/usr/bin/env bash
# The server's link goes down and comes up again every second.
# It must not know whether a pause was long enough to cost the connection.
# Reads best next: README.md.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

flaps=4

# A clock that nobody writes to: the schedule of the fault, never a wait for something to be ready.
mkfifo "$scene_dir/clock"
exec {clock}<>"$scene_dir/clock"
a_second() { read -r -t 1 -u "$clock" || true; }

net_host client 10.77.0.1
net_host a 10.77.0.11
net_server a --delay-ms 5
net_load deposits client 10.77.0.11 --calls 1000000 --window 64
net_load reads client 10.77.0.11 --calls 1000000 --op balance --rate 500
net_advance deposits 100

for ((i = 0; i < flaps; i++)); do
    ip link set dev a down
    a_second
    ip link set dev a up
    a_second
done
start=$(net_now_us)
net_advance deposits 200
net_within 3000 "$start" "going on"
net_advance reads 100

net_stop reads
net_expect ok -eq "$(scene_field calls)"
net_stop deposits
calls=$(scene_field calls)
net_expect ok -eq "$calls"
net_expect replays -gt 0
connections=$(scene_field connections) replays=$(scene_field replays)
scene_stop server-a
net_audit a -- deposits -- --asked "$calls" --server-lived
net_books_row "flapping link" "$flaps flaps" "$connections connections" "$replays replays"
echo passed
