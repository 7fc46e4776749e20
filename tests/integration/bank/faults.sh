#!/usr/bin/env bash
# Each kind of fault on the wire, then all together: nothing runs twice, nothing is unknown while the server lives.
# It must not know how calls are retried.
# Reads best next: many_cuts.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# through NAME COUNTER CUTTER_OPTION... -- LOAD_OPTION...: the load must end well in spite of faults of this kind.
through() {
    local name=$1 counter=$2 faults=()
    shift 2
    while [[ $1 != -- ]]; do faults+=("$1") && shift; done
    shift
    step "$name"
    server --Heartbeat=1s
    cutter "${faults[@]}"
    load --to "tcp://${scene_address[cutter]}" --calls 3000 --window 32 --deadline-ms 60000 --Heartbeat=1s "$@"
    wait_for_load
    expect calls -eq 3000
    expect failed_unknown -eq 0
    expect ok -eq 3000
    scene_stop cutter
    expect "$counter" -gt 0
    scene_stop server
}

for op in deposit note; do
    through "$op: cuts in all forms" cuts --cut-every 8000 -- --op "$op"
    audit --asked 3000 --server-lived
    through "$op: replies lost" cuts --cut-every 6000 --direction down --seed 2 -- --op "$op"
    audit --asked 3000 --server-lived
    through "$op: requests lost" cuts --cut-every 6000 --direction up --seed 3 -- --op "$op"
    audit --asked 3000 --server-lived
done
through "early: many cuts in the handshake" cuts --cut-every 30000 --early-percent 60 --seed 4 --
audit --asked 3000 --server-lived
through "flipped bits" corruptions --corrupt-every 30000 --seed 5 --
audit --asked 3000 --server-lived
through "stalls" stalls --stall-every 40000 --stall-ms 30 --seed 6 --
audit --asked 3000 --server-lived
through "a line that goes dead: only the heartbeat can tell" stalls \
    --stall-every 150000 --endless-percent 100 --endless-ms 30000 --seed 7 --
audit --asked 3000 --server-lived
through "trickles" trickles --trickle-every 30000 --seed 8 --
audit --asked 3000 --server-lived
through "idempotent operations, too" cuts --cut-every 8000 --seed 9 -- --op set-limit
audit --asked 3000 --server-lived
through "all at once" cuts --cut-every 20000 --stall-every 60000 --trickle-every 60000 --corrupt-every 60000 \
    --endless-percent 5 --seed 10 --
audit --asked 3000 --server-lived

step "pending requests meet their own replays"
server --delay-ms 30
cutter --cut-every 6000 --direction down --no-one-way
load --to "tcp://${scene_address[cutter]}" --calls 1500 --window 64
wait_for_load
expect ok -eq 1500
scene_stop cutter
scene_stop server
expect attached -gt 0
audit --asked 1500 --server-lived

echo passed
