#!/usr/bin/env bash
# The main job: a hundred thousand deposits over a line that is cut hundreds of times.
# BANK_CALLS and BANK_CUTS ask for more or less.
# It must not know how calls are retried.
# Reads best next: kill.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

calls=${BANK_CALLS:-100000}
cuts=${BANK_CUTS:-500}

server
load --to "${scene_address[server]}" --op balance --calls 500
wait_for_load
bytes=$((($(scene_field bytes_out) + $(scene_field bytes_in)) / 500))

cutter --cut-every "$(scene_cut_every "$calls" "$cuts" "$bytes")" --seed "${BANK_SEED:-1}"
load --to "tcp://${scene_address[cutter]}" --calls "$calls" --window 64
wait_for_load
expect calls -eq "$calls"
expect ok -eq "$calls"
expect replays -gt 0
echo "$told"
scene_stop cutter
expect cuts -ge "$cuts"
echo "$scene_line"
scene_stop server
echo "$scene_line"
audit --asked "$calls" --server-lived

echo passed
